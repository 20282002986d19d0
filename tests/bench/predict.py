"""The scorer against bare ``Booster.predict`` on the same matrix: one row, and ten thousand.

Three ways of the scorer are timed: values and colours from a ready matrix (``values``), scores from rows of
name → value without reasons (``score``), and with reasons (``reasons``). Each is timed in turn with the
bare call, so that a busy machine slows both alike; a ratio is the median of the paired ratios.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from crm_store.domain.scores import band_of
from training.bundle import Bundle, BundleScorer
from training.calibration import fit_platt
from training.lightgbm_model import BoostingParams, Fitted, fit_lightgbm
from training.score_map import score_map

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
NUMBERS, TRAINING_ROWS, MANY = 36, 12_000, 10_000
CHANNELS = ("展会", "官网", "转介绍", "电话")


@dataclass(frozen=True)
class Timing:
    """Median seconds of our call and of the bare one, and the median of the paired ratios."""

    ours: float
    bare: float
    ratio: float


def _frame(seed: int, rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(rows, NUMBERS))
    values[generator.random(values.shape) < 0.1] = np.nan
    frame = pd.DataFrame(values, columns=[f"number_{k}" for k in range(NUMBERS)])
    frame["channel"] = generator.choice(CHANNELS, rows)
    signal = np.nansum(values[:, :6], axis=1) + (frame.channel == "转介绍").to_numpy()
    return frame, generator.random(rows) < 1 / (1 + np.exp(2 - signal))


def _bundle() -> tuple[Bundle, Fitted]:
    frame, labels = _frame(1, TRAINING_ROWS)
    later, later_labels = _frame(2, TRAINING_ROWS // 4)
    params = BoostingParams(rounds=150, patience=150)
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


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _compare(ours: Callable[[], object], bare: Callable[[], object], rounds: int) -> Timing:
    for call in (ours, bare, ours, bare):
        call()
    pairs = [(_seconds(ours), _seconds(bare)) for _ in range(rounds)]
    return Timing(
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def run() -> dict[str, float]:
    """Return ratios and medians for 1 and 10,000 rows; one thread on both sides."""
    import lightgbm

    bundle, fitted = _bundle()
    scorer = BundleScorer(bundle)
    booster = lightgbm.Booster(model_str=fitted.text)
    frame, _ = _frame(3, MANY)
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    report: dict[str, float] = {}
    for name, some, rounds in (("1", rows[:1], 400), (str(MANY), rows, 5)):
        matrix = bundle.encoding.matrix(some)

        def bare(matrix: np.ndarray = matrix) -> object:
            return booster.predict(matrix, num_threads=1)

        def values(matrix: np.ndarray = matrix) -> object:
            _, points = scorer.values(scorer.raw(matrix))
            return [band_of(value) for value in points.tolist()]

        def score(some: list = some) -> object:
            return scorer.score(some, AS_OF, with_reasons=False)

        def reasons(some: list = some) -> object:
            return scorer.score(some, AS_OF)

        for way in (values, score, reasons):
            timing = _compare(way, bare, rounds if way is not reasons else max(3, rounds // 4))
            report[f"{way.__name__}_{name}_ratio"] = round(timing.ratio, 2)
            report[f"{way.__name__}_{name}_us_per_row"] = round(timing.ours * 1e6 / len(some), 2)
            report[f"bare_{name}_us_per_row"] = round(timing.bare * 1e6 / len(some), 2)
    return report
