"""The budget bounds what takes time with many rows: the rounds of boosting, and the rows of the last fits."""

import numpy as np
import pytest

from training.arrays import Bools, Floats
from training.flat.blend import Blend
from training.flat.members import boost_until
from training.flat.pipeline import MOST_ROWS, affordable
from training.flat.tune import FIRST, TUNING_ROWS, Candidate, Search

PAST = float("-inf")


def noisy(rows: int) -> tuple[Floats, Bools]:
    generator = np.random.default_rng(3)
    matrix = generator.normal(size=(rows, 2))
    return matrix, generator.random(rows) < 1 / (1 + np.exp(-matrix[:, 0]))


def rounds_until(stop_at: float, rows: int) -> int:
    matrix, labels = noisy(rows)
    params = {**FIRST[1], "num_leaves": 3, "learning_rate": 0.1}
    _, losses = boost_until(matrix, labels, matrix[:500], labels[:500], params, 1, stop_at)
    return len(losses)


def test_many_rows_are_boosted_no_longer_than_there_is_time_but_for_the_first_rounds() -> None:
    assert rounds_until(PAST, 50_000) == 40
    assert rounds_until(float("inf"), 50_000) > 60


def test_few_rows_are_boosted_to_the_end_whatever_the_budget() -> None:
    assert rounds_until(PAST, 600) == rounds_until(float("inf"), 600)


def boosted(seconds: float) -> Candidate:
    """A candidate that took some seconds for 1,000,000 rows × rounds, and would be fitted with 100 rounds."""
    return Candidate("boosted", {"rounds": 100}, np.zeros(1), 0.5, lambda *_: None, seconds, 1e6)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(("seconds", "room"), [(-1.0, TUNING_ROWS), (10.0, 100_000), (1e9, MOST_ROWS)])
def test_the_last_fits_learn_from_as_many_rows_as_there_is_time_for(seconds: float, room: int) -> None:
    found = Search(boosted=[boosted(1.0), boosted(9.0)], rows=TUNING_ROWS)
    assert affordable(found, Blend((0.9, 0.0)), 500_000, seconds) == room
    assert affordable(found, Blend((0.9, 0.0)), 900, seconds) == 900
