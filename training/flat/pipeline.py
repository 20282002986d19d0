"""The whole way of a flat file: read, typed, guarded, split, tuned, blended, measured."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.arrays import Bools, Floats, sigmoid
from training.bayes import fit_bayes
from training.evaluation import Metrics, evaluate, reliability
from training.flat.blend import Blend, drawn_to_latest, fit_blend, levels_of
from training.flat.matrix import Design
from training.flat.model import Fitted, FlatModel, Part, freeze
from training.flat.prepare import Prepared, Progress, Question, lay_out, prepare_table
from training.flat.split import By, HeldOut, Rows, folds_of
from training.flat.tune import TUNING_ROWS, Folded, Search, search
from training.leak_words import Refusal
from training.score_map import score_map
from training.tables.columns import Column
from training.tables.errors import TableRefused
from training.tables.reading import read_table
from training.tables.target import Target

MOST_ROWS = 200_000  # that the last fits learn from; more cost time and hardly sharpen them
MANY_ROWS = 40_000  # from here on three folds tell enough
SEEDS_OF_FEW = 4  # fits of each configuration, for rows that are few
_NO_WEIGHT = 1e-6


@dataclass(frozen=True)
class Answer:
    """How the scorers did on the held rows, what was refused and left out, and how the model came about."""

    rows: Mapping[str, int]
    target: Target
    by: By
    split_at: str | None
    metrics: Mapping[str, Metrics]
    curves: Mapping[str, list[dict[str, float]]]
    forecasts: Mapping[str, Floats]
    labels: Bools
    refused: Mapping[str, Refusal]
    ignored: Mapping[str, str]
    kinds: Mapping[str, str]
    importance: Mapping[str, float]
    trials: int
    weights: Mapping[str, float]
    fitted: Fitted
    seconds: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints: one object per scorer, and column → reason."""
        return {
            **{name: metrics.as_dict() for name, metrics in self.metrics.items()},
            "refused": {name: refusal.reason for name, refusal in self.refused.items()},
            "ignored": dict(self.ignored),
            "rows": dict(self.rows),
            "positive": self.target.positive,
            "split": {"by": self.by, "at": self.split_at},
            "columns": dict(self.kinds),
            "trials": self.trials,
            "weights": dict(self.weights),
            "seconds": dict(self.seconds),
        }


def train_file(
    path: Path, question: Question, progress: Progress = lambda _stage, _share: None
) -> tuple[Answer, FlatModel]:
    """Train on a file; return the answer and its model. Raises TableRefused."""
    progress("read", 0.0)
    table = read_table(path)
    given = prepare_table(table, question, progress)
    answer = train_prepared(given, question, progress)
    return answer, freeze(table, given, question.target, answer.fitted)


def train_prepared(
    given: Prepared, question: Question, progress: Progress = lambda _stage, _share: None
) -> Answer:
    """Tune, blend, calibrate, and measure on the held rows. Raises TableRefused ``no_features``."""
    started = clock.perf_counter()
    labels, held = given.labels, given.held
    laid = lay_out(given)
    if not laid.names:
        raise TableRefused("no_features", "table", ", ".join(given.kinds))
    model = fit_model(laid, given, question, progress)
    fitted = clock.perf_counter()
    progress("test", 0.0)
    forecasts = {"bayes": _bayes(given), "lightgbm": model.probabilities}
    tested = labels[held.test]
    return Answer(
        rows={
            "table": len(given.target.known),
            "learned": len(held.learn),
            "test": len(held.test),
            "without_outcome": int((~given.target.known).sum()),
        },
        target=given.target,
        by=held.by,
        split_at=_split_at(given.time, held) if held.by == "time" else None,
        metrics={name: evaluate(tested, own) for name, own in forecasts.items()},
        curves={name: reliability(tested, own) for name, own in forecasts.items()},
        forecasts=forecasts,
        labels=tested,
        refused=given.refused,
        ignored=given.ignored,
        kinds=given.kinds,
        importance=model.importance,
        trials=model.trials,
        weights=model.weights,
        fitted=model,
        seconds={"prepare": round(given.seconds, 2), "fit": round(fitted - started, 2)},
    )


