"""From several models' log-odds to one probability that comes true.

The blend is a logistic regression on the out-of-fold log-odds whose weights are not negative and are drawn
towards an equal share, the stronger the fewer outcomes there are (stacking, Wolpert 1992; non-negative
weights, Breiman 1996). It is Platt's line for several models at once, turned about the base rate:

    log-odds = level + sum over models of weight × (the model's log-odds - centre)

``centre`` is the log-odds of the outcome among the rows that the models learned from, ``level`` the same
with later rows counting for more. Where time is split there is no other intercept: how far one period lay
above the one before says nothing of the next. Isotonic steps follow only where rows are many and the
cross-fitted loss is better for it.

How often the outcome will happen next is forecast twice: by the mean of what the models tell of the rows to
come, and by the rate of the latest rows learned from. Either alone is far off now and then (models go on
where a column that moves with time leaves off, rates stand still), so the level is drawn from the one most of
the way to the other (combined forecasts, Bates and Granger 1969). How far was chosen on earlier periods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.arrays import Bools, Floats, log_odds, sigmoid
from training.calibration import BOUND, Calibrator, fit_calibrator
from training.evaluation import log_loss

_ISOTONIC_OUTCOMES = 1500  # of the rarer kind, before steps are tried
HALF_LIFE = 1.0  # of the rows learned from: how far back in time a row counts half as much for the level
_PULL = 12.0  # rows' worth of pull towards equal weights
PULLED = 2 / 3  # of the way from the models' mean to the latest rate, in log-odds
LATEST = 1 / 3  # of the rows learned from, whose rate that is
_TOTAL = 0.85  # their sum: rows to come resemble the learned ones a little less than these one another


@dataclass(frozen=True)
class Blend:
    """Weights (k,), an intercept, and perhaps steps on top of their sum."""

    weights: tuple[float, ...]
    intercept: float = 0.0
    steps: Calibrator | None = None

    def apply(self, raws: Floats, levels: Levels) -> Floats:
        """Return probabilities (n,) of log-odds (n, k)."""
        raw = self.raw(raws, levels)
        told = sigmoid(raw) if self.steps is None else self.steps.apply(raw)
        return np.clip(sigmoid(log_odds(told) + levels.pull) if levels.pull else told, BOUND, 1 - BOUND)

    def raw(self, raws: Floats, levels: Levels) -> Floats:
        """Return the blended log-odds (n,)."""
        inner = raws @ np.array(self.weights) - sum(self.weights) * levels.centre
        return np.asarray(levels.level + inner + self.intercept, dtype=np.float64)


@dataclass(frozen=True)
class Levels:
    """Log-odds of the base rate of the rows learned from: as they are, and with later rows counting for more.

    Each is one number, or one for each row (n,). ``pull`` is added to every log-odds in the end.
    """

    centre: Floats | float
    level: Floats | float
    pull: float = 0.0


def levels_of(labels: Bools, in_time: bool) -> Levels:
    """Return the levels of rows learned from, in order of time where ``in_time``."""
    places = np.arange(len(labels)) / len(labels)
    recency = 0.5 ** ((1 - places) / HALF_LIFE) if in_time else np.ones(len(labels))
    rates = np.array([labels.mean(), (recency * labels).sum() / recency.sum()])
    centre, level = log_odds(rates, 1e-4).tolist()
    return Levels(centre, level)


def drawn_to_latest(levels: Levels, forecasts: Floats, labels: Bools) -> Levels:
    """Return levels under which the mean of ``forecasts`` (n,) of rows to come lies nearer the latest rate.

    ``labels`` are of the rows learned from, in order of time; no outcome of the rows to come is looked at.
    """
    from scipy.optimize import brentq  # type: ignore[import-untyped]

    latest = labels[-max(int(len(labels) * LATEST), 1) :].mean()
    rate = min(max(float(latest), BOUND), 1 - BOUND)
    raw = log_odds(forecasts, BOUND)
    whole = brentq(lambda by: float(sigmoid(raw + by).mean()) - rate, -20.0, 20.0)
    return replace(levels, pull=PULLED * float(whole))


def fit_blend(raws: Floats, labels: Bools, levels: Levels, in_time: bool) -> Blend:
    """Fit on out-of-fold log-odds (n, k)."""
    line = _line(raws, labels, levels, in_time)
    if min(labels.sum(), (~labels).sum()) < _ISOTONIC_OUTCOMES:
        return line
    raw = line.raw(raws, levels)
    steps, losses = fit_calibrator(raw, labels, ("platt", "isotonic"))
    better = steps.kind == "isotonic" and losses["isotonic"] < log_loss(labels, sigmoid(raw)) - 1e-5
    return Blend(line.weights, line.intercept, steps) if better else line


def _line(raws: Floats, labels: Bools, levels: Levels, in_time: bool) -> Blend:
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    count = raws.shape[1]
    equal = np.full(count, _TOTAL / count)
    pull = _PULL / len(labels)
    moved = raws - np.reshape(levels.centre, (-1, 1))

    def loss(free: Floats) -> tuple[float, Floats]:
        weights, intercept = free[:-1], free[-1]
        logits = levels.level + moved @ weights + intercept
        gap = (sigmoid(logits) - labels) / len(labels)
        value = float((np.logaddexp(0, logits) - labels * logits).mean())
        value += pull * float(((weights - equal) ** 2).sum())
        return value, np.append(moved.T @ gap + 2 * pull * (weights - equal), gap.sum())

    bounds = [(0.0, None)] * count + [(0.0, 0.0) if in_time else (None, None)]
    with threadpool_limits(1):
        found = minimize(loss, np.append(equal, 0.0), jac=True, bounds=bounds).x
    return Blend(tuple(float(weight) for weight in found[:-1]), float(found[-1]))
