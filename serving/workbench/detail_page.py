"""One lead or account: score, reasons with their raw records, history, timeline, and the record itself."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from crm_store.repositories.scores.log import StoredScore
from crm_store.repositories.views import Mark
from serving.errors import why_of
from serving.kinds import LEAD, Kind
from serving.workbench import formats
from serving.workbench.change_card import show_change
from serving.workbench.chart import history_options
from serving.workbench.evidence import EvidenceDialog
from serving.workbench.frame import Reader
from serving.workbench.happenings import Happening, shown
from serving.workbench.part_card import show_parts
from serving.workbench.parts import band_badge, empty_state, heading, node
from serving.workbench.reading import Detail, StoreReader, Timeline
from serving.workbench.reasons_card import show_reasons
from serving.workbench.standing_card import show_advice, show_standing, show_when
from serving.workbench.translations import field_word

RECORD_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "lead": (
        "company", "contact_name", "title", "phone", "need", "expected_volume", "industry", "region", "city",
        "channel", "campaign", "status", "created_at", "closed_at", "updated_at", "source", "external_id",
    ),
    "account": (
        "name", "tier", "industry", "region", "city", "employees", "annual_amount",
        "created_at", "updated_at", "source", "external_id",
    ),
}  # fmt: skip


def show_detail(kind: Kind, reader: Reader, found: Detail, store: StoreReader) -> None:
    """Build the content of a detail page."""
    node("a", f"← {reader.say(f'detail.back.{kind.entity}')}", "lp-link lp-back", href=f"/{kind.plural}")
    _head(kind, reader, found)
    if found.standing is not None:
        show_advice(reader, found.standing)
    with node("div", classes="lp-detail"):
        with node("div", classes="lp-detail-main"):
            if found.score is not None:
                given = found.score.score
                evidence = EvidenceDialog(
                    reader,
                    given.as_of,
                    lambda feature: store.evidence(
                        kind, found.entity_id, feature, given.as_of, reader.language
                    ),
                )
                show_reasons(kind, reader, given, evidence)
                if found.standing is not None:
                    show_when(reader, found.standing)
                show_parts(reader, found.parts, evidence)
                _history(reader, found)
            _timeline(kind, reader, found, store)
        with node("div", classes="lp-detail-side"):
            if found.score is not None:
                _facts(kind, reader, found, found.score)
            if found.standing is not None:
                show_standing(reader, found.standing)
            _record(kind, reader, found)


def _head(kind: Kind, reader: Reader, found: Detail) -> None:
    with node("div", classes="lp-card lp-hero"):
        with node("div", classes="lp-hero-name"):
            node("h1", found.title or reader.say(f"unnamed.{kind.entity}"))
            place = " · ".join(filter(None, (found.record.get("region"), found.record.get("city"))))
            owner = found.owner or reader.say("nobody")
            told = [place, f"{reader.say('list.owner')} {owner}"]
            node("p", "　".join(filter(None, told)), "lp-quiet")
        if found.score is None:
            empty_state(reader.say("no_score"), reader.say("no_score.hint"))
            return
        given = found.score.score
        with node("div", classes=f"lp-hero-score lp-{given.band}"):
            with node("p", classes="lp-hero-value"):
                node("b", f"{given.value:.0f}", "lp-num")
                node("span", reader.say("score.of_100"))
            band_badge(kind, given.band, given.value, reader.language)
            node("span", reader.say(f"band.{given.band}.{kind.entity}"), "lp-hero-words")
        with node("div", classes="lp-hero-figures"):
            _figure(reader.say(f"probability.{kind.entity}"), formats.percent(given.probability))
            if kind is not LEAD:
                _figure(reader.say(f"money.{kind.entity}"), formats.money(found.money, reader.language))
                _figure(reader.say("expected_loss"), formats.money(found.expected_loss, reader.language))
            _figure(reader.say("source"), reader.say(f"source.{given.source}"))


def _figure(name: str, value: str) -> None:
    with node("div", classes="lp-figure"):
        node("span", name, "lp-quiet")
        node("b", value, "lp-num")


def _facts(kind: Kind, reader: Reader, found: Detail, stored: StoredScore) -> None:
    given = stored.score
    rows = [
        (reader.say("as_of"), formats.moment(given.as_of)),
        (reader.say("scored_at"), formats.moment(stored.scored_at)),
        (reader.say("source"), f"{reader.say(f'source.{given.source}')} · {given.version}"),
    ]
    with node("section", classes="lp-card lp-facts"):
        heading(reader.say("score"))
        if given.why is not None:
            node("p", why_of(given.why)["message"][reader.language], "lp-why")
        if given.probability is None:
            node("p", reader.say("why.no_probability"), "lp-quiet lp-small")
        _pairs(rows)


def _pairs(rows: list[tuple[str, str]]) -> None:
    with node("dl", classes="lp-pairs"):
        for name, value in rows:
            node("dt", name)
            node("dd", value)


def _record(kind: Kind, reader: Reader, found: Detail) -> None:
    with node("section", classes="lp-card"):
        heading(reader.say("detail.record"))
        rows = []
        for name in RECORD_FIELDS[kind.entity]:
            value = found.record.get(name)
            if value not in (None, ""):
                told = formats.money(value, reader.language) if name == "annual_amount" else None
                rows.append(
                    (field_word(name, reader.language), told or shown(name, value, reader.language, {}))
                )
        rows.append((reader.say("list.owner"), found.owner or reader.say("nobody")))
        _pairs(rows)
        if found.record.get("phone"):
            node("p", reader.say("detail.phone_masked"), "lp-quiet lp-small")


def _history(reader: Reader, found: Detail) -> None:
    from nicegui import ui

    points = [(past.score.as_of, past.score.value) for past in reversed(found.history)]
    with node("section", classes="lp-card"):
        heading(
            reader.say("detail.history"),
            note="" if len(found.history) > 1 else reader.say("detail.history.once"),
        )
        show_change(reader, found.history)
        chart = ui.echart(history_options(points, reader.say("score")), renderer="svg").classes("lp-chart")
        told = [f"{formats.moment(at)} {value:.0f}" for at, value in points]
        chart.props.update(
            {"role": "img", "aria-label": f"{reader.say('detail.history')}: {', '.join(told[-12:])}"}
        )


def _timeline(kind: Kind, reader: Reader, found: Detail, store: StoreReader) -> None:
    with node("section", classes="lp-card") as card:
        heading(reader.say("detail.timeline"))
        if not found.timeline.items:
            node("p", reader.say("detail.timeline.empty"), "lp-quiet")
            return
        rows = node("ol", classes="lp-timeline")

    def show(part: Timeline) -> None:
        with rows:
            for item in part.items:
                _happening(reader, item)
        if part.before is not None:
            with card:
                button = node(
                    "button", reader.say("detail.timeline.more"), "lp-button lp-button-quiet lp-more"
                )
            button.on("click", lambda: go_on(button, part.before))

    async def go_on(button: Any, before: Mark) -> None:
        button.delete()
        show(await asyncio.to_thread(store.timeline, kind, found.entity_id, reader.language, before))

    show(found.timeline)


def _happening(reader: Reader, item: Happening) -> None:
    with node("li", classes=f"lp-happening lp-k-{item.kind.replace('_', '-')}"):
        node("time", formats.moment(item.occurred_at), "lp-num", datetime=item.occurred_at.isoformat())
        node("span", reader.say(item.kind), "lp-kind")
        node("span", item.what, "lp-what")
        node("span", item.who, "lp-quiet lp-by")
