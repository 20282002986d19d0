"""Why a score is what it is: sentences for and against, each with a bar and the way to the raw records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from crm_store.domain.scores import Reason, Score
from features.catalog import CATALOG
from serving.explain import Side, sentence, side_of, strongest
from serving.kinds import Kind
from serving.workbench import formats
from serving.workbench.change_card import scale_told
from serving.workbench.evidence import EvidenceDialog
from serving.workbench.frame import Reader
from serving.workbench.parts import heading, node

_SIDES: Final[tuple[Side, ...]] = ("against", "for", "notes")
_LEAST_BAR: Final = 0.02


def show_reasons(kind: Kind, reader: Reader, score: Score, evidence: EvidenceDialog) -> None:
    """Build the card; what pulls a score down stands first, because somebody has to act on it."""
    sides: dict[Side, list[Reason]] = {side: [] for side in _SIDES}
    shown = strongest(score.reasons)
    for reason in shown:
        sides[side_of(reason)].append(reason)
    largest = max((abs(reason.effect) for reason in score.reasons), default=0.0) or 1.0
    with node("section", classes="lp-card"):
        heading(reader.say("detail.reasons"))
        with node("div", classes="lp-reasons"):
            for side in _SIDES[:2]:
                _side(reader, side, sides[side], largest, evidence)
        if sides["notes"]:
            _side(reader, "notes", sides["notes"], largest, evidence)
        told = scale_told(reader, score, sum(reason.effect for reason in shown))
        node("p", told, "lp-quiet lp-small")


def _side(
    reader: Reader, side: str, reasons: Sequence[Reason], largest: float, evidence: EvidenceDialog
) -> None:
    with node("div", classes=f"lp-side lp-side-{side}"):
        node("h3", reader.say(f"detail.{side}"))
        if not reasons:
            node("p", reader.say("detail.no_reason"), "lp-quiet")
            return
        with node("ul"):
            for reason in sorted(reasons, key=lambda reason: -abs(reason.effect)):
                with node("li"):
                    _reason(reader, reason, largest, evidence)


def _reason(reader: Reader, reason: Reason, largest: float, evidence: EvidenceDialog) -> None:
    told = sentence(reason, reader.language)
    if reason.feature in CATALOG:
        with node("button", classes="lp-reason", type="button", data_feature=reason.feature) as row:
            _body(reader, reason, told, largest)
            node("span", reader.say("detail.open_records"), "lp-reason-open")
        row.on("click", lambda: evidence.open(reason.feature, told))
    else:
        with node("div", classes="lp-reason"):
            _body(reader, reason, told, largest)


def _body(reader: Reader, reason: Reason, told: str, largest: float) -> Any:
    node("span", told, "lp-reason-words")
    if reason.effect == 0:
        return
    node("span", reader.say("detail.points", effect=formats.signed(reason.effect)), "lp-reason-points lp-num")
    with node("span", classes="lp-bar", aria_hidden="true"):
        share = max(abs(reason.effect) / largest, _LEAST_BAR)
        node("span").style(f"width: {share:.0%}")
