"""The advice to visit with its pack, the weeks ahead, and the three parts of an account's standing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from serving.explain import sentence
from serving.kinds import ACCOUNT
from serving.when import when_told
from serving.workbench import formats
from serving.workbench.chart import when_options
from serving.workbench.frame import Reader
from serving.workbench.parts import band_badge, heading, node
from serving.workbench.standing import Standing
from serving.workbench.translations import value_word

_SHOWN: Final = 5
_REASONS: Final = 3


def show_advice(reader: Reader, standing: Standing) -> None:
    """Build the yellow banner with what to take along, where the composite calls for a visit."""
    if standing.assessment.advice is None:
        return
    words = standing.assessment.advice[0 if reader.language == "zh" else 1]
    with node("section", classes="lp-advice", role="status"):
        with node("div", classes="lp-advice-head"):
            node("b", words)
            composite = f"{standing.assessment.composite.value:.0f}"
            node("span", reader.say("visit.composite", value=composite), "lp-num")
        with node("details"):
            node("summary", reader.say("visit.pack"), "lp-link")
            with node("div", classes="lp-pack"):
                _pack(reader, standing)


def _pack(reader: Reader, standing: Standing) -> None:
    service = standing.service
    hours, marks = service["first_response_mean_h"], service["satisfaction_mean"]
    told = reader.say("visit.service.told", hours=formats.plain(hours), marks=formats.plain(marks))
    note = told if service["tickets"] else None
    _list(reader, "visit.service", [_ticket(reader, row) for row in service["tickets"]], note)
    _list(reader, "visit.open", [_ticket(reader, row) for row in standing.open_issues])
    _list(reader, "visit.notes", [_note(row) for row in standing.notes])


def _list(reader: Reader, title: str, lines: Sequence[tuple[str, str]], note: str | None = None) -> None:
    with node("div"):
        node("h3", f"{reader.say(title)} ({len(lines)})")
        if note:
            node("p", note, "lp-quiet")
        if not lines:
            node("p", reader.say("visit.none"), "lp-quiet")
            return
        with node("ul"):
            for day, words in lines[:_SHOWN]:
                with node("li"):
                    node("time", day, "lp-num lp-quiet")
                    node("span", words)
        if len(lines) > _SHOWN:
            node("p", reader.say("visit.more", count=len(lines) - _SHOWN), "lp-quiet")


def _ticket(reader: Reader, row: Mapping[str, Any]) -> tuple[str, str]:
    opened = row["opened_at"]
    day = opened[:10] if isinstance(opened, str) else formats.day(opened)
    status = value_word("status", str(row.get("status") or ""), reader.language)
    return day, " · ".join(filter(None, (str(row.get("title") or ""), status)))


def _note(row: Mapping[str, Any]) -> tuple[str, str]:
    return formats.day(row["occurred_at"]), str(row.get("text") or "")


def show_when(reader: Reader, standing: Standing) -> None:
    """Build the card of the weeks ahead, where a model says when."""
    from nicegui import ui

    when = when_told(standing.weekly)
    if when is None or standing.weekly is None:
        return
    weeks = reader.say("separator").join(str(week) for week in sorted(when["likeliest_weeks"]))
    total = formats.percent(when["total"])
    told = reader.say("when.total", total=total, count=len(standing.weekly))
    likely = reader.say("when.likely", weeks=weeks) if weeks else reader.say("when.quiet")
    later = standing.decided_after_the_weeks
    if later is not None:
        likely += reader.say("when.later", day=formats.day(later))
    with node("section", classes="lp-card"):
        heading(reader.say("when.title"), note=told + likely)
        names = (reader.say("when.week"), reader.say("when.by_then"))
        chart = ui.echart(when_options(standing.weekly, standing.as_of, names), renderer="svg")
        chart.classes("lp-chart")
        chart.props.update({"role": "img", "aria-label": f"{reader.say('when.title')}: {told}{likely}"})


def show_standing(reader: Reader, standing: Standing) -> None:
    """Build the card of the three parts, each with what moved it most."""
    with node("section", classes="lp-card"):
        heading(reader.say("parts.title"))
        for part in standing.assessment.parts:
            with node("div", classes="lp-standing-part"):
                with node("div", classes="lp-part-head"):
                    node("h3", part.title[0 if reader.language == "zh" else 1])
                    band_badge(ACCOUNT, part.score.band, part.score.value, reader.language)
                with node("ul"):
                    strongest = sorted(part.score.reasons, key=lambda reason: -abs(reason.effect))
                    for reason in strongest[:_REASONS]:
                        with node("li", classes="lp-quiet"):
                            node("span", sentence(reason, reader.language))
                            node("span", formats.signed(reason.effect), "lp-num")
