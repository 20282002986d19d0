"""Exact feature shares of a set against ``pred_contrib`` on the same booster, for shallow and deep trees.

Both have one thread. ``pred_contrib`` walks row by row, so its seconds are those of ``SAMPLE`` of the rows
times what is missing; ``linear`` tells how far that holds: twice its seconds for half the rows, by those
for the rows. ``difference`` is the largest distance of any two shares on the sampled rows, in log-odds.
"""

import statistics
from collections.abc import Callable

import numpy as np

from tests.bench._scored_set import SHALLOW, bundle_of, frame_of, seconds
from training.bundle.contributions import SetContributions
from training.lightgbm_model import BoostingParams

SIZES, SAMPLE, ROUNDS = (10_000, 100_000), 1_000, 3
TREES = {
    "shallow": SHALLOW,
    "deep": BoostingParams(rounds=200, patience=200, leaves=127, depth=12, rows_per_leaf=10),
}


def run() -> dict[str, float]:
    """Return for each kind of trees and each size how many times as fast the sets are."""
    report: dict[str, float] = {}
    for name, params in TREES.items():
        report |= {f"{name}_{key}": float(f"{value:.4g}") for key, value in _of(params).items()}
    return report


def _of(params: BoostingParams) -> dict[str, float]:
    import lightgbm

    bundle, fitted = bundle_of(params)
    booster = lightgbm.Booster(model_str=fitted.text)
    matrix = bundle.encoding.matrix_of_frame(frame_of(3, max(SIZES))[0])
    sample = matrix[:SAMPLE]

    def native(rows: np.ndarray) -> np.ndarray:
        return np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))

    contributions = SetContributions(booster.dump_model())
    expected = native(sample)
    difference = np.abs(contributions.shares(matrix)[:SAMPLE] - expected[:, :-1]).max()
    half = statistics.median(
        2 * seconds(lambda: native(sample[: SAMPLE // 2])) / seconds(lambda: native(sample))
        for _ in range(ROUNDS)
    )
    report = {"trees": float(booster.num_trees()), "difference": float(difference), "linear": half}
    for size in SIZES:
        pairs = [_pair(native, contributions, sample, matrix[:size]) for _ in range(ROUNDS)]
        report[f"{size}_times_as_fast"] = statistics.median(bare / ours for bare, ours in pairs)
        report[f"{size}_us_per_row"] = statistics.median(ours for _, ours in pairs) * 1e6 / size
    return report


def _pair(
    native: Callable[[np.ndarray], np.ndarray],
    contributions: SetContributions,
    sample: np.ndarray,
    rows: np.ndarray,
) -> tuple[float, float]:
    """Seconds of LightGBM's way and of ours for the same rows, one after the other."""
    bare = seconds(lambda: native(sample)) * len(rows) / len(sample)
    return bare, seconds(lambda: contributions.shares(rows))
