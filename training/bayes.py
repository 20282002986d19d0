"""The baseline of open-source CRMs: how often leads with this field value were won, multiplied up.

Naive Bayes on counts. Numbers are cut into bins of equal rows, a missing value is a value of its own,
and every count starts at 0.1, so that a value seen only among losses never makes a win impossible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from crm_store.domain.scores import Reason, Score, band_of
from training.arrays import Bools, Floats, sigmoid
from training.encoding import is_number
from training.score_map import ScoreMap

if TYPE_CHECKING:
    import pandas as pd

SMOOTHING = 0.1  # the count that every value starts with, as in Odoo's predictive lead scoring
BINS = 5
REASONS = 3  # strongest reasons to give for and against
MISSING = ""


@dataclass(frozen=True)
class Field:
    """One field: inner edges of its bins (None for a category), ln(P(v | won) / P(v | not)) by value."""

    edges: tuple[float, ...] | None
    weights: Mapping[str, float]

    def weigh(self, column: pd.Series) -> Floats:
        """Return the log likelihood ratio (n,) of a column's values; 0 for one that was never counted."""
        weights = values_of(column, self.edges).map(dict(self.weights)).fillna(0.0)
        return np.asarray(weights, dtype=np.float64)


@dataclass(frozen=True)
class BayesScorer:
    """A frequency table that scores.

    ``prior`` is the log-odds of the outcome before any field is known; ``share`` the part of the outcome
    that the counted labels had seen, by which the probability is divided.
    """

    prior: float
    fields: Mapping[str, Field]
    points: ScoreMap
    share: float = 1.0
    version: str = "bayes"

    def probabilities(self, signals: Sequence[Mapping[str, object]]) -> list[float]:
        """Return the probability of the outcome for every row of field name → value."""
        return [float(p) for p in self._probabilities(self._weights(signals))]

    def score(self, signals: Sequence[Mapping[str, object]], as_of: datetime) -> list[Score]:
        """Return one score per row; effects are log likelihood ratios, above 0 for more points."""
        weights = self._weights(signals)
        probabilities = self._probabilities(weights)
        values = self.points.apply(probabilities)
        sign = 1.0 if self.points.values[-1] > self.points.values[0] else -1.0
        reasons = [
            _reasons(row, list(self.fields), sign * own) for row, own in zip(signals, weights, strict=True)
        ]
        return [
            Score(value, band_of(value), probability, why, "model", self.version, as_of)
            for value, probability, why in zip(values.tolist(), probabilities.tolist(), reasons, strict=True)
        ]

    def _probabilities(self, weights: Floats) -> Floats:
        return np.minimum(sigmoid(self.prior + weights.sum(axis=1)) / self.share, 1.0)

    def _weights(self, signals: Sequence[Mapping[str, object]]) -> Floats:
        """Log likelihood ratios (n, fields)."""
        import pandas as pd

        weights = np.zeros((len(signals), len(self.fields)))
        for k, (name, field) in enumerate(self.fields.items()):
            weights[:, k] = field.weigh(pd.Series([row.get(name) for row in signals], dtype=object))
        return weights


def _reasons(row: Mapping[str, object], names: Sequence[str], effects: Floats) -> tuple[Reason, ...]:
    order = [int(k) for k in np.argsort(-np.abs(effects), kind="stable")[: 2 * REASONS]]
    values = [row.get(names[k]) for k in order]
    return tuple(
        Reason(names[k], value if isinstance(value, float | str | bool) else None, float(effects[k]))
        for k, value in zip(order, values, strict=True)
    )


def fit_bayes(
    frame: pd.DataFrame, labels: Bools, fields: Sequence[str], points: ScoreMap, share: float = 1.0
) -> BayesScorer:
    """Count values by outcome. Raises ValueError when only one outcome occurs.

    ln(P(v | won) / P(v | not)) with P(v | o) = (rows with v and o + 0.1) / (rows with o + 0.1 × values).
    """
    won, lost = int(labels.sum()), int((~labels).sum())
    if not won or not lost:
        raise ValueError("frequencies need outcomes of both kinds")
    prior = float(np.log(won / lost))
    return BayesScorer(
        prior, {name: _count(frame[name], labels, won, lost) for name in fields}, points, share
    )


def _count(column: pd.Series, labels: Bools, won: int, lost: int) -> Field:
    edges = _edges(column)
    values = values_of(column, edges)
    rows = values.value_counts()
    hits = values[labels].value_counts().reindex(rows.index, fill_value=0)
    room = SMOOTHING * len(rows)

    positive, negative = (hits + SMOOTHING) / (won + room), (rows - hits + SMOOTHING) / (lost + room)
    weights = np.log((positive / negative).to_numpy(dtype=float))
    return Field(edges, dict(zip(map(str, rows.index), map(float, weights), strict=True)))


def _edges(column: pd.Series) -> tuple[float, ...] | None:
    """Inner edges of bins that hold about equally many rows; None for a column of categories."""
    if not is_number(column):
        return None
    known = column.dropna()
    quantiles = known.quantile(np.linspace(0, 1, BINS + 1)[1:-1]) if len(known) else known
    return tuple(float(edge) for edge in np.unique(quantiles))


def values_of(column: pd.Series, edges: tuple[float, ...] | None) -> pd.Series[str]:
    """Return each value's name: the category itself, the number of its bin, or "" for missing."""
    import pandas as pd

    if edges is None:
        return column.astype("object").where(column.notna(), MISSING).astype(str)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    bins = pd.Series(np.searchsorted(edges, numbers, side="left").astype(str), index=column.index)
    return bins.where(~np.isnan(numbers), MISSING)
