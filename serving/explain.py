"""Reasons as sentences, in the reader's language, each with the way to the raw records behind it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal

from crm_store.domain.scores import Reason
from features.catalog import CATALOG
from features.meanings import meaning_of
from serving.kinds import Kind
from serving.language import Language

SHOWN: Final = 3
Side = Literal["for", "against", "notes"]


def reasons_told(
    kind: Kind, entity_id: str, as_of: datetime, reasons: Iterable[Reason], language: Language
) -> dict[str, list[dict[str, Any]]]:
    """Return reasons for, against and notes (what moved nothing but is worth knowing), strongest first.

    The strongest three of each side are told, and every note.
    """
    before, after = f"{kind.path}/{entity_id}/trace/", f"?as_of={moment(as_of)}"
    told: dict[str, list[dict[str, Any]]] = {"for": [], "against": [], "notes": []}
    for reason in strongest(reasons):
        feature = CATALOG.get(reason.feature)
        told[side_of(reason)].append(
            {
                "feature": reason.feature,
                "meaning": meaning_of(reason.feature),
                "sentence": sentence(reason, language),
                "value": reason.value,
                "unit": feature.unit if feature else None,
                "effect": round(reason.effect, 2),
                "trace": f"{before}{reason.feature}{after}" if feature else None,
            }
        )
    return told


def side_of(reason: Reason) -> Side:
    """Return on which side a reason stands."""
    return "for" if reason.effect > 0 else "against" if reason.effect < 0 else "notes"


def strongest(reasons: Iterable[Reason]) -> list[Reason]:
    """Return the strongest reasons of each side, strongest first, and every note."""
    kept: dict[Side, int] = {"for": 0, "against": 0, "notes": 0}
    shown = []
    for reason in sorted(reasons, key=lambda reason: -abs(reason.effect)):
        side = side_of(reason)
        kept[side] += 1
        if side == "notes" or kept[side] <= SHOWN:
            shown.append(reason)
    return shown


def sentence(reason: Reason, language: Language) -> str:
    """Return a reason in words: the scorer's own, or the feature's."""
    if reason.sentence is not None:
        return reason.sentence[0 if language == "zh" else 1]
    feature = CATALOG.get(reason.feature)
    if feature is None:
        return reason.feature if reason.value is None else f"{reason.feature}: {reason.value}"
    return feature.say(reason.value, language)


def moment(at: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, with Z and to the microsecond where it has any."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
