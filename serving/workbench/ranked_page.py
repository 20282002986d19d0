"""The ranked lists: colours that filter, filters in the address, and rows that open."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from crm_store.domain.scores import Band
from serving.explain import sentence
from serving.kinds import LEAD, Kind
from serving.workbench import formats
from serving.workbench.addresses import ListState
from serving.workbench.frame import Reader
from serving.workbench.parts import empty_state, heading, node
from serving.workbench.reading import Line, RankedList
from serving.workbench.templating import render

_SHOWN_OF_ID: Final = 6
_BANDS: Final[tuple[Band, ...]] = ("red", "yellow", "green")


def show_list(kind: Kind, reader: Reader, state: ListState, found: RankedList) -> None:
    """Build the content of a ranked list."""
    with node("div", classes="lp-list-head"):
        heading(reader.say(f"list.{kind.plural}"), 1, reader.say(f"list.{kind.plural}.order"))
        if found.scored_at is not None:
            node("span", reader.say("list.scored", moment=formats.moment(found.scored_at)), "lp-quiet lp-num")
        for model in kind.models:
            node("a", reader.say(f"list.card.{model}"), "lp-link", href=f"/cards/{model}")
    _colours(kind, reader, state, found)
    _filters(reader, state, found)
    if found.lines:
        _table(kind, reader, found)
        _pages(reader, state, found)
    elif state.filtered:
        empty_state(reader.say("list.none_match"), reader.say("list.none_match.hint"))
    else:
        empty_state(reader.say("list.empty"), reader.say("list.empty.hint"))


def _colours(kind: Kind, reader: Reader, state: ListState, found: RankedList) -> None:
    with node("nav", classes="lp-chips", aria_label=reader.say("list.filters")):
        _chip(reader, state, None, reader.say("list.all"), None, found.all)
        for band in _BANDS:
            words = reader.say(f"band.{band}.{kind.entity}")
            _chip(reader, state, band, reader.say(f"band.{band}"), words, found.counts[band])


def _chip(
    reader: Reader, state: ListState, band: Band | None, name: str, words: str | None, count: int | None
) -> None:
    chosen = state.band == band
    target = state.with_band(None if chosen else band)
    with node(
        "a",
        classes=f"lp-chip lp-{band or 'all'}",
        href=target.url(),
        aria_current="true" if chosen else None,
        data_band=band or "all",
    ):
        node("span", name, "lp-chip-name")
        if words:
            node("span", words, "lp-chip-words")
        if count is not None:
            node("b", f"{count:,}", "lp-num")


def _filters(reader: Reader, state: ListState, found: RankedList) -> None:
    from nicegui import ui

    def go(target: ListState) -> None:
        if target.url() != state.url():
            ui.navigate.to(target.url())

    chosen: dict[str, str | None] = {"owner": state.owner, "region": state.region, "search": state.search}

    def change(name: str, value: str | None) -> None:
        chosen[name] = value
        go(state.with_filters(chosen["owner"], chosen["region"], chosen["search"]))

    with node("div", classes="lp-filters", role="search"):
        box = ui.input(reader.say("list.search"), value=state.search or "")
        box.props("outlined dense clearable maxlength=100").classes("lp-search")
        box.on("keydown.enter", lambda: change("search", box.value))
        box.on("clear", lambda: change("search", None))
        with box.add_slot("append"):
            look = ui.button(icon="search", on_click=lambda: change("search", box.value))
            look.props("flat dense round size=sm").props["aria-label"] = reader.say("list.search.do")
        for name, options, value in (
            ("owner", found.owners, state.owner),
            ("region", {region: region for region in found.regions}, state.region),
        ):
            _choice(
                reader.say(f"list.{name}"), options, value, lambda picked, name=name: change(name, picked)
            )
        if state.filtered:
            node("a", reader.say("list.clear"), "lp-link", href=state.bare.url())


def _choice(label: str, options: dict[str, str], value: str | None, picked: Any) -> None:
    from nicegui import ui

    if value is not None and value not in options:
        options = {value: value} | options
    choice = ui.select(options, label=label, value=value, with_input=True, clearable=True)
    choice.props("outlined dense options-dense").classes("lp-choice")
    choice.on_value_change(lambda event: picked(event.value))


def _table(kind: Kind, reader: Reader, found: RankedList) -> None:
    """Show the lines as one piece of HTML: hundreds of NiceGUI elements would take longer than the query."""
    from nicegui import ui

    ui.html(rows_html(kind, reader, found), sanitize=False).classes("lp-card lp-table-box")


def rows_html(kind: Kind, reader: Reader, found: RankedList) -> str:
    """Return the table of a page's lines, everything in it escaped."""
    columns = [
        {"name": name, "classes": classes, "title": _title(kind, reader, name)}
        for name, classes in _columns(kind)
    ]
    rows = [_row(kind, reader, place, line) for place, line in enumerate(found.lines, found.start)]
    return render("ranked_rows.html", reader.language, plural=kind.plural, columns=columns, rows=rows)