def fit_model(laid: Design, given: Prepared, question: Question, progress: Progress) -> Fitted:
    """Tune on folds of the rows learned from, blend and calibrate out of fold, and fit again on all.

    Of very many rows the last fits take as many as the budget has room for.
    """
    end = clock.perf_counter() + question.budget
    labels, units, moments, held = given.labels, given.units, given.moments, given.held
    learn, in_time = held.learn, held.by == "time"
    some = learn
    if len(learn) > TUNING_ROWS:
        generator = np.random.default_rng(question.seed)
        some = np.sort(generator.choice(len(learn), TUNING_ROWS, replace=False))
        some = learn[some]
    own = moments[some] if moments is not None else None
    count = 3 if len(some) > MANY_ROWS else 5
    folds = folds_of(labels[some], units[some], own, held.by, question.seed, count)
    folded = Folded.of(laid, labels, [(some[a], some[b]) for a, b in folds], question.seed, in_time)
    left = max(end - clock.perf_counter(), 0.0)
    found = search(folded, len(learn), left, question.seed, progress)
    raws = np.column_stack([candidate.raw for candidate in found.chosen])
    blend = fit_blend(raws, folded.labels, folded.levels, in_time)
    progress("fit", 0.0)
    room = affordable(found, blend, len(learn), end - clock.perf_counter())
    if len(learn) > room:  # in order, so that what is in time stays so
        chosen = np.random.default_rng(question.seed).choice(len(learn), room, replace=False)
        learn = learn[np.sort(chosen)]
    matrix, tested = laid.matrices(labels, learn, held.test, seed=question.seed)
    return _refit(
        found,
        blend,
        matrix,
        labels[learn],
        tested,
        laid.names,
        in_time,
        question.seed,
        learn,
    )


def affordable(found: Search, blend: Blend, rows: int, seconds: float) -> int:
    """Return how many of the rows the last fits can learn from in so many seconds; never few of many."""
    used = [one for one, weight in zip(found.chosen, blend.weights, strict=True) if weight > _NO_WEIGHT]
    each = sum(one.refit_seconds(1) for one in used)
    room = int(max(seconds, 0.0) / each) if each else rows
    return min(rows, MOST_ROWS, max(room, TUNING_ROWS))


def _refit(
    found: Search,
    blend: Blend,
    matrix: Floats,
    labels: Bools,
    tested: Floats,
    names: Any,
    in_time: bool,
    seed: int,
    learn: Rows,
) -> Fitted:
    levels = levels_of(labels, in_time)
    fits = SEEDS_OF_FEW if len(labels) < 10_000 else 1
    raws = np.zeros((len(tested), len(found.chosen)))
    importance = np.zeros(len(names))
    parts = [Part(weight, ()) for weight in blend.weights]
    for k, candidate in enumerate(found.chosen):
        if blend.weights[k] <= _NO_WEIGHT:
            continue
        times = fits if candidate.kind == "boosted" else 1
        members = [candidate.refit(matrix, labels, seed + 101 * again) for again in range(times)]
        raws[:, k] = np.mean([member.raw(tested) for member in members], axis=0)
        parts[k] = Part(blend.weights[k], tuple(members))
        for booster in getattr(members[0], "boosters", ()):
            gain = np.asarray(booster.feature_importance("gain"), dtype=float)
            importance += blend.weights[k] * gain / max(gain.sum(), 1e-12)
    order = np.argsort(-importance, kind="stable")[:20]
    total = max(float(importance.sum()), 1e-12)
    weights: dict[str, float] = {}
    for candidate, weight in zip(found.chosen, blend.weights, strict=True):
        weights[candidate.kind] = round(weights.get(candidate.kind, 0.0) + weight, 4)
    shown = {names[k]: float(importance[k] / total) for k in order if importance[k] > 0}
    if in_time:
        levels = drawn_to_latest(levels, blend.apply(raws, levels), labels)
    return Fitted(
        blend.apply(raws, levels), shown, found.trials, weights, names, learn, tuple(parts), blend, levels
    )


def _bayes(given: Prepared) -> Floats:
    """The frequency table's probabilities of the test rows."""
    frame, learn, test = given.frame(), given.held.learn, given.held.test
    rate = float(given.labels[learn].mean())
    scorer = fit_bayes(frame.iloc[learn], given.labels[learn], list(frame.columns), score_map(rate, "chance"))
    weights = [field.weigh(frame[name].iloc[test]) for name, field in scorer.fields.items()]
    return sigmoid(scorer.prior + np.sum(weights, axis=0))


def _split_at(time: Column | None, held: HeldOut) -> str | None:
    if time is None:
        return None
    first = time.values.iloc[held.test].min()
    return str(first.isoformat()) if hasattr(first, "isoformat") else str(first)
