"""The models that are blended for a flat file: boosted trees, a logistic line, and a forest.

Each is fitted on a matrix and answers raw log-odds, so that they add up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from training.arrays import Bools, Floats, log_odds
from training.bundle.engine import import_lightgbm

MANY_ROWS = 20_000  # from here on a second thread saves more than it costs
MOST_ROUNDS = 3000
_PATIENCE = 40
_LEAST_ROUNDS, _LEAST_WORK = 40, 2_000_000  # rounds, and rows × rounds, that no budget cuts short
_EDGES = 65
LEAST_CHANCE = 5e-3  # that a forest gives to either outcome


class Member(Protocol):
    """A fitted model."""

    def raw(self, matrix: Floats) -> Floats:
        """Return raw log-odds (n,) of a matrix (n, p)."""
        ...


def threads(rows: int) -> int:
    """Return how many threads a fit on so many rows is worth."""
    return min(os.cpu_count() or 1, 8) if rows >= MANY_ROWS else 1


@dataclass(frozen=True)
class Boosted:
    """One or several boosters whose log-odds are averaged."""

    boosters: tuple[Any, ...]

    def raw(self, matrix: Floats) -> Floats:
        """Return raw log-odds (n,)."""
        workers = threads(len(matrix))
        every = [one.predict(matrix, raw_score=True, num_threads=workers) for one in self.boosters]
        return np.asarray(np.mean(every, axis=0), dtype=np.float64)


def native(params: Mapping[str, Any], rows: int, seed: int) -> dict[str, Any]:
    """Return LightGBM's parameters for a fit of so many rows."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "bagging_freq": 1,
        "verbosity": -1,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": threads(rows),
        "seed": seed,
        **params,
    }


def boost(matrix: Floats, labels: Bools, params: Mapping[str, Any], rounds: int, seed: int) -> Any:
    """Boost a fixed number of rounds; return the booster."""
    lightgbm = import_lightgbm()
    settings = native(params, len(labels), seed)
    data = lightgbm.Dataset(matrix, labels.astype(float), params=settings, free_raw_data=True)
    return lightgbm.train(settings, data, rounds)


def boost_until(
    matrix: Floats,
    labels: Bools,
    later: Floats,
    later_labels: Bools,
    params: Mapping[str, Any],
    seed: int,
    stop_at: float = float("inf"),
) -> tuple[Any, list[float]]:
    """Boost until the log loss on other rows stops falling; return the booster and the loss by round.

    At ``stop_at`` (seconds of ``time.perf_counter``) it ends as well, but for its first rounds.
    """
    lightgbm = import_lightgbm()
    settings = native(params, len(labels), seed)
    data = lightgbm.Dataset(matrix, labels.astype(float), params=settings, free_raw_data=True)
    held = data.create_valid(later, later_labels.astype(float))
    losses: dict[str, Any] = {}
    booster = lightgbm.train(
        settings,
        data,
        MOST_ROUNDS,
        valid_sets=[held],
        callbacks=[
            lightgbm.early_stopping(_PATIENCE, verbose=False),
            lightgbm.record_evaluation(losses),
            _until(stop_at, max(_LEAST_WORK // len(labels), _LEAST_ROUNDS)),
        ],
    )
    return booster, list(losses["valid_0"]["binary_logloss"])


def _until(stop_at: float, least: int) -> Callable[[Any], None]:
    """Return a callback that ends boosting in time, with what it has; ``least`` rounds are always made."""
    from lightgbm.callback import EarlyStopException

    def check(env: Any) -> None:
        if env.iteration + 1 >= least and time.perf_counter() > stop_at:
            raise EarlyStopException(env.iteration, env.evaluation_result_list)

    setattr(check, "order", 25)  # noqa: B010 - a function has no such field; after the loss is written down
    return check


@dataclass(frozen=True)
class Linear:
    """A ridge logistic regression on evened-out numbers and on what is missing."""

    edges: Sequence[Floats]
    model: Any

    def raw(self, matrix: Floats) -> Floats:
        """Return raw log-odds (n,)."""
        return np.asarray(self.model.decision_function(_evened(matrix, self.edges)), dtype=np.float64)


def fit_linear(matrix: Floats, labels: Bools, strength: float) -> Linear:
    """Fit with inverse regularisation ``strength``; numbers are replaced by their rank."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    edges = [_quantiles(column) for column in matrix.T]
    evened = _evened(matrix, edges)
    with threadpool_limits(1):  # a few hundred numbers: on a busy machine more threads wait for one another
        model = LogisticRegression(C=strength, max_iter=300).fit(evened, labels)
    return Linear(edges, model)


def _quantiles(column: Floats) -> Floats:
    known = column[~np.isnan(column)]
    return np.unique(np.quantile(known, np.linspace(0, 1, _EDGES))) if known.size else np.zeros(1)


def _evened(matrix: Floats, edges: Sequence[Floats]) -> Floats:
    """Each number becomes its rank from -1 to 1, and a flag for none; what is missing becomes 0."""
    parts = []
    for column, own in zip(matrix.T, edges, strict=True):
        missing = np.isnan(column)
        if len(own) > 1:
            rank = np.interp(np.where(missing, own[0], column), own, np.linspace(-1, 1, len(own)))
        else:
            rank = np.zeros(len(column))
        parts.append(np.where(missing, 0.0, rank))
        parts.append(missing.astype(float))
    return np.column_stack(parts)


@dataclass(frozen=True)
class Forest:
    """Extremely randomised trees; gaps are filled with a number below all others."""

    model: Any

    def raw(self, matrix: Floats) -> Floats:
        """Return raw log-odds (n,)."""
        return log_odds(self.model.predict_proba(filled(matrix))[:, 1], LEAST_CHANCE)


def fit_forest(matrix: Floats, labels: Bools, leaf: int, seed: int, trees: int = 200) -> Forest:
    """Grow extremely randomised trees with at least ``leaf`` rows in a leaf."""
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(
        trees, min_samples_leaf=leaf, max_features=0.5, random_state=seed, n_jobs=1, bootstrap=False
    )
    return Forest(model.fit(filled(matrix), labels))


def filled(matrix: Floats) -> Any:
    """Return numbers for a forest, whose gaps are a number below all others."""
    return np.where(np.isnan(matrix), -1e9, matrix).astype(np.float32)
