"""The way into the workbench: ``create_workbench`` builds the ASGI app, ``run`` serves it until stopped."""

from __future__ import annotations

import time
from typing import Final

from serving.workbench.assets import FOLDER, asset
from serving.workbench.deps import WorkbenchDeps
from serving.workbench.gate import Gate, cookie_name

# How long a page is kept for a browser that lost its connection, e.g. in a lift.
_RECONNECT_SECONDS: Final = 30.0
# Open pages would otherwise hold the process for as long as somebody looks at them.
_STOP_SECONDS: Final = 3
_BRAND: Final = {
    "primary": "#0f5f58",
    "secondary": "#40615e",
    "accent": "#0f766e",
    "positive": "#1f7a4d",
    "negative": "#b3362a",
    "warning": "#b7791f",
    "info": "#40615e",
    "dark": "#17302e",
}


def create_workbench(deps: WorkbenchDeps) -> Gate:
    """Register the pages with NiceGUI and return the guarded app. Once per process: NiceGUI is a global."""
    from fastapi import FastAPI
    from nicegui import app as nicegui_app
    from nicegui import ui
    from starlette.staticfiles import StaticFiles

    from serving.attempts import Attempts
    from serving.workbench.cards import card_route
    from serving.workbench.doors import Doors
    from serving.workbench.pages import leave_to_gate, register_pages
    from serving.workbench.reading import StoreReader
    from serving.workbench.scripts import mark_own_scripts
    from serving.workbench.sockets import SocketGuard
    from serving.workbench.visitors import Visitors

    visitors = Visitors(deps.factory, deps.clock, deps.vault, deps.sso)
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    outer.exception_handlers[Exception] = leave_to_gate
    gate = Gate(outer, visitors, deps.origins)
    doors = Doors(visitors, cookie_name(gate.secure), secure=gate.secure, attempts=Attempts(time.monotonic))
    outer.router.routes.extend([*doors.routes(), card_route(deps.cards)])
    outer.mount("/static", StaticFiles(directory=FOLDER))
    reader = StoreReader(deps.factory, deps.rule_book(), assessor=deps.assessor)
    register_pages(reader, deps.notice, deps.alerts)
    mark_own_scripts()
    ui.add_head_html(f'<link rel="stylesheet" href="{asset("workbench.css")}">', shared=True)
    ui.add_body_html(f'<script defer src="{asset("workbench.js")}"></script>', shared=True)
    nicegui_app.colors(**_BRAND)
    guard = SocketGuard(visitors)
    guard.install()
    nicegui_app.on_startup(guard.watch)
    ui.run_with(
        outer,
        title="LeadPulse 线索脉搏",
        favicon=FOLDER / "pulse.svg",
        language="zh-CN",
        binding_refresh_interval=None,
        reconnect_timeout=_RECONNECT_SECONDS,
        tailwind=False,
        show_welcome_message=False,
    )
    return gate


def run(deps: WorkbenchDeps, host: str, port: int) -> None:
    """Serve the workbench on an address until a signal ends the process."""
    import uvicorn

    uvicorn.run(
        create_workbench(deps),
        host=host,
        port=port,
        ws="wsproto",  # the library that NiceGUI itself is served with
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
