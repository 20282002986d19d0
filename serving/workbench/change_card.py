"""Why a score moved since an earlier one: what each thing was worth then and now, in parts that add up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from crm_store.domain.scores import Score
from crm_store.repositories.scores.log import StoredScore
from features.meanings import title_of
from serving.change import Change, change
from serving.workbench import formats
from serving.workbench.frame import Reader
from serving.workbench.parts import node

_BACK: Final = (timedelta(0), timedelta(days=7), timedelta(days=30))
_MOST: Final = 6


def earlier_scores(history: Sequence[StoredScore]) -> list[StoredScore]:
    """Return what the newest score is compared with: the one before it, a week's and a month's, each once."""
    if len(history) < 2:
        return []
    newest, *before = history
    found = [
        next((past for past in before if past.score.as_of <= newest.score.as_of - back), None)
        for back in _BACK
    ]
    return list({past.id: past for past in found if past is not None}.values())


def show_change(reader: Reader, history: Sequence[StoredScore]) -> None:
    """Build the comparison with each of the earlier scores; the one before is open."""
    for place, past in enumerate(earlier_scores(history)):
        found = change(past.score, history[0].score)
        attributes: dict[str, Any] = {"open": True} if place == 0 else {}
        with node("details", classes="lp-moved", **attributes):
            effect = formats.signed(found.points)
            node(
                "summary", reader.say("detail.change", moment=formats.moment(past.score.as_of), effect=effect)
            )
            _lines(reader, found)


def _lines(reader: Reader, found: Change) -> None:
    shown, others = found.parts[:_MOST], found.parts[_MOST:]
    language = 0 if reader.language == "zh" else 1
    with node("ul"):
        for part in shown:
            words = f"{title_of(part.meaning)[language]} · {part.sentence(reader.language)}"
            _line(reader, words, part.points)
        if others:
            told = reader.say("detail.change.others", count=len(others))
            _line(reader, told, sum(part.points for part in others))
        if found.base or found.cause != "base":
            _line(reader, found.base_sentence(reader.language), found.base)


def _line(reader: Reader, words: str, points: float) -> None:
    with node("li"):
        node("span", words)
        node("b", reader.say("detail.points", effect=formats.signed(points)), "lp-num")


def scale_told(reader: Reader, score: Score, shown: float) -> str:
    """Say how the reasons make the score; ``shown`` is the sum of those on the page, in points."""
    others = score.value - score.base - shown
    return reader.say(
        "detail.scale",
        base=f"{score.base:.1f}",
        shown=formats.signed(shown),
        others=formats.signed(others),
        value=f"{score.value:.1f}",
    )
