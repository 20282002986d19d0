"""Tuning within a stated budget: candidates are measured out of fold, and the best are blended.

The same folds serve every candidate, so their out-of-fold log-odds can be weighed against each other and
calibrated together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.arrays import Bools, Floats, sigmoid
from training.evaluation import log_loss
from training.flat.blend import Levels, levels_of
from training.flat.matrix import Design
from training.flat.members import Boosted, Member, boost, boost_until, fit_forest, fit_linear
from training.flat.prepare import Progress
from training.flat.split import Fold

FIRST: tuple[Mapping[str, Any], ...] = (
    # some thousand rows with few positives, as in the ordinary training
    {"learning_rate": 0.03, "num_leaves": 15, "max_depth": 4, "min_data_in_leaf": 40, "feature_fraction": 0.7,
     "bagging_fraction": 0.8, "lambda_l2": 5.0, "extra_trees": False, "path_smooth": 0.0},
    # a few hundred rows
    {"learning_rate": 0.04, "num_leaves": 5, "max_depth": 3, "min_data_in_leaf": 15, "feature_fraction": 0.5,
     "bagging_fraction": 0.7, "lambda_l2": 20.0, "extra_trees": True, "path_smooth": 5.0},
    # many rows
    {"learning_rate": 0.05, "num_leaves": 63, "max_depth": 8, "min_data_in_leaf": 60, "feature_fraction": 0.6,
     "bagging_fraction": 0.8, "lambda_l2": 2.0, "extra_trees": False, "path_smooth": 0.0},
)  # fmt: skip
TOP = 3  # configurations of boosting that are blended
MOST_TRIALS = 60
FOREST_ROWS, LINEAR_ROWS, TUNING_ROWS = 15_000, 60_000, 60_000
_FINAL_SHARE = 0.35  # of the budget that is left to the last fits


@dataclass(frozen=True)
class Candidate:
    """One configuration: its out-of-fold log-odds, their log loss, and how to fit it again on all rows."""

    kind: str
    params: Mapping[str, Any]
    raw: Floats
    loss: float
    refit: Callable[[Floats, Bools, int], Member]
    seconds: float
    work: float = 0.0
    """Rows × rounds that were boosted in those seconds; 0 for other models, whose rows are few."""

    def refit_seconds(self, rows: int) -> float:
        """Return how long fitting it again on so many rows will take, by how long it took."""
        return self.seconds * rows * self.params["rounds"] / self.work if self.work else 0.0


@dataclass
class Folded:
    """The matrices of every fold; ``labels`` and ``levels`` are of the measured rows, fold by fold."""

    matrices: list[tuple[Floats, Bools, Floats, Bools]]
    labels: Bools
    levels: Levels

    @classmethod
    def of(cls, design: Design, labels: Bools, folds: Sequence[Fold], seed: int, in_time: bool) -> Folded:
        """Compute the matrices of each fold."""
        matrices = []
        levels = [levels_of(labels[learn], in_time) for learn, _ in folds]
        for learn, held in folds:
            own, other = design.matrices(labels, learn, held, seed=seed)
            matrices.append((own, labels[learn], other, labels[held]))
        rows = np.concatenate([held for _, held in folds])
        sizes = [len(held) for _, held in folds]
        centre = np.repeat([one.centre for one in levels], sizes)
        level = np.repeat([one.level for one in levels], sizes)
        return cls(matrices, labels[rows], Levels(centre, level))


@dataclass
class Search:
    """What tuning found, best first, and how many configurations it tried."""

    boosted: list[Candidate] = field(default_factory=list)
    others: list[Candidate] = field(default_factory=list)
    trials: int = 0

    rows: int = 0

    @property
    def chosen(self) -> list[Candidate]:
        """The candidates that are blended; of boosting on very many rows only the best."""
        return [*self.boosted[: TOP if self.rows <= TUNING_ROWS else 1], *self.others]


def search(folded: Folded, rows: int, budget: float, seed: int, progress: Progress) -> Search:
    """Try configurations until the budget (seconds) is spent, for a fit on ``rows``; at least one boosted."""
    started = time.perf_counter()
    found = Search(rows=rows)
    deadline = started + budget * (1 - _FINAL_SHARE)
    _consider(found.boosted, _boosted(folded, _first(rows), seed, deadline))
    found.trials = 1
    found.others += _cheap(folded, rows, deadline)
    for params, tell in _suggested(rows, seed, deadline):
        candidate = _boosted(folded, params, seed, deadline)
        tell(candidate.loss)
        _consider(found.boosted, candidate)
        found.trials += 1
        progress("tune", min(1.0, (time.perf_counter() - started) / max(deadline - started, 1e-9)))
        longest = max(one.seconds for one in found.boosted)
        if time.perf_counter() + longest > deadline or found.trials >= MOST_TRIALS:
            break
    return found


def _consider(best: list[Candidate], candidate: Candidate) -> None:
    best.append(candidate)
    best.sort(key=lambda one: one.loss)
    del best[2 * TOP :]


def _first(rows: int) -> Mapping[str, Any]:
    return FIRST[1] if rows < 1500 else FIRST[0] if rows < 30_000 else FIRST[2]


def _suggested(
    rows: int, seed: int, deadline: float
) -> Iterator[tuple[Mapping[str, Any], Callable[[float], None]]]:
    """Configurations one after another; each is answered with its loss."""
    if time.perf_counter() >= deadline:
        return
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
    study = optuna.create_study(sampler=sampler)
    for params in FIRST:
        if params is not _first(rows):
            study.enqueue_trial(
                {**_plain(params), "num_leaves": min(params["num_leaves"], _most_leaves(rows))}
            )
    while time.perf_counter() < deadline:
        trial = study.ask()
        params = _ask(trial, rows)

        def tell(loss: float, trial: Any = trial) -> None:
            study.tell(trial, loss)

        yield params, tell


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "max_depth"}


def _most_leaves(rows: int) -> int:
    return 31 if rows < 5000 else 127


def _ask(trial: Any, rows: int) -> dict[str, Any]:
    leaves = trial.suggest_int("num_leaves", 3, _most_leaves(rows), log=True)
    most = max(20, min(300, rows // 12))
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.015, 0.12, log=True),
        "num_leaves": leaves,
        "max_depth": -1 if leaves > 31 else 6,
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, most, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.25, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.01, 60.0, log=True),
        "extra_trees": trial.suggest_categorical("extra_trees", [False, True]),
        "path_smooth": trial.suggest_float("path_smooth", 0.0, 30.0),
    }


def _boosted(folded: Folded, params: Mapping[str, Any], seed: int, deadline: float) -> Candidate:
    """Measure one configuration with the number of rounds that is best for all folds together."""
    started = time.perf_counter()
    fits = []
    for k, parts in enumerate(folded.matrices):
        now = time.perf_counter()
        fits.append(
            boost_until(*parts, params, seed, stop_at=now + (deadline - now) / (len(folded.matrices) - k))
        )
    most = max(len(losses) for _, losses in fits)
    curves = np.array([losses + [losses[-1]] * (most - len(losses)) for _, losses in fits])
    weights = np.array([len(parts[3]) for parts in folded.matrices], dtype=float)
    rounds = max(int(np.argmin(weights @ curves)) + 1, 5)
    raw = np.concatenate(
        [
            np.asarray(booster.predict(parts[2], raw_score=True, num_iteration=min(rounds, len(losses))))
            for (booster, losses), parts in zip(fits, folded.matrices, strict=True)
        ]
    )

    def refit(matrix: Floats, labels: Bools, own_seed: int) -> Member:
        return Boosted((boost(matrix, labels, params, rounds, own_seed),))

    loss = log_loss(folded.labels, sigmoid(raw))
    work = sum(len(parts[1]) * len(losses) for (_, losses), parts in zip(fits, folded.matrices, strict=True))
    seconds = time.perf_counter() - started
    return Candidate("boosted", {**params, "rounds": rounds}, raw, loss, refit, seconds, work)


def _cheap(folded: Folded, rows: int, deadline: float) -> Iterator[Candidate]:
    """The best linear model and the best forest, where rows are few enough for them to be cheap."""
    if rows <= LINEAR_ROWS and time.perf_counter() < deadline:
        yield _best(folded, "linear", (0.003, 0.02, 0.1, 0.5), fit_linear, deadline)
    if rows <= FOREST_ROWS and time.perf_counter() < deadline:
        shares = (0.005, 0.012, 0.03) if rows < 4000 else (0.003, 0.01)
        leaves = tuple(sorted({max(2, round(rows * share)) for share in shares}))

        def grow(matrix: Floats, labels: Bools, leaf: float) -> Member:
            return fit_forest(matrix, labels, int(leaf), seed=0, trees=120)

        yield _best(folded, "forest", leaves, grow, deadline)


def _best(
    folded: Folded,
    kind: str,
    values: Sequence[float],
    fit: Callable[[Floats, Bools, float], Member],
    deadline: float,
) -> Candidate:
    started = time.perf_counter()
    found: list[tuple[float, float, Floats]] = []
    for value in values:
        raw = np.concatenate([fit(own, told, value).raw(other) for own, told, other, _ in folded.matrices])
        found.append((log_loss(folded.labels, sigmoid(raw)), value, raw))
        if time.perf_counter() > deadline:
            break
    loss, chosen, raw = min(found, key=lambda one: one[0])

    def refit(matrix: Floats, labels: Bools, _seed: int) -> Member:
        return fit(matrix, labels, chosen)

    return Candidate(kind, {"value": chosen}, raw, loss, refit, time.perf_counter() - started)
