"""The scores beside the main one: activity and pool, fit, customer tier. Rules, with reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from crm_store.rules.engine import RuleBook
from features.catalog import entity_named
from features.engines.python_engine import Evaluation
from features.part_signals import declared
from serving.kinds import Entity, Kind
from serving.ports import History

ReadHistory = Callable[[Entity, str, Sequence[str]], History]
"""(entity, id, names of sources) → the rows of each source."""
MARGIN: Final = "account_expected_margin"
LABELS: Final[Mapping[Entity, Mapping[str, str]]] = {
    "lead": {"activity_pool": "pool", "lead_fit": "fit"},
    "account": {"customer_tier": "tier"},
}
"""For each kind of record its rule documents, and which of their outputs is the label."""


@dataclass(frozen=True)
class PartReason:
    """One reason: a signal, its value, its points, and what it says (Chinese, English)."""

    signal: str
    value: float | str | bool | None
    points: float
    sentence: tuple[str, str]


@dataclass(frozen=True)
class PartScore:
    """A part score by a version of a rule document: points, a label with its title, and reasons.

    ``base`` and the points of all reasons make ``value``. Titles are (Chinese, English).
    """

    name: str
    title: tuple[str, str]
    version: str
    value: float
    base: float
    label: str
    label_title: tuple[str, str]
    reasons: tuple[PartReason, ...]


def part_scores(
    book: RuleBook, read: ReadHistory, kind: Kind, record_id: str, record: Mapping[str, Any], at: datetime
) -> list[PartScore]:
    """Return a record's part scores as of a moment.

    ``record`` is as the caller may see it: a margin that is hidden from them gives them no tier.
    """
    documents = {name: book.document(name) for name in LABELS[kind.entity]}
    wanted = {signal for document in documents.values() for signal in document.signals}
    signals = _signals(read, kind, record_id, wanted, at)
    margin = record.get("expected_margin")
    signals[MARGIN] = margin if isinstance(margin, int | float) else None
    return [_scored(book, name, label, signals) for name, label in LABELS[kind.entity].items()]


def _signals(
    read: ReadHistory, kind: Kind, record_id: str, wanted: set[str], at: datetime
) -> dict[str, float | str | None]:
    known = [feature for name in sorted(wanted) if (feature := declared(name)) is not None]
    if not known:
        return {}
    sources = {source for feature in known for source in feature.sources} | {f"{kind.entity}_states"}
    history: History = read(kind.entity, record_id, sorted(sources))
    return dict(Evaluation(entity_named(kind.entity), history, record_id, at).values(known))


def _scored(book: RuleBook, name: str, label: str, signals: Mapping[str, object]) -> PartScore:
    document, result = book.document(name), book.evaluate(name, signals)
    title = result.outputs[f"{label}_title"]
    reasons = tuple(
        PartReason(one.feature, one.value, one.effect, one.sentence)
        for one in result.reasons
        if one.sentence is not None
    )
    return PartScore(
        name=name,
        title=document.title,
        version=document.version,
        value=result.value,
        base=result.base,
        label=str(result.outputs[label]),
        label_title=(title["zh"], title["en"]),
        reasons=reasons,
    )
