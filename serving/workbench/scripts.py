"""NiceGUI's own inline scripts get this response's nonce, so that no other inline script runs."""

from __future__ import annotations

from typing import Any, Final

from serving.workbench.gate import NONCE_KEY

_MARKED: Final = f'<script nonce="{{{{ request.scope["{NONCE_KEY}"] }}}}"'


def mark_own_scripts() -> None:
    """Mark the scripts in the template itself, before any data is filled in: injected ones stay unmarked."""
    from jinja2 import FunctionLoader
    from nicegui import client

    environment: Any = client.templates.env
    given = environment.loader

    def load(name: str) -> tuple[str, str | None, Any]:
        source, path, fresh = given.get_source(environment, name)
        return source.replace("<script", _MARKED), path, fresh

    environment.loader = FunctionLoader(load)
