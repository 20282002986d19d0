"""The BentoML service: starts the app that the composition root builds, and serves it. No logic here.

BentoML's routes for health and metrics lie in front of a mounted app, so ``Front`` lets ours answer them;
its metrics are off because they would keep a counter for every path, ids included.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import bentoml
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.factory import app_of_environment


class PublicApp:
    """The app as BentoML mounts it: built when the worker starts, not when the module is read."""

    def __init__(self, build: Callable[[], Starlette]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._running = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Build the app and run its start-up."""
        app = self._build()
        await self._running.enter_async_context(app.router.lifespan_context(app))
        self._app = app

    async def stop(self) -> None:
        """Run the app's shutdown."""
        self._app = None
        await self._running.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._app is None:
            raise RuntimeError("the app is not running")
        await self._app(scope, receive, send)


class Front:
    """Sends every request to the public app, past BentoML's own routes."""

    def __init__(self, app: ASGIApp, public: PublicApp) -> None:
        self._inner = app
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything but HTTP goes on to BentoML."""
        await (self._public if scope["type"] == "http" else self._inner)(scope, receive, send)


def service_of(build: Callable[[], Starlette]) -> Any:
    """Return the BentoML service of an app; ``build`` is called once, in the worker."""
    public = PublicApp(build)

    class LeadPulse:
        """It has no operations of its own."""

        async def start(self) -> None:
            await public.start()

        async def stop(self) -> None:
            await public.stop()

    bentoml.on_startup(LeadPulse.start)
    bentoml.on_shutdown(LeadPulse.stop)
    service = bentoml.service(
        name="leadpulse",
        workers=1,
        http={"host": "127.0.0.1"},
        metrics={"enabled": False},
        logging={"access": {"enabled": False}},
    )(LeadPulse)
    bentoml.asgi_app(public, path="/", name="leadpulse")(service)
    service.add_asgi_middleware(Front, public=public)
    return service


LeadPulse = service_of(app_of_environment)