def _columns(kind: Kind) -> list[tuple[str, str]]:
    """Return the columns and their classes, in order."""
    number = "lp-right lp-num"
    columns = [("rank", f"lp-c-rank {number}"), ("score", "lp-c-score"), ("name", "lp-c-name")]
    columns += [("reason", "lp-c-reason"), ("probability", f"lp-c-probability {number}")]
    if kind is not LEAD:
        columns += [("money", f"lp-c-money {number}"), ("loss", f"lp-c-loss {number}")]
    return [*columns, ("owner", "lp-c-owner"), ("region", "lp-c-region"), ("source", "lp-c-source")]


def _title(kind: Kind, reader: Reader, name: str) -> str:
    keys = {
        "rank": "column.rank",
        "score": "score",
        "name": f"column.name.{kind.entity}",
        "reason": "column.reason",
        "probability": f"probability.{kind.entity}",
        "money": f"money.{kind.entity}",
        "loss": "expected_loss",
        "owner": "list.owner",
        "region": "list.region",
        "source": "source",
    }
    return reader.say(keys[name])


def _row(kind: Kind, reader: Reader, place: int, line: Line) -> dict[str, object]:
    reason = line.main_reason
    return {
        "id": line.entity_id,
        "href": f"/{kind.plural}/{quote(line.entity_id, safe='')}",
        "band": line.band,
        "band_name": reader.say(f"band.{line.band}"),
        "words": reader.say(f"band.{line.band}.{kind.entity}"),
        "value": f"{line.value:.0f}",
        "title": line.title,
        "unnamed": f"{reader.say(f'unnamed.{kind.entity}')} #{line.entity_id[-_SHOWN_OF_ID:]}",
        "rank": f"{place:,}",
        "reason": formats.NOTHING if reason is None else sentence(reason, reader.language),
        "effect": formats.signed(reason.effect) if reason is not None and reason.effect else None,
        "side": "for" if reason is not None and reason.effect > 0 else "against",
        "probability": formats.percent(line.probability),
        "money": formats.money(line.money, reader.language),
        "loss": formats.money(line.expected_loss, reader.language),
        "owner": line.owner or reader.say("nobody"),
        "region": line.region or formats.NOTHING,
        "source": reader.say(f"source.{line.source}"),
    }


def _pages(reader: Reader, state: ListState, found: RankedList) -> None:
    with node("nav", classes="lp-pages", aria_label=reader.say("list.pages")):
        end = found.start + len(found.lines) - 1
        node("span", _place(reader, found, end), "lp-quiet lp-num", data_role="place")
        if state.page > 2 or (state.page == 2 and found.previous is None):
            node("a", reader.say("list.first"), "lp-button lp-button-quiet", href=state.first.url())
        if found.previous is not None:
            node(
                "a",
                f"← {reader.say('list.previous')}",
                "lp-button lp-button-quiet",
                href=found.previous.url(),
                rel="prev",
            )
        if found.next is not None:
            node("a", f"{reader.say('list.next')} →", "lp-button", href=found.next.url(), rel="next")


def _place(reader: Reader, found: RankedList, end: int) -> str:
    start = f"{found.start:,}"
    if found.total is None:
        return reader.say("list.place.open", start=start, end=f"{end:,}")
    return reader.say("list.place", start=start, end=f"{end:,}", total=f"{found.total:,}")
