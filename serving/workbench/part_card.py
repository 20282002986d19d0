"""The part scores of a record: label, points, rule version, and reasons that open their records."""

from __future__ import annotations

from collections.abc import Sequence

from features.part_signals import declared
from serving.part_scores import PartReason, PartScore
from serving.workbench import formats
from serving.workbench.evidence import EvidenceDialog
from serving.workbench.frame import Reader
from serving.workbench.parts import heading, node


def show_parts(reader: Reader, parts: Sequence[PartScore], evidence: EvidenceDialog) -> None:
    """Build the card; nothing where a record has no part scores."""
    if not parts:
        return
    language = 0 if reader.language == "zh" else 1
    with node("section", classes="lp-card lp-parts"):
        heading(reader.say("detail.parts"))
        for part in parts:
            points = reader.say("detail.parts.points", value=f"{part.value:,.1f}", version=part.version)
            with node("div", classes="lp-part", data_part=part.name):
                node("h3", part.title[language])
                node("b", part.label_title[language])
                node("span", points, "lp-quiet lp-small lp-num")
                with node("ul"):
                    for reason in part.reasons:
                        with node("li"):
                            _reason(reader, reason, evidence)


def _reason(reader: Reader, reason: PartReason, evidence: EvidenceDialog) -> None:
    told = reason.sentence[0 if reader.language == "zh" else 1]
    points = reader.say("detail.points", effect=formats.signed(reason.points))
    known = declared(reason.signal) is not None
    row = node("button", classes="lp-reason", type="button") if known else node("div", classes="lp-reason")
    with row:
        node("span", told, "lp-reason-words")
        node("span", points, "lp-reason-points lp-num")
        if known:
            node("span", reader.say("detail.open_records"), "lp-reason-open")
    if known:
        row.on("click", lambda: evidence.open(reason.signal, told))
