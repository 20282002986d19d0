"""How good survival curves are when some were censored: weights stand in for those who left unseen.

All take ``days`` (n,) followed, ``lost`` (n,) whether that ended in a loss, and the chance of staying (n, …).
Inverse probability of censoring weights (IPCW): a row that was seen stands for 1 / G rows, where G is the
Kaplan-Meier chance of not having been censored until then. Weights are held to ``MOST_WEIGHT``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.arrays import Bools, Floats
from training.bundle.hazard import WEEK_DAYS
from training.evaluation import ECE_BINS

HORIZONS = (30, 90, 180)
"""Days ahead at which the AUC is told."""
MOST_WEIGHT = 20.0


@dataclass(frozen=True)
class Censoring:
    """Kaplan-Meier of censoring: ``at`` (m,) distinct days, rising, and the chance to be seen beyond."""

    at: Floats
    seen: Floats

    @classmethod
    def of(cls, days: Floats, lost: Bools) -> Censoring:
        """Estimate it; on a day with both, losses come before censorings."""
        at, place = np.unique(days, return_inverse=True)
        left = np.bincount(place, weights=~lost)
        gone = np.bincount(place, weights=lost)
        at_risk = len(days) - np.cumsum(left + gone) + left
        return cls(at, np.asarray(np.cumprod(1.0 - left / np.maximum(at_risk, 1)), dtype=np.float64))

    def weight(self, days: Floats | float, *, before: bool = False) -> Floats:
        """Return 1 / G at some days, or just before them."""
        place = np.searchsorted(self.at, days, side="left" if before else "right")
        seen = np.concatenate([[1.0], self.seen])[place]
        return np.asarray(1.0 / np.maximum(seen, 1.0 / MOST_WEIGHT))


def kaplan_meier(days: Floats, lost: Bools, at: Floats) -> Floats:
    """Return the chance of staying beyond each of the days ``at`` (Kaplan and Meier 1958)."""
    moments, place = np.unique(days, return_inverse=True)
    gone = np.bincount(place, weights=lost)
    at_risk = len(days) - np.concatenate([[0], np.cumsum(np.bincount(place))[:-1]])
    stays = np.concatenate([[1.0], np.cumprod(1.0 - gone / at_risk)])
    return np.asarray(stays[np.searchsorted(moments, at, side="right")])


def stays_at(curves: Floats, day: float) -> Floats:
    """Return the chance of staying until a day, of curves by week, straight between the weeks."""
    known = np.column_stack([np.ones(len(curves)), curves])
    week = min(day / WEEK_DAYS, curves.shape[1])
    low = min(int(week), curves.shape[1] - 1)
    return np.asarray(known[:, low] + (week - low) * (known[:, low + 1] - known[:, low]))


def dynamic_auc(days: Floats, lost: Bools, risk: Floats, horizon: float) -> float | None:
    """Return the chance that whoever is lost by the horizon has the higher risk than whoever stays.

    Cumulative cases and dynamic controls with IPCW (Uno et al. 2007; Hung and Chiang 2010), a tie counting
    half. None without cases or controls.
    """
    cases, controls = lost & (days <= horizon), days > horizon
    if not cases.any() or not controls.any():
        return None
    weights = Censoring.of(days, lost).weight(days[cases], before=True)
    others = np.sort(risk[controls])
    below = np.searchsorted(others, risk[cases], side="left")
    level = np.searchsorted(others, risk[cases], side="right")
    return float(weights @ ((below + level) / 2) / (weights.sum() * len(others)))


def brier(days: Floats, lost: Bools, stays: Floats, horizon: float) -> float:
    """Return the weighted mean square of (stayed until the horizon) - forecast (Graf et al. 1999)."""
    censoring = Censoring.of(days, lost)
    gone, here = lost & (days <= horizon), days > horizon
    errors = np.zeros(len(days))
    errors[gone] = stays[gone] ** 2 * censoring.weight(days[gone], before=True)
    errors[here] = (1.0 - stays[here]) ** 2 * censoring.weight(horizon)
    return float(errors.mean())


def integrated_brier(days: Floats, lost: Bools, curves: Floats) -> float:
    """Return the Brier score over all weeks of the curves (n, weeks), by the trapezoidal rule."""
    ends = WEEK_DAYS * np.arange(1, curves.shape[1] + 1)
    ends = ends[ends < days.max()]
    scores = [brier(days, lost, curves[:, k], float(end)) for k, end in enumerate(ends)]
    return float(np.trapezoid(scores, ends) / (ends[-1] - ends[0])) if len(ends) > 1 else scores[0]


def concordance(days: Floats, lost: Bools, curves: Floats) -> float | None:
    """Return how often whoever is lost first had, at that time, the lower chance of staying.

    Time-dependent concordance (Antolini et al. 2005) over losses within the curves, each weighted by 1 / G²
    (Gerds et al. 2013), a tie counting half. None when nobody was lost.
    """
    last = WEEK_DAYS * curves.shape[1]
    weights = Censoring.of(days, lost).weight(days, before=True) ** 2
    right = pairs = 0.0
    for case in np.flatnonzero(lost & (days <= last)):
        later = (days > days[case]) | ((days == days[case]) & ~lost)
        week = max(int(np.ceil(days[case] / WEEK_DAYS)) - 1, 0)
        theirs, own = curves[later, week], curves[case, week]
        right += weights[case] * (np.sum(theirs > own) + np.sum(theirs == own) / 2)
        pairs += weights[case] * len(theirs)
    return float(right / pairs) if pairs else None


def calibration_error(days: Floats, lost: Bools, curves: Floats, horizon: float) -> float:
    """Return the mean gap, over tenths of forecast chance, between it and what Kaplan-Meier saw happen."""
    chance = 1.0 - stays_at(curves, horizon)
    tenth = np.minimum((chance * ECE_BINS).astype(int), ECE_BINS - 1)
    error, at = 0.0, np.array([horizon])
    for one in np.unique(tenth):
        rows = tenth == one
        happened = 1.0 - kaplan_meier(days[rows], lost[rows], at)[0]
        error += rows.mean() * abs(float(chance[rows].mean()) - happened)
    return float(error)


def measure(days: Floats, lost: Bools, curves: Floats) -> dict[str, float | int | None]:
    """Return everything that is reported of curves (n, weeks)."""
    told: dict[str, float | int | None] = {"n": len(days), "positives": int(lost.sum())}
    for horizon in HORIZONS:
        told[f"auc_{horizon}"] = dynamic_auc(days, lost, 1.0 - stays_at(curves, horizon), horizon)
    told["ibs"] = integrated_brier(days, lost, curves)
    told["concordance"] = concordance(days, lost, curves)
    told["ece_90"] = calibration_error(days, lost, curves, 90)
    told["ece_180"] = calibration_error(days, lost, curves, 180)
    return told
