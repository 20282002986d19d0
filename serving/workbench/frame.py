"""What surrounds every page: wordmark, navigation, notice, language, and who is signed in."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any

from serving.language import Language
from serving.workbench.addresses import SECOND_FACTOR, language_address
from serving.workbench.assets import asset
from serving.workbench.parts import node
from serving.workbench.plain import reader_language
from serving.workbench.translations import say
from serving.workbench.visitors import Visitor, visitor_of

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reader:
    """Who reads this page, in which language, and at which address."""

    visitor: Visitor
    language: Language
    address: str

    def say(self, key: str, **values: object) -> str:
        """Return a text in the reader's language."""
        return say(key, self.language, **values)


def reader_of(request: Any) -> Reader:
    """Return who asks for a page. Raises PermissionError if the gate let nobody in."""
    visitor = visitor_of(request.scope)
    if visitor is None:
        raise PermissionError("a page was asked for without a session")
    query = request.url.query
    address = f"{request.url.path}?{query}" if query else request.url.path
    return Reader(visitor, reader_language(request), address)


@contextmanager
def frame(reader: Reader, title: str, section: str, notice: tuple[str, str] | None) -> Iterator[None]:
    """Build the surroundings; what is created inside is the content. ``section``: leads or accounts."""
    from nicegui import ui

    _prepare_client(reader, title)
    node("a", reader.say("nav.skip"), "lp-skip", href="#main")
    with node("header", classes="lp-top"):
        with node("a", classes="lp-wordmark", href="/leads", aria_label=reader.say("brand")):
            node("img", src=asset("pulse.svg"), alt="", width="26", height="26")
            node("b", "LeadPulse")
            node("span", "线索脉搏")
        with node("nav", classes="lp-nav", aria_label=reader.say("nav.main")):
            for name in ("leads", "accounts"):
                here = "page" if name == section else None
                node("a", reader.say(f"nav.{name}"), href=f"/{name}", aria_current=here)
        with node("div", classes="lp-who"):
            other = "en" if reader.language == "zh" else "zh"
            node(
                "a",
                reader.say("language.switch"),
                "lp-link",
                href=language_address(other, reader.address),
                lang="en" if other == "en" else "zh-CN",
                aria_label=reader.say("language.label"),
            )
            node(
                "a",
                reader.visitor.name,
                "lp-user",
                href=SECOND_FACTOR,
                title=reader.say("signed_in_as", name=reader.visitor.name),
            )
            with node("form", method="post", action="/sign-out"):
                node("button", reader.say("sign_out"), "lp-link", type="submit")
    if notice:
        node("p", notice[0 if reader.language == "zh" else 1], "lp-synthetic", role="note")
    with node("main", classes="lp-main", id="main"), ui.element("div").classes("lp-column"):
        yield


def _prepare_client(reader: Reader, title: str) -> None:
    from nicegui import ui

    client = ui.context.client
    client.title = f"{title} · LeadPulse 线索脉搏"
    page = copy(client.page)
    page.language = "zh-CN" if reader.language == "zh" else "en-US"
    client.page = page
    client.content.classes(replace="lp lp-app")
    client.on_exception(lambda error: _report(reader, error))


def _report(reader: Reader, error: Exception) -> None:
    """Tell the person that what they did has failed, and log it under a number they can pass on."""
    from nicegui import ui

    incident = secrets.token_hex(4)
    _LOG.error("incident %s: %s", incident, type(error).__name__, exc_info=error)
    ui.notify(reader.say("problem.event", incident=incident), type="negative", position="top")
