"""The published line from probability to points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.domain.scores import band_of
from training.score_map import Meaning, ScoreMap, score_map

base_rates = st.floats(0.001, 0.999)


@given(base_rates, st.sampled_from(["chance", "health"]))
def test_the_map_is_strictly_monotone_and_covers_all_points(base_rate: float, meaning: Meaning) -> None:
    values = score_map(base_rate, meaning).apply(np.linspace(0, 1, 400))
    steps = np.diff(values)
    assert (steps > 0).all() if meaning == "chance" else (steps < 0).all()
    assert {values.min(), values.max()} == {0.0, 100.0}


@given(base_rates)
def test_a_lead_is_yellow_from_the_base_rate_on_and_green_from_three_times_that(base_rate: float) -> None:
    points = score_map(base_rate, "chance")
    green_from = min(3 * base_rate, (1 + base_rate) / 2)
    below, at, green = points.apply(np.array([base_rate * 0.99, base_rate, green_from]))
    assert (band_of(below), band_of(at), band_of(green)) == ("red", "yellow", "green")
    assert at == pytest.approx(60)
    assert green == pytest.approx(90)


@given(base_rates)
def test_an_account_is_red_above_the_usual_risk_and_green_at_a_third_of_it(base_rate: float) -> None:
    points = score_map(base_rate, "health")
    third, at, above = points.apply(np.array([base_rate / 3, base_rate, base_rate + (1 - base_rate) * 0.01]))
    assert (band_of(third), band_of(at), band_of(above)) == ("green", "yellow", "red")


@pytest.mark.parametrize("base_rate", [0.0, 1.0, -0.1, float("nan")])
def test_without_both_outcomes_there_is_no_map(base_rate: float) -> None:
    with pytest.raises(ValueError, match="both kinds"):
        score_map(base_rate, "chance")


@pytest.mark.parametrize(
    ("probabilities", "values"),
    [
        ((0.0, 1.0), (0.0,)),
        ((0.0, 0.9), (0.0, 100.0)),
        ((0.0, 0.5, 0.5, 1.0), (0.0, 10.0, 20.0, 30.0)),
        ((0.0, 0.5, 1.0), (0.0, 60.0, 50.0)),
        ((0.0, 1.0), (0.0, 101.0)),
    ],
)
def test_a_line_that_is_not_monotone_or_leaves_the_scale_is_refused(
    probabilities: tuple[float, ...], values: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError):
        ScoreMap(probabilities, values)
