"""The pages and their addresses: what is read, off the event loop, and which module shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse

from crm_store.repositories.cursors import BadCursor
from serving.kinds import KINDS, Kind
from serving.workbench import plain
from serving.workbench.addresses import ListState
from serving.workbench.deps import Alerts
from serving.workbench.detail_page import show_detail
from serving.workbench.frame import frame, reader_of
from serving.workbench.parts import node
from serving.workbench.ranked_page import show_list
from serving.workbench.reading import StoreReader

_BUILD_SECONDS: Final = 20.0
_LONGEST_ID: Final = 40
Notice = tuple[str, str] | None
Page = Callable[..., Awaitable[Any]]


def register_pages(store: StoreReader, notice: Notice, alerts: Alerts = tuple) -> None:
    """Register every page with NiceGUI, and our own pages for what is not found or breaks."""
    from nicegui import app, ui

    for kind in KINDS:
        ui.page(f"/{kind.plural}", response_timeout=_BUILD_SECONDS)(_list_page(kind, store, notice, alerts))
        ui.page(f"/{kind.plural}/{{entity_id}}", response_timeout=_BUILD_SECONDS)(
            _detail_page(kind, store, notice)
        )
    app.exception_handlers[404] = _not_found
    app.exception_handlers[Exception] = leave_to_gate


def _list_page(kind: Kind, store: StoreReader, notice: Notice, alerts: Alerts) -> Page:
    async def ranked_list(request: Request) -> Any:
        state = ListState.read(f"/{kind.plural}", request.query_params)
        reader = reader_of(request)
        try:
            found = await asyncio.to_thread(store.seen_by(reader.visitor.viewer).ranked, kind, state)
        except BadCursor:
            return RedirectResponse(state.first.url(), 303)
        told = await asyncio.to_thread(alerts)
        with frame(reader, reader.say(f"list.{kind.plural}"), kind.plural, notice):
            for words in told:
                node("p", words[0 if reader.language == "zh" else 1], "lp-alert", role="status")
            show_list(kind, reader, state, found)
        return None

    return ranked_list


def _detail_page(kind: Kind, store: StoreReader, notice: Notice) -> Page:
    async def detail(request: Request, entity_id: str) -> Any:
        reader = reader_of(request)
        seen = store.seen_by(reader.visitor.viewer)
        known = len(entity_id) <= _LONGEST_ID and entity_id.isprintable()
        found = await asyncio.to_thread(seen.detail, kind, entity_id, reader.language) if known else None
        if found is None:
            return plain.problem(request, "not_found")
        title = found.title or reader.say(f"unnamed.{kind.entity}")
        with frame(reader, title, kind.plural, notice):
            show_detail(kind, reader, found, seen)
        return None

    return detail


async def _not_found(request: Request, _error: Exception) -> Any:
    return plain.problem(request, "not_found")


async def leave_to_gate(_request: Request, error: Exception) -> Any:
    """Pass an exception on to the gate, which logs it and answers with a page of ours."""
    raise error
