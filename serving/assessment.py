"""An account by the rules, whoever gives its score: the composite with its advice, and three parts of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from crm_store.domain.scores import Score
from crm_store.rules.engine import RuleBook
from features.engines.python_engine import evaluate
from serving.ladder import sources_of

COMPOSITE: Final = "account_risk"
EXPIRY: Final = "account_days_to_expiry"
PARTS: Final = {"purchase": "account_purchase", "service": "account_service", "risk": "account_stability"}
"""Part → the rule document that gives its points."""
History = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Part:
    """One of the three parts of an account's standing; ``title`` is (Chinese, English)."""

    name: str
    title: tuple[str, str]
    score: Score


@dataclass(frozen=True)
class Assessment:
    """The composite of 0–100, what it advises (Chinese, English; None where nothing), and the parts.

    ``contract_ends_at`` is when the contract ends that is the next to, None where none is under way.
    """

    composite: Score
    advice: tuple[str, str] | None
    parts: tuple[Part, ...]
    contract_ends_at: datetime | None = None


@dataclass(frozen=True)
class Assessor:
    """Assesses accounts by a book of rules; safe to share between threads."""

    book: RuleBook

    @property
    def signals(self) -> tuple[str, ...]:
        """The features that the documents read."""
        read = (self.book.document(name).signals for name in (COMPOSITE, *PARTS.values()))
        return tuple(dict.fromkeys(name for names in read for name in names))

    @property
    def sources(self) -> tuple[str, ...]:
        """The feature sources behind them."""
        return sources_of("account", self.signals)

    def assess(self, history: History, account_id: str, as_of: datetime) -> Assessment:
        """Return the standing of an account as of a moment, from its source rows.

        Raises RuleFailed where a document has no answer.
        """
        row = evaluate("account", history, account_id, as_of, self.signals)
        parts = tuple(
            Part(name, self.book.document(document).title, self._score(document, row, as_of))
            for name, document in PARTS.items()
        )
        outputs = self.book.evaluate(COMPOSITE, row).outputs
        advice = outputs.get("advice") or {}
        told = (str(advice["zh"]), str(advice["en"])) if outputs.get("warn") else None
        left = row.get(EXPIRY)
        ends_at = as_of + timedelta(days=left) if isinstance(left, int | float) else None
        return Assessment(self._score(COMPOSITE, row, as_of), told, parts, ends_at)

    def _score(self, document: str, row: Mapping[str, object], as_of: datetime) -> Score:
        return self.book.scorer(document).score([row], as_of)[0]


@cache
def shipped_assessor() -> Assessor:
    """Return the assessor by the documents that come with the package."""
    return Assessor(RuleBook.shipped())
