"""Scores made together are the scores made one by one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crm_store.domain.scores import Reason, Score, band_of

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
VALUES, CHANCES = [0.0, 60.0, 89.9, 100.0], [0.0, 0.2, 0.5, 1.0]
REASONS = [(Reason("visits", 3.0, 1.5),), (), (), ()]


def test_they_are_equal_and_can_be_changed_like_any_other():
    together = Score.many(VALUES, CHANCES, REASONS, "model", "v1", AS_OF)
    alone = [
        Score(value, band_of(value), chance, reasons, "model", "v1", AS_OF)
        for value, chance, reasons in zip(VALUES, CHANCES, REASONS, strict=True)
    ]
    assert together == alone
    assert replace(together[0], why="no_champion") == replace(alone[0], why="no_champion")
    assert hash(together[1]) == hash(alone[1])


@pytest.mark.parametrize(("value", "chance"), [(float("nan"), 0.5), (100.1, 0.5), (50.0, -0.1)])
def test_one_that_is_impossible_refuses_them_all(value: float, chance: float):
    with pytest.raises(ValueError, match="0–100"):
        Score.many([50.0, value], [0.5, chance], [(), ()], "model", "v1", AS_OF)
