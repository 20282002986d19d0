"""Boosting a hazard: weeks before the cut fit it, later weeks say when to stop and set its level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Floats
from training.bundle import Bundle
from training.bundle.engine import import_lightgbm
from training.bundle.hazard import PERIOD, period_matrix
from training.calibration import fit_platt
from training.encoding import Encoding, learn_encoding
from training.score_map import score_map
from training.survival.periods import Periods, periods_of
from training.survival.specs import HazardSpec

if TYPE_CHECKING:
    import pandas as pd

_LEAST_RATE = 1e-3


@dataclass(frozen=True)
class FittedHazard:
    """A hazard as a bundle, and what was learned from: weeks and losses of each part."""

    bundle: Bundle
    rounds: int
    sizes: Mapping[str, Mapping[str, int]]


def fit_hazard(
    spec: HazardSpec,
    rows: pd.DataFrame,
    stop_at: datetime,
    split_at: datetime,
    now: datetime,
    catalog_hash: str,
) -> FittedHazard:
    """Fit on the weeks of ``rows`` (keys, lost_at, features) before ``stop_at``; calibrate on later ones.

    Weeks without a loss are thinned to ``spec.period_rows``, with weights, so that the size of the training
    does not grow with the square of the history.
    """
    lightgbm = import_lightgbm()

    generator = np.random.default_rng(spec.boosting.seed)
    encoding = _with_periods(learn_encoding(rows, spec.features))
    base = encoding.matrix_of_frame(rows.assign(**dict.fromkeys(PERIOD, np.nan)))
    parts = {
        "fit": periods_of(rows, spec.weeks, stop_at),
        "calibration": periods_of(rows, spec.weeks, split_at, since=stop_at),
    }
    fit, later = (_thinned(part, spec.period_rows, generator) for part in parts.values())
    data = _dataset(lightgbm, base, encoding, fit)
    booster = lightgbm.train(
        spec.boosting.native(encoding.features),
        data,
        spec.boosting.rounds,
        valid_sets=[_dataset(lightgbm, base, encoding, later, reference=data)],
        callbacks=[lightgbm.early_stopping(spec.boosting.patience, verbose=False)],
    )
    rounds = max(booster.best_iteration, spec.boosting.least_rounds)
    raw = np.asarray(booster.predict(_matrix(base, encoding, later), raw_score=True, num_iteration=rounds))
    line = fit_platt(raw, later.lost, later.weight)
    rate = _rate(rows, stop_at, split_at, spec.weeks)
    bundle = Bundle(
        model=spec.model,
        version="",
        entity=spec.entity,
        meaning="health",
        trained_at=now,
        base_rate=rate,
        catalog_hash=catalog_hash,
        encoding=encoding,
        calibrator=line,
        points=score_map(rate, "health"),
        booster=booster.model_to_string(num_iteration=rounds),
        facts={},
        weeks=spec.weeks,
    )
    sizes = {name: {"rows": len(part.row), "positives": int(part.lost.sum())} for name, part in parts.items()}
    return FittedHazard(bundle, rounds, sizes)


def _with_periods(encoding: Encoding) -> Encoding:
    return replace(encoding, features=(*encoding.features, *PERIOD))


def _thinned(periods: Periods, most: int, generator: np.random.Generator) -> Periods:
    quiet = len(periods.row) - int(periods.lost.sum())
    return periods.thinned(min(1.0, most / max(quiet, 1)), generator)


def _matrix(base: Floats, encoding: Encoding, periods: Periods) -> Floats:
    return period_matrix(base[periods.row], encoding.features, periods.week)


def _dataset(lightgbm: Any, base: Floats, encoding: Encoding, periods: Periods, reference: Any = None) -> Any:
    return lightgbm.Dataset(
        _matrix(base, encoding, periods),
        periods.lost.astype(float),
        weight=periods.weight,
        reference=reference,
        feature_name=list(encoding.features),
        categorical_feature=encoding.categorical,
        params={"verbosity": -1},
    )


def _rate(rows: pd.DataFrame, since: datetime, until: datetime, weeks: int) -> float:
    """Chance of a loss within all the weeks, from the weekly rates of the later weeks (Kaplan-Meier)."""
    periods = periods_of(rows, weeks, until, since)
    at_risk = np.bincount(periods.week, minlength=weeks + 1)[1:]
    lost = np.bincount(periods.week, weights=periods.lost, minlength=weeks + 1)[1:]
    rate = 1.0 - float(np.prod(1.0 - lost / np.maximum(at_risk, 1)))
    return min(max(rate, _LEAST_RATE), 1 - _LEAST_RATE)
