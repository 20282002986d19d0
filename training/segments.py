"""Models for parts of the subjects, kept only where they beat the general one on later data.

Every value of a spec's segment features with outcomes enough is a candidate. Its model learns from its own
rows, as the general one learned from all, and both answer for the segment's rows of the test: the latest,
which neither has seen. The gain is the mean of (log loss of the general model - log loss of the segment's)
over them. It must be above 0 at the lower end of its bootstrap interval (2,000 draws of subjects with all
their rows, Efron and Tibshirani 1993), with the 5 % of error shared among all candidates (Bonferroni), so
that trying many segments doesn't find one by luck.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from crm_store.domain.scores import SegmentFacts
from training.arrays import Bools, Floats
from training.bundle import Bundle, BundleScorer
from training.bundle.segments import Segment
from training.candidates import fit_challenger, labels_of, rows_of
from training.datasets import Dataset, Part
from training.specs import ModelSpec, SegmentLimits

DRAWS, ERROR = 2_000, 0.05
_LONGEST = 24  # characters of a value, which is part of the version that every score names
_BOUND = 1e-6


@dataclass(frozen=True)
class Trial:
    """One candidate and what became of it."""

    segment: Segment
    kept: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the sample sizes, the gain, its lower bound, and whether it was kept."""
        return asdict(self.segment.facts) | {"kept": self.kept}


def try_segments(spec: ModelSpec, dataset: Dataset, general: Bundle, now: datetime) -> list[Trial]:
    """Fit and compare every candidate; those kept come first, the surest gain before the others."""
    candidates = list(_candidates(spec, dataset))
    trials = [_trial(spec, *candidate, general, now, len(candidates)) for candidate in candidates]
    return sorted(trials, key=lambda trial: (not trial.kept, -trial.segment.facts.least_gain))


def with_segments(general: Bundle, trials: list[Trial]) -> Bundle:
    """Return the bundle with the segments that were kept."""
    return replace(general, segments=tuple(trial.segment for trial in trials if trial.kept))


def least_gain(gains: Floats, subjects: Any, error: float) -> float:
    """Return the lower bound of the mean gain (rows,), drawing subjects (rows,) with all their rows."""
    _, place = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    sums, rows = np.bincount(place, weights=gains), np.bincount(place)
    draws = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=DRAWS)
    return float(np.quantile((draws @ sums) / (draws @ rows), error))


def _candidates(spec: ModelSpec, dataset: Dataset) -> Iterator[tuple[str, str, Dataset]]:
    for feature in spec.segments:
        for value in sorted(dataset.fit.frame[feature].dropna().unique()):
            own = _of_segment(dataset, feature, value)
            if len(str(value)) <= _LONGEST and _enough(own, spec.segment_limits):
                yield feature, str(value), own


def _of_segment(dataset: Dataset, feature: str, value: object) -> Dataset:
    def part(whole: Part) -> Part:
        mine = (whole.frame[feature] == value).to_numpy(dtype=bool)
        return Part(whole.frame[mine].reset_index(drop=True), whole.labels[mine])

    fit, stop, test = (part(whole) for whole in (dataset.fit, dataset.stop, dataset.test))
    calibration = stop if dataset.calibration is dataset.stop else part(dataset.calibration)
    return replace(dataset, fit=fit, stop=stop, calibration=calibration, test=test)


def _enough(own: Dataset, limits: SegmentLimits) -> bool:
    parts = (own.fit, own.stop, own.calibration, own.test)
    if any(not 0 < part.labels.sum() < len(part.labels) for part in parts):
        return False
    learned, tested = labels_of(own.learned), own.test.labels
    return _rarer(learned) >= limits.learned and _rarer(tested) >= limits.tested


def _rarer(labels: Bools) -> int:
    return int(min(labels.sum(), (~labels).sum()))


def _trial(
    spec: ModelSpec, feature: str, value: str, own: Dataset, general: Bundle, now: datetime, candidates: int
) -> Trial:
    features = tuple(name for name in spec.features if name != feature)
    made = fit_challenger(replace(spec, features=features), own, now, general.catalog_hash).bundle
    rows, labels = rows_of(own.test), own.test.labels
    ours, theirs = (
        _losses(labels, np.array(BundleScorer(bundle).probabilities(rows)))
        for bundle in (replace(made, version="-"), general)
    )
    gains = theirs - ours
    learned = labels_of(own.learned)
    facts = SegmentFacts(
        feature=feature,
        value=value,
        rows=len(learned),
        positives=int(learned.sum()),
        tested=len(labels),
        tested_positives=int(labels.sum()),
        gain=float(gains.mean()),
        least_gain=least_gain(gains, own.test.frame["entity_id"], ERROR / candidates),
    )
    return Trial(Segment(facts, made.encoding, made.calibrator, made.booster), facts.least_gain > 0)


def _losses(labels: Bools, probabilities: Floats) -> Floats:
    held = np.clip(np.where(labels, probabilities, 1 - probabilities), _BOUND, 1.0)
    return np.asarray(-np.log(held))
