"""The dialog with the raw records behind one reason: when, since when known, who, and what."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.part_signals import declared
from serving.workbench import formats
from serving.workbench.frame import Reader
from serving.workbench.happenings import Happening
from serving.workbench.parts import empty_state, node, spinner

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evidence:
    """Records behind a value, newest first: those that are shown, and how many there are."""

    shown: list[Happening]
    count: int


class EvidenceDialog:
    """One dialog of a page; ``read`` finds the records behind a feature and runs off the event loop."""

    def __init__(self, reader: Reader, as_of: datetime, read: Callable[[str], Evidence]) -> None:
        from nicegui import ui

        self._reader = reader
        self._as_of = as_of
        self._read = read
        with ui.dialog() as self._dialog, ui.card().classes("lp-dialog"):
            self._body: Any = ui.element("div").classes("lp-dialog-body")

    async def open(self, feature: str, told: str) -> None:
        """Open at once, and fill in the records when they are read."""
        self._body.clear()
        with self._body:
            self._head(feature, told)
            waiting = spinner(self._reader.language)
        self._dialog.open()
        try:
            found = await asyncio.to_thread(self._read, feature)
        except Exception:
            incident = secrets.token_hex(4)
            _LOG.exception("incident %s: the records behind %s", incident, feature)
            found = None
        if self._body.is_deleted or waiting.is_deleted:
            return
        waiting.delete()
        with self._body:
            if found is None:
                node("p", self._reader.say("evidence.failed", code=incident), "lp-alert", role="alert")
            else:
                self._records(found)

    def _head(self, feature: str, told: str) -> None:
        say = self._reader.say
        with node("div", classes="lp-dialog-head"):
            with node("div"):
                node("p", say("evidence.title"), "lp-quiet")
                node("h2", told)
                found = declared(feature)
                if found is not None:
                    node("p", found.title[0 if self._reader.language == "zh" else 1], "lp-quiet")
            node("button", "×", "lp-close", type="button", aria_label=say("close")).on(
                "click", self._dialog.close
            )

    def _records(self, found: Evidence) -> None:
        say = self._reader.say
        count = f"{found.count:,}"
        node("p", say("evidence.as_of", moment=formats.moment(self._as_of), count=count), "lp-quiet lp-num")
        if not found.shown:
            empty_state(say("evidence.title"), say("evidence.none"))
            return
        if found.count > len(found.shown):
            node("p", say("evidence.first", count=f"{len(found.shown):,}"), "lp-quiet")
        columns = ("occurred", "recorded", "who", "what", "record")
        with node("div", classes="lp-dialog-table"), node("table", classes="lp-table lp-evidence"):
            with node("thead"), node("tr"):
                for name in columns:
                    node("th", say(f"evidence.{name}"), scope="col")
            with node("tbody"):
                for row in found.shown:
                    self._row(row)

    def _row(self, row: Happening) -> None:
        say = self._reader.say
        with node("tr"):
            node("td", formats.moment(row.occurred_at), "lp-num", data_label=say("evidence.occurred"))
            node("td", formats.moment(row.recorded_at), "lp-num", data_label=say("evidence.recorded"))
            node("td", row.who, data_label=say("evidence.who"))
            node("td", f"{say(row.kind)} · {row.what}", data_label=say("evidence.what"))
            node("td", row.record_id, "lp-id", data_label=say("evidence.record"))
