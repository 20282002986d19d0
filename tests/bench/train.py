"""The pipeline's fit against bare LightGBM: the same matrix, parameters and rounds, and predictions of both.

``fit_ratio`` is the median of paired ratios on 20,000 rows. The bare fit has LightGBM's own defaults for
threads and layout; ours repeats to the bit on one machine.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from training.bundle.engine import import_lightgbm
from training.flat.members import Boosted, boost, threads
from training.flat.tune import FIRST

ROWS, COLUMNS, ROUNDS, REPEATS = 20_000, 40, 100, 3


def run() -> dict[str, float]:
    """Return the ratio of fits, and the median seconds of each."""
    lightgbm = import_lightgbm()
    generator = np.random.default_rng(1)
    matrix = generator.normal(size=(ROWS, COLUMNS))
    matrix[generator.random(matrix.shape) < 0.1] = np.nan
    labels = generator.random(ROWS) < 1 / (1 + np.exp(1 - np.nansum(matrix[:, :6], axis=1)))
    params = dict(FIRST[0])

    def ours() -> object:
        return Boosted((boost(matrix, labels, params, ROUNDS, 7),)).raw(matrix)

    def bare() -> object:
        settings = {**params, "objective": "binary", "bagging_freq": 1, "seed": 7, "verbosity": -1}
        settings["num_threads"] = threads(ROWS)
        data = lightgbm.Dataset(matrix, labels.astype(float))
        return lightgbm.train(settings, data, ROUNDS).predict(matrix, raw_score=True)

    ours(), bare()
    pairs = [(_seconds(ours), _seconds(bare)) for _ in range(REPEATS)]
    return {
        "fit_ratio": round(statistics.median(a / b for a, b in pairs), 3),
        "ours_s": round(statistics.median(a for a, _ in pairs), 3),
        "bare_s": round(statistics.median(b for _, b in pairs), 3),
    }


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
