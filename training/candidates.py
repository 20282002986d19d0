"""The three scorers that every training compares: published rules, a frequency table, boosted trees.

All three answer the same rows through the same call, as they would in serving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from training.arrays import Bools, Floats, log_odds
from training.bayes import BayesScorer, fit_bayes
from training.bundle import Bundle
from training.bundle.files import canonical_json, sha256
from training.calibration import Calibrator, fit_calibrator, fit_platt
from training.datasets import Dataset, Part
from training.evaluation import Metrics, evaluate
from training.lightgbm_model import Fitted, fit_lightgbm, refit_lightgbm
from training.score_map import score_map
from training.specs import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

_LEAST_RATE = 1e-3  # of a base rate, so that the map of points can be drawn
_FOLDS = 5

Rows = Sequence[Mapping[str, object]]


class Forecaster(Protocol):
    """A Scorer that can also be asked for probabilities alone."""

    def probabilities(self, signals: Rows) -> Sequence[float | None]:
        """Return the probability of the outcome for each row."""
        ...


def rows_of(part: Part) -> list[dict[str, Any]]:
    """Return a part's features as serving gets them: name → value, None for missing."""
    columns = part.frame.drop(columns=["entity_id", "as_of"])
    plain = columns.astype(object).where(columns.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def labels_of(parts: Sequence[Part]) -> Bools:
    """Return the labels of several parts in a row."""
    return np.concatenate([part.labels for part in parts])


@dataclass(frozen=True)
class RuleBaseline:
    """Rules that were given frequencies: a line through the log-odds that their points imply.

    A rule's 65 points are an opinion, not a probability; without this step log loss and calibration error
    would only say so. The order of the rows stays the rule's own.
    """

    rules: Forecaster
    line: Calibrator

    @classmethod
    def fit(cls, rules: Forecaster, parts: Sequence[Part], share: float) -> RuleBaseline:
        """Learn the line from the same rows as the other two."""
        signals = [row for part in parts for row in rows_of(part)]
        line = fit_platt(log_odds(_opinions(rules, signals), 1e-3), labels_of(parts))
        return cls(rules, Calibrator("platt", line.xs, share=share))

    def measure(self, rows: Rows, labels: Bools) -> tuple[Metrics, Floats]:
        """Return the metrics, and the probabilities behind them, on test rows."""
        opinions = _opinions(self.rules, rows)
        probabilities = self.line.apply(log_odds(opinions, 1e-3))
        return evaluate(labels, probabilities, ranking=opinions), probabilities


def _opinions(rules: Forecaster, rows: Rows) -> Floats:
    """A rule's points as a share of 100; one that takes no side on a row stands at a half."""
    return np.array([0.5 if p is None else p for p in rules.probabilities(rows)], dtype=float)


@dataclass(frozen=True)
class Challenger:
    """A fitted model as a bundle, with what its calibration tried."""

    bundle: Bundle
    calibration_losses: Mapping[str, float]
    rounds: int


def fit_challenger(spec: ModelSpec, dataset: Dataset, now: datetime, catalog_hash: str) -> Challenger:
    """Boost, stop on later rows, calibrate on later rows still, and draw the map of points."""
    fit, stop = dataset.fit, dataset.stop
    weights = spec.weigh(fit.frame) if spec.weigh else None
    fitted = fit_lightgbm(
        fit.frame, fit.labels, stop.frame, stop.labels, spec.features, spec.boosting, weights
    )
    held = dataset.calibration
    calibrator, losses = fit_calibrator(fitted.raw(held.frame), held.labels, spec.calibrators)
    if spec.refit:
        fitted = _refit(spec, dataset, fitted.rounds)
    if spec.crossed:
        calibrator = _between(calibrator, _crossed(spec, dataset, fitted.rounds))
    base_rate = base_rate_of(dataset)
    bundle = Bundle(
        model=spec.model,
        version="",
        entity=spec.entity,
        meaning=spec.meaning,
        trained_at=now,
        base_rate=base_rate,
        catalog_hash=catalog_hash,
        encoding=fitted.encoding,
        calibrator=Calibrator(calibrator.kind, calibrator.xs, calibrator.ys, dataset.share),
        points=score_map(base_rate, spec.meaning),
        booster=fitted.text,
        facts={},
    )
    return Challenger(bundle, losses, fitted.rounds)


def _learned(dataset: Dataset) -> pd.DataFrame:
    """Return every row learned from, in one frame."""
    import pandas as pd

    return pd.concat([part.frame for part in dataset.learned], ignore_index=True)


def _refit(spec: ModelSpec, dataset: Dataset, rounds: int) -> Fitted:
    frame = _learned(dataset)
    weights = spec.weigh(frame) if spec.weigh else None
    return refit_lightgbm(frame, labels_of(dataset.learned), spec.features, rounds, spec.boosting, weights)


def _crossed(spec: ModelSpec, dataset: Dataset, rounds: int) -> Calibrator:
    """Fit Platt's line to forecasts for a fifth of the subjects by what the other four teach."""
    frame = _learned(dataset)
    labels, raws = labels_of(dataset.learned), np.zeros(len(frame))
    subjects, places = np.unique(frame["entity_id"].to_numpy(str), return_inverse=True)
    folds = np.random.default_rng(spec.boosting.seed).integers(0, _FOLDS, len(subjects))[places]
    for fold in range(_FOLDS):
        out = folds == fold
        kept = frame[~out].reset_index(drop=True)
        weights = spec.weigh(kept) if spec.weigh else None
        fitted = refit_lightgbm(kept, labels[~out], spec.features, rounds, spec.boosting, weights)
        raws[out] = fitted.raw(frame[out].reset_index(drop=True))
    return fit_platt(raws, labels)


def _between(one: Calibrator, other: Calibrator) -> Calibrator:
    """Return the line half-way between two of Platt's.

    One knows the latest rows, the other all of them and the model that serves. Over 24 cuts of six demo
    companies (600 to 1,900 test rows each) the calibration error is 0.044 on average and the log loss 0.435,
    against 0.053 and 0.440 by the first alone and 0.046 and 0.436 half-way from the other to none at all.
    """
    slope, intercept = np.mean([one.xs, other.xs], axis=0)
    return Calibrator("platt", (float(slope), float(intercept)))


def fit_frequencies(spec: ModelSpec, dataset: Dataset) -> BayesScorer:
    """Count the frequency baseline over every row learned from."""
    points = score_map(base_rate_of(dataset), spec.meaning)
    return fit_bayes(_learned(dataset), labels_of(dataset.learned), spec.bayes_fields, points, dataset.share)


def base_rate_of(dataset: Dataset) -> float:
    """How often the outcome occurs, over its whole horizon, in the latest rows learned from."""
    rate = float(dataset.calibration.labels.mean()) / dataset.share
    return min(max(rate, _LEAST_RATE), 1 - _LEAST_RATE)


def named(bundle: Bundle, facts: Mapping[str, Any]) -> Bundle:
    """Return the bundle with its facts; its version holds its model, time and a hash of its content."""
    from dataclasses import replace

    unnamed = replace(bundle, facts=facts, version="")
    digest = sha256(canonical_json({name: sha256(text) for name, text in unnamed.files().items()}))
    return replace(unnamed, version=f"{bundle.model}-{bundle.trained_at:%Y%m%dT%H%M%S}-{digest[:8]}")
