"""The measures give what they are known to give; figures of the drawn sample are scikit-survival 0.28's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.survival.measures import (
    Censoring,
    brier,
    calibration_error,
    concordance,
    dynamic_auc,
    integrated_brier,
    kaplan_meier,
    stays_at,
)

WEEKS = 26


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """400 exponential times, censored uniformly: days, lost, risk, curves."""
    generator = np.random.default_rng(5)
    risk = generator.normal(size=400)
    times = generator.exponential(120 * np.exp(-risk))
    censored = generator.uniform(20, 300, 400)
    curves = np.exp(-np.exp(risk)[:, None] * 7 * np.arange(1, WEEKS + 1) / 120)
    return np.minimum(times, censored), times <= censored, risk, curves


@pytest.mark.parametrize(
    ("horizon", "known"), [(30, 0.7613343978171029), (90, 0.7952536270512605), (180, 0.8414461478334003)]
)
def test_the_auc_is_that_of_uno(sample, horizon, known):
    days, lost, risk, _ = sample
    assert dynamic_auc(days, lost, risk, horizon) == pytest.approx(known, abs=1e-12)


def test_the_integrated_brier_score_is_that_of_graf(sample):
    days, lost, _, curves = sample
    assert integrated_brier(days, lost, curves) == pytest.approx(0.16614981439743248, abs=1e-12)


def test_under_proportional_hazards_the_concordance_is_that_of_uno(sample):
    days, lost, _, curves = sample
    assert concordance(days, lost, curves) == pytest.approx(0.7180037923861629, abs=1e-12)


def test_kaplan_meier_by_hand():
    days, lost = np.array([1.0, 2, 2, 3, 4]), np.array([True, False, True, False, True])
    assert kaplan_meier(days, lost, np.array([0.5, 1, 2, 3, 4])) == pytest.approx([1, 0.8, 0.6, 0.6, 0])


def test_censoring_weighs_who_is_seen_late_for_who_left_unseen():
    days, lost = np.array([1.0, 2, 3, 4]), np.array([False, True, False, True])
    censoring = Censoring.of(days, lost)
    assert censoring.weight(np.array([0.5, 1, 2, 3.5])) == pytest.approx([1, 4 / 3, 4 / 3, 8 / 3])
    assert censoring.weight(1.0, before=True) == pytest.approx(1.0)


def test_nobody_special_is_a_coin_and_a_seer_is_perfect(sample):
    days, lost, _, curves = sample
    assert concordance(days, lost, np.tile(curves[:1], (len(days), 1))) == 0.5
    ends = 7 * np.arange(1, WEEKS + 1)
    seen = (days[:, None] > ends).astype(float)
    assert brier(days, lost, seen[:, 12], 91) == 0
    assert calibration_error(days, lost, seen, 91) == pytest.approx(0)


def test_without_cases_or_controls_there_is_no_auc():
    days, risk = np.array([5.0, 6.0]), np.array([0.1, 0.2])
    assert dynamic_auc(days, np.array([False, False]), risk, 30) is None
    assert dynamic_auc(days, np.array([True, True]), risk, 30) is None


@given(st.floats(0, 182), st.floats(0, 182))
def test_between_the_weeks_a_curve_never_rises(day, other):
    curves = np.cumprod(np.full((1, WEEKS), 0.9), axis=1)
    first, second = stays_at(curves, min(day, other)), stays_at(curves, max(day, other))
    assert 1 >= first >= second >= curves[0, -1]
