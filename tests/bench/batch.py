"""Rows a second of scores with colours against bare ``Booster.predict`` on the same rows, all threads.

``values`` are probabilities, points and colours from a ready matrix, as the bare call gets it; ``columns``
the same from rows of name → value, matrix and all; ``scores`` are ``Score`` objects from such rows, without
reasons. A ratio is ours by the bare
call's, both timed in turn: 1 is as fast.
"""

import numpy as np

from crm_store.domain.scores import DEFAULT_BANDS
from tests.bench._scored_set import AS_OF, bundle_of, compare, frame_of
from training.bundle import BundleScorer

SIZES, ROUNDS = (10_000, 100_000), 7
BANDS = np.array(["red", "yellow", "green"])
CUTS = (DEFAULT_BANDS.yellow, DEFAULT_BANDS.green)


def run() -> dict[str, float]:
    """Return ratios and rows a second for each size."""
    import lightgbm

    bundle, fitted = bundle_of()
    scorer = BundleScorer(bundle, threads=0)
    booster = lightgbm.Booster(model_str=fitted.text)
    frame, _ = frame_of(3, max(SIZES))
    whole = bundle.encoding.matrix_of_frame(frame)
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    report: dict[str, float] = {}
    for size in SIZES:
        matrix, some = whole[:size], rows[:size]

        def bare(matrix: np.ndarray = matrix) -> object:
            return booster.predict(matrix)

        def values(matrix: np.ndarray = matrix) -> object:
            probabilities, points = scorer.values(scorer.raw(matrix))
            return probabilities, points, BANDS[np.searchsorted(CUTS, points, side="right")]

        def columns(some: list = some) -> object:
            probabilities, points = scorer.values(scorer.raw_of(some))
            return probabilities, points, BANDS[np.searchsorted(CUTS, points, side="right")]

        def scores(some: list = some) -> object:
            return scorer.score(some, AS_OF, with_reasons=False)

        for way in (values, columns, scores):
            timing = compare(way, bare, ROUNDS)
            report[f"{way.__name__}_{size}_ratio"] = round(1 / timing.ratio, 2)
            report[f"{way.__name__}_{size}_rows_per_s"] = round(size / timing.ours)
    return report
