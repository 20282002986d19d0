"""Small pieces that pages are built from. Text always goes in as text, never as HTML."""

from __future__ import annotations

from typing import Any

from crm_store.domain.scores import Band
from serving.kinds import Kind
from serving.language import Language
from serving.workbench.translations import say


def node(tag: str, text: str | None = None, classes: str = "", **attributes: object) -> Any:
    """Create an HTML element; ``aria_label`` becomes ``aria-label``, and None means no such attribute."""
    from nicegui import ui
    from nicegui.elements.mixins.text_element import TextElement

    element = ui.element(tag) if text is None else TextElement(tag=tag, text=text)
    if classes:
        element.classes(classes)
    given = {
        name.strip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None
    }
    if given:
        element.props.update(given)
    return element


def band_badge(kind: Kind, band: Band, value: float, language: Language) -> Any:
    """Show a score as number, colour and word: the colour never stands alone."""
    with node("span", classes=f"lp-badge lp-{band}") as badge:
        node("b", f"{value:.0f}", "lp-num")
        node("span", say(f"band.{band}", language))
    badge.props["title"] = say(f"band.{band}.{kind.entity}", language)
    return badge


def empty_state(title: str, hint: str) -> Any:
    """Say that there is nothing, and what to do about it."""
    with node("div", classes="lp-empty", role="status") as box:
        node("p", title, "lp-empty-title")
        node("p", hint)
    return box


def spinner(language: Language) -> Any:
    """Show that something is being read."""
    with node("div", classes="lp-loading", role="status") as box:
        node("span", classes="lp-spinner", aria_hidden="true")
        node("span", say("loading", language))
    return box


def heading(text: str, level: int = 2, note: str | None = None) -> Any:
    """Show the heading of a section, with a quiet remark beside it."""
    with node("div", classes="lp-heading") as row:
        node(f"h{level}", text)
        if note:
            node("span", note, "lp-quiet")
    return row
