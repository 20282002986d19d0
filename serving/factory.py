"""Finds the function that builds the app: this package may not import the composition root by name."""

from __future__ import annotations

import importlib
import os
from typing import Final

from starlette.applications import Starlette

FACTORY_VARIABLE: Final = "LEADPULSE_APP_FACTORY"
DEFAULT_FACTORY: Final = "pipelines.runtime:serving_app"
# What may be named in the variable: it chooses code that runs.
ALLOWED: Final = "pipelines."


def app_from(factory: str) -> Starlette:
    """Build the app by ``module:function``. Raises ValueError for a module that may not be named."""
    module, _, function = factory.partition(":")
    if not module.startswith(ALLOWED) or not function.isidentifier():
        raise ValueError(f"{FACTORY_VARIABLE} may not name {factory!r}")
    app = getattr(importlib.import_module(module), function)()
    if not isinstance(app, Starlette):
        raise TypeError(f"{factory} did not return an app")
    return app


def app_of_environment() -> Starlette:
    """Build the app that the environment names, by default the composition root's."""
    return app_from(os.environ.get(FACTORY_VARIABLE, DEFAULT_FACTORY))
