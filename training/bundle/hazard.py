"""The curve of a hazard bundle: the chance of a loss in each of the coming weeks, for one row or many.

A discrete-time hazard (Singer and Willett 1993) asks one question per week ahead: of those who are still
there when the week begins, who is lost in it? The booster answers it for the features as of now beside four
columns that only the week moves (``PERIOD``). The chance of staying is the product of (1 - hazard), so it
never rises, and the weekly chances are its steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike

from crm_store.domain.scores import Score, band_of
from training.arrays import Floats, sigmoid
from training.bundle.content import Bundle
from training.bundle.engine import gain_shares, load_booster

WEEK_DAYS = 7
PERIOD = ("week_ahead", "expiry_gap_days", "silent_days", "silent_intervals")
"""Week ahead from 1; days left of the contract, days and usual intervals without an order at its end."""
_SURE = 1e-6  # a weekly hazard stays this far from 0 and 1


def period_matrix(rows: Floats, features: Sequence[str], weeks: ArrayLike) -> Floats:
    """Return rows (n, features) with the columns of ``PERIOD`` filled in for the end of each row's week (n,).

    A silence goes on as if no order came: whether one does is what the hazard is about.
    """
    at = {name: column for column, name in enumerate(features)}
    week = np.asarray(weeks, dtype=float)
    ahead = WEEK_DAYS * week
    matrix = rows.copy()

    def column(name: str) -> Floats:
        return rows[:, at[name]] if name in at else np.full(len(rows), np.nan)

    silent = column("account_days_since_order") + ahead
    usual = column("account_order_interval_days")
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (week, column("account_days_to_expiry") - ahead, silent, silent / np.maximum(usual, 1.0))
    for name, value in zip(PERIOD, values, strict=True):
        matrix[:, at[name]] = value
    return matrix


def survival(hazards: Floats) -> Floats:
    """Return the chance of still being there at the end of each week, of hazards (n, weeks)."""
    return np.asarray(np.cumprod(1.0 - hazards, axis=1), dtype=np.float64)


class HazardScorer:
    """A hazard bundle as a Scorer: the probability is that of a loss within all its weeks."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        self._booster = load_booster(bundle.booster, bundle.encoding.features)
        self._threads = threads

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self.bundle.version

    def hazards(self, matrix: Floats) -> Floats:
        """Return the calibrated hazard (n, weeks) of encoded rows (n, features)."""
        weeks = np.arange(1, self.bundle.weeks + 1)
        every = period_matrix(
            np.repeat(matrix, len(weeks), axis=0), self.bundle.encoding.features, np.tile(weeks, len(matrix))
        )
        raw = np.asarray(self._booster.predict(every, raw_score=True, num_threads=self._threads))
        slope, intercept = self.bundle.calibrator.xs
        return np.clip(sigmoid(slope * raw + intercept), _SURE, 1 - _SURE).reshape(len(matrix), len(weeks))

    def curves(self, matrix: Floats) -> Floats:
        """Return the chance of staying (n, weeks) until the end of each week."""
        return survival(self.hazards(matrix))

    def gains(self) -> dict[str, float]:
        """Return each column's share of the gain of all splits, those of ``PERIOD`` among them."""
        return gain_shares(self._booster)

    def score(
        self, signals: Sequence[Mapping[str, object]], as_of: datetime, *, with_reasons: bool = True
    ) -> list[Score]:
        """Return one score per row with its weekly chances; it gives no reasons of its own."""
        if not signals:
            return []
        stays = self.curves(self.bundle.encoding.matrix(signals))
        weekly = -np.diff(stays, axis=1, prepend=1.0)
        lost = 1.0 - stays[:, -1]
        values = self.bundle.points.apply(lost)
        return [
            Score(v, band_of(v), p, (), "model", self.version, as_of, weekly=tuple(w))
            for v, p, w in zip(values.tolist(), lost.tolist(), weekly.tolist(), strict=True)
        ]

    def probabilities(self, signals: Sequence[Mapping[str, object]]) -> list[float]:
        """Return the chance of a loss within all the weeks, and nothing else."""
        if not signals:
            return []
        return [float(p) for p in 1.0 - self.curves(self.bundle.encoding.matrix(signals))[:, -1]]
