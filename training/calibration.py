"""From a model's raw log-odds to probabilities that come true, learned on later data than the model.

Two ways are tried, Platt's line (two numbers, safe on few rows) and isotonic steps (any monotone shape,
hungry for rows), and the one with the lower cross-fitted log loss is kept. What is kept is plain
numbers, so it is stored as JSON and applied without scikit-learn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.arrays import Bools, Floats, sigmoid
from training.evaluation import log_loss

Kind = Literal["platt", "isotonic"]
KINDS: tuple[Kind, ...] = ("platt", "isotonic")
FOLDS = 5
BOUND = 1e-3  # no answer is surer than 999 in 1,000: no training set here can tell more


@dataclass(frozen=True)
class Calibrator:
    """A monotone map from raw log-odds to probability.

    platt: ``xs`` = (slope, intercept), ``ys`` empty. isotonic: the corner points, flat beyond the ends.
    ``share`` is the part of the outcome that the training labels had seen: labels that only looked 30 of
    90 days ahead saw that share of the wins, and the probability is divided by it.
    """

    kind: Kind
    xs: tuple[float, ...]
    ys: tuple[float, ...] = ()
    share: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError unless the map is monotone and finite and the share lies in (0, 1]."""
        numbers = (*self.xs, *self.ys, self.share)
        if not np.isfinite(numbers).all() or not 0 < self.share <= 1:
            raise ValueError("a calibrator needs finite numbers and a share within (0, 1]")
        if self.kind == "platt" and (len(self.xs) != 2 or self.ys or self.xs[0] < 0):
            raise ValueError("a Platt calibrator needs a slope of at least 0 and an intercept")
        if self.kind == "isotonic":
            rising = (np.diff(self.xs) > 0).all() and (np.diff(self.ys) >= 0).all()
            if not self.xs or len(self.xs) != len(self.ys) or not rising:
                raise ValueError("an isotonic calibrator needs corner points that rise")
        if self.kind not in KINDS:
            raise ValueError(f"no calibrator is called {self.kind}")

    def apply(self, raw: Floats) -> Floats:
        """Return probabilities (n,) of raw log-odds (n,), held 0.001 away from 0 and 1."""
        if self.kind == "platt":
            inner = sigmoid(self.xs[0] * raw + self.xs[1])
        else:
            inner = np.interp(raw, self.xs, self.ys)
        return np.clip(inner / self.share, BOUND, 1.0 - BOUND)


def fit_platt(raw: Floats, labels: Bools, weights: Floats | None = None) -> Calibrator:
    """Fit a line in log-odds (Platt 1999, with his smoothed targets, so that no fit is infinitely sure).

    ``weights`` (n,) is how many rows each stands for, where some were drawn from more.
    """
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    each = np.ones(len(raw)) if weights is None else weights
    positives, rows = float(each[labels].sum()), float(each.sum())
    targets = np.where(labels, (positives + 1) / (positives + 2), 1 / (rows - positives + 2))

    def loss(line: Floats) -> tuple[float, Floats]:
        logits = line[0] * raw + line[1]
        gap = sigmoid(logits) - targets
        value = np.logaddexp(0, logits) - targets * logits
        gap *= each / rows
        return float(each @ value / rows), np.array([(gap * raw).sum(), gap.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(0, None), (None, None)])
    return Calibrator("platt", (float(found.x[0]), float(found.x[1])))


def fit_isotonic(raw: Floats, labels: Bools) -> Calibrator:
    """Fit a monotone curve through the centres of the blocks of an isotonic regression.

    Joining centres rather than drawing steps (centred isotonic regression, Oron and Flournoy 2017)
    keeps apart almost all subjects that the model kept apart.
    """
    from scipy.optimize import isotonic_regression

    points, inverse, counts = np.unique(raw, return_inverse=True, return_counts=True)
    means = np.bincount(inverse, weights=labels) / counts
    blocks = np.asarray(isotonic_regression(means, weights=counts).blocks)
    weights = np.add.reduceat(counts, blocks[:-1])
    xs = np.add.reduceat(points * counts, blocks[:-1]) / weights
    ys = np.add.reduceat(means * counts, blocks[:-1]) / weights
    return Calibrator("isotonic", tuple(map(float, xs)), tuple(map(float, ys)))


_FITS: dict[Kind, Callable[[Floats, Bools], Calibrator]] = {"platt": fit_platt, "isotonic": fit_isotonic}


def fit_calibrator(
    raw: Floats, labels: Bools, kinds: tuple[Kind, ...] = KINDS, seed: int = 0
) -> tuple[Calibrator, dict[str, float]]:
    """Fit each kind on raw log-odds (n,) and labels (n,); return the best and each kind's log loss.

    The losses are cross-fitted in 5 folds. Raises ValueError when only one outcome occurs.
    """
    if not 0 < labels.sum() < len(labels):
        raise ValueError("calibration needs outcomes of both kinds")
    losses: dict[str, float] = {kind: _cross_fitted_loss(_FITS[kind], raw, labels, seed) for kind in kinds}
    best = min(kinds, key=lambda kind: losses[kind])
    return _FITS[best](raw, labels), losses


def _cross_fitted_loss(
    fit: Callable[[Floats, Bools], Calibrator], raw: Floats, labels: Bools, seed: int
) -> float:
    fold = np.random.default_rng(seed).permutation(len(raw)) % FOLDS
    probabilities = np.empty(len(raw))
    for k in range(FOLDS):
        probabilities[fold == k] = fit(raw[fold != k], labels[fold != k]).apply(raw[fold == k])
    return log_loss(labels, probabilities)
