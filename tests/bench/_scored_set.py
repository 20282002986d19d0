"""What the benches of scoring share: a bundle, rows to score, and two calls timed in turn."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from training.bundle import Bundle
from training.calibration import fit_platt
from training.lightgbm_model import BoostingParams, Fitted, fit_lightgbm
from training.score_map import score_map

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
NUMBERS, TRAINING_ROWS = 36, 12_000
SHALLOW = BoostingParams(rounds=150, patience=150)
CHANNELS = ("展会", "官网", "转介绍", "电话")


@dataclass(frozen=True)
class Timing:
    """Median seconds of our call and of the bare one, and the median of the paired ratios."""

    ours: float
    bare: float
    ratio: float


def frame_of(seed: int, rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return features (rows, 37) with gaps and a category, and labels (rows,)."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(rows, NUMBERS))
    values[generator.random(values.shape) < 0.1] = np.nan
    frame = pd.DataFrame(values, columns=[f"number_{k}" for k in range(NUMBERS)])
    frame["channel"] = generator.choice(CHANNELS, rows)
    signal = np.nansum(values[:, :6], axis=1) + (frame.channel == "转介绍").to_numpy()
    return frame, generator.random(rows) < 1 / (1 + np.exp(2 - signal))


def bundle_of(params: BoostingParams = SHALLOW) -> tuple[Bundle, Fitted]:
    """Return a bundle over such rows, and the fit it was made of."""
    frame, labels = frame_of(1, TRAINING_ROWS)
    later, later_labels = frame_of(2, TRAINING_ROWS // 4)
    fitted = fit_lightgbm(frame, labels, later, later_labels, list(frame.columns), params)
    rate = float(labels.mean())
    bundle = Bundle(
        model="bench",
        version="bench",
        entity="lead",
        meaning="chance",
        trained_at=AS_OF,
        base_rate=rate,
        catalog_hash="bench",
        encoding=fitted.encoding,
        calibrator=fit_platt(fitted.raw(later), later_labels),
        points=score_map(rate, "chance"),
        booster=fitted.text,
        facts={},
    )
    return bundle, fitted


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compare(ours: Callable[[], object], bare: Callable[[], object], rounds: int) -> Timing:
    """Time both in turn, after a warm-up, so that a busy machine slows both alike."""
    for call in (ours, bare, ours, bare):
        call()
    pairs = [(seconds(ours), seconds(bare)) for _ in range(rounds)]
    return Timing(
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )
