"""The scorer against bare ``Booster.predict`` on the same matrix: one row, and ten thousand.

Three ways of the scorer are timed: values and colours from a ready matrix (``values``), scores from rows of
name → value without reasons (``score``), and with reasons (``reasons``). Each is timed in turn with the
bare call, so that a busy machine slows both alike; a ratio is the median of the paired ratios.
"""

import numpy as np

from crm_store.domain.scores import band_of
from tests.bench._scored_set import AS_OF, bundle_of, compare, frame_of
from training.bundle import BundleScorer

MANY = 10_000


def run() -> dict[str, float]:
    """Return ratios and medians for 1 and 10,000 rows; one thread on both sides."""
    import lightgbm

    bundle, fitted = bundle_of()
    scorer = BundleScorer(bundle)
    booster = lightgbm.Booster(model_str=fitted.text)
    frame, _ = frame_of(3, MANY)
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
            timing = compare(way, bare, rounds if way is not reasons else max(3, rounds // 4))
            report[f"{way.__name__}_{name}_ratio"] = round(timing.ratio, 2)
            report[f"{way.__name__}_{name}_us_per_row"] = round(timing.ours * 1e6 / len(some), 2)
            report[f"bare_{name}_us_per_row"] = round(timing.bare * 1e6 / len(some), 2)
    return report
