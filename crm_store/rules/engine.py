"""Runs rule documents: each is loaded and compiled once, then evaluated for as many rows as asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from crm_store.domain.scores import Reason, Score, band_of
from crm_store.rules.document import RuleDocument
from crm_store.rules.errors import RuleFailed, RuleRefused, engine_words
from crm_store.rules.reasons import reasons_from
from crm_store.rules.validation import load_engine, validate_document

__all__ = ["DOCUMENTS", "RuleBook", "RuleResult", "RuleScorer", "validate_document"]

DOCUMENTS = Path(__file__).parent / "documents"
"""Where the documents are that come with the package."""
# The engine's decimals end near 8e28. No signal is near this; a runaway value still compares as "very large".
_LARGEST = 1e15


@dataclass(frozen=True)
class RuleResult:
    """What a document answered for one row: ``base`` plus the reasons' effects is ``value``, before limits.

    ``outputs`` is the whole answer, with ``fired``, the rules that fired, and what else the document
    gives (``pool``, ``warn``, ``advice``).
    """

    value: float
    base: float
    outputs: Mapping[str, Any]
    reasons: tuple[Reason, ...]


class RuleBook:
    """A set of documents that passed ``validate_document``, ready to run; safe to share between threads."""

    def __init__(self, documents: Iterable[RuleDocument]) -> None:
        """Load every document into one engine; several versions of a name may live side by side."""
        self._versions: dict[str, RuleDocument] = {}
        for document in documents:
            other = self._versions.setdefault(document.version, document)
            if other.digest != document.digest:
                raise RuleRefused("version_taken", "metadata.version", detail=document.version)
        self._latest: dict[str, RuleDocument] = {}
        for document in sorted(self._versions.values(), key=_number):
            self._latest[document.name] = document
        self._engine = load_engine({v: document.content for v, document in self._versions.items()})

    @classmethod
    def shipped(cls) -> RuleBook:
        """Return the book of the documents that come with the package."""
        return cls(validate_document(path.read_bytes()) for path in sorted(DOCUMENTS.glob("*.json")))

    def document(self, name: str) -> RuleDocument:
        """Return a document by version (``lead_health@1``), or the newest of a name; KeyError if unknown."""
        return self._versions.get(name) or self._latest[name]

    def documents(self) -> tuple[RuleDocument, ...]:
        """Return every document in the book, by name, then oldest version first."""
        return tuple(sorted(self._versions.values(), key=lambda d: (d.name, _number(d))))

    def evaluate(self, name: str, row: Mapping[str, object]) -> RuleResult:
        """Answer for one row with reasons; RuleFailed when the document has no answer for it."""
        document = self.document(name)
        answer = self._run(document, row, trace=True)
        outputs = answer["result"]
        try:
            reasons = reasons_from(document, answer["trace"])
        except (KeyError, TypeError, ValueError) as error:
            raise RuleFailed(document.version, f"{type(error).__name__}: {error}") from None
        base = outputs.get("base")
        return RuleResult(_score_of(document, outputs), float(base or 0), outputs, reasons)

    def values(self, name: str, rows: Iterable[Mapping[str, object]]) -> list[float]:
        """Return the bare score of each row, without reasons: about half the time of ``evaluate``."""
        document = self.document(name)
        return [_score_of(document, self._run(document, row, trace=False)["result"]) for row in rows]

    def scorer(self, name: str) -> RuleScorer:
        """Return the document as a Scorer; RuleRefused when its score isn't 0–100."""
        return RuleScorer(self, name)

    def _run(self, document: RuleDocument, row: Mapping[str, object], *, trace: bool) -> dict[str, Any]:
        context = {signal: _plain(row.get(signal)) for signal in document.signals}
        try:
            answer: dict[str, Any] = self._engine.evaluate(document.version, context, {"trace": trace})
        except Exception as error:
            raise RuleFailed(document.version, engine_words(error)) from None
        return answer


class RuleScorer:
    """A rule document as a Scorer: the baseline in training, and the rung below the models in serving."""

    def __init__(self, book: RuleBook, name: str) -> None:
        self.document = book.document(name)
        if self.document.scale != "0-100":
            raise RuleRefused("not_a_score", "metadata.scale")
        self.version = f"rules:{self.document.version}"
        self._book = book

    def score(self, signals: Sequence[Mapping[str, object]], as_of: datetime) -> list[Score]:
        """Return one score per row, in order; RuleFailed when the document has no answer for a row."""
        return [self._score(row, as_of) for row in signals]

    def probabilities(self, signals: Iterable[Mapping[str, object]]) -> list[float | None]:
        """Return the probability of each row's score without reasons, for comparing on large sets."""
        return [self._probability(value) for value in self._book.values(self.document.version, signals)]

    def _score(self, row: Mapping[str, object], as_of: datetime) -> Score:
        result = self._book.evaluate(self.document.version, row)
        return Score(
            value=result.value,
            band=band_of(result.value, self.document.bands),
            probability=self._probability(result.value),
            reasons=result.reasons,
            source="rules",
            version=self.version,
            as_of=as_of,
        )

    def _probability(self, value: float) -> float | None:
        if self.document.probability is None:
            return None
        return value / 100 if self.document.probability == "value" else (100 - value) / 100


def _number(document: RuleDocument) -> int:
    return int(document.version.rpartition("@")[2])


def _score_of(document: RuleDocument, outputs: Mapping[str, Any]) -> float:
    try:
        score = float(outputs["score"])
    except (KeyError, TypeError, ValueError):
        raise RuleFailed(document.version, "score") from None
    if not math.isfinite(score) or (document.scale == "0-100" and not 0 <= score <= 100):
        raise RuleFailed(document.version, f"score {score}")
    return score


def _plain(value: object) -> float | int | str | None:
    """Return a signal as the engine takes it; anything that isn't a finite number or a text is missing.

    A truth value becomes 0 or 1: the engine refuses to compare one with a number, and drops the rule.
    """
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, Integral):
        return int(max(-_LARGEST, min(_LARGEST, int(value))))
    if not isinstance(value, Real | Decimal):
        return None
    number = float(value)
    return max(-_LARGEST, min(_LARGEST, number)) if math.isfinite(number) else None
