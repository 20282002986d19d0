"""The seven numbers that scorers are compared by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation import (
    auc,
    auc_interval,
    average_precision,
    evaluate,
    expected_calibration_error,
    lift,
    log_loss,
    reliability,
)

rows_of_both = st.lists(
    st.tuples(st.booleans(), st.integers(0, 8).map(lambda k: k / 8)), min_size=2, max_size=40
).filter(lambda rows: 0 < sum(label for label, _ in rows) < len(rows))


def split(rows: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in rows]), np.array([score for _, score in rows])


@given(rows_of_both)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[bool, float]]) -> None:
    labels, scores = split(rows)
    pairs = [(p > n) + (p == n) / 2 for p in scores[labels] for n in scores[~labels]]
    assert auc(labels, scores) == pytest.approx(np.mean(pairs))


@given(rows_of_both)
def test_average_precision_is_precision_weighted_by_recall_gained(rows: list[tuple[bool, float]]) -> None:
    labels, scores = split(rows)
    gained = [
        labels[scores >= edge].mean() * labels[scores == edge].sum() / labels.sum() for edge in set(scores)
    ]
    assert average_precision(labels, scores) == pytest.approx(sum(gained))


@given(rows_of_both, st.randoms(use_true_random=False))
def test_the_order_in_which_tied_rows_stand_changes_nothing(
    rows: list[tuple[bool, float]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = evaluate(*split(rows)), evaluate(*split(shuffled))
    assert first.lift == pytest.approx(second.lift)
    assert first.ap == pytest.approx(second.ap)
    assert first.auc == pytest.approx(second.auc)


def test_forecasts_that_come_true_have_no_calibration_error() -> None:
    forecasts = np.repeat([0.1, 0.25, 0.8], 100)
    labels = np.concatenate([np.arange(100) < round(p * 100) for p in (0.1, 0.25, 0.8)])
    assert expected_calibration_error(labels, forecasts) == pytest.approx(0)


def test_the_calibration_error_weighs_each_bin_by_its_rows() -> None:
    # 30 rows said 0.2 and 0 % came true; 10 rows said 0.9 and all did
    forecasts = np.repeat([0.2, 0.9], [30, 10])
    labels = np.repeat([False, True], [30, 10])
    assert expected_calibration_error(labels, forecasts) == pytest.approx(0.75 * 0.2 + 0.25 * 0.1)
    assert [row["share"] for row in reliability(labels, forecasts)] == [0.75, 0.25]


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    assert expected_calibration_error(np.array([True]), np.array([1.0])) == 0


def test_lift_of_a_perfect_order_and_of_one_constant() -> None:
    labels = np.arange(100) < 5
    assert lift(labels, -np.arange(100.0)) == pytest.approx(10)  # 5 of the 10, against 5 %
    assert lift(labels, np.zeros(100)) == pytest.approx(1)


def test_lift_shares_out_a_tie_across_the_edge_of_the_tenth() -> None:
    # 5 rows above, half of them won; 20 tie for the 5 places left, a quarter of them won
    ranking = np.repeat([3.0, 2.0, 1.0], [5, 20, 75])
    labels = np.zeros(100, dtype=bool)
    labels[[0, 1, 5, 6, 7, 8, 9]] = True
    assert lift(labels, ranking) == pytest.approx((2 + 5 * 5 / 20) / 10 / 0.07)


def test_log_loss_of_an_even_guess_and_of_a_sure_miss() -> None:
    assert log_loss(np.array([True, False]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))
    assert np.isfinite(log_loss(np.array([True]), np.array([0.0])))


def test_with_one_kind_of_outcome_what_cannot_be_measured_is_none() -> None:
    only_losses = evaluate(np.zeros(5, dtype=bool), np.full(5, 0.2))
    assert (only_losses.auc, only_losses.ap, only_losses.lift) == (None, None, None)
    assert only_losses.ece == pytest.approx(0.2)
    assert auc_interval(np.zeros(5, dtype=bool), np.zeros(5)) is None


def test_an_own_order_counts_for_ranks_and_the_probabilities_for_the_rest() -> None:
    labels = np.array([True, False, False, True])
    constant = np.full(4, 0.5)
    measured = evaluate(labels, constant, ranking=np.array([9.0, 1.0, 2.0, 8.0]))
    assert measured.auc == 1
    assert measured.ece == pytest.approx(0)


def test_the_interval_holds_the_auc_and_is_the_same_for_the_same_seed() -> None:
    generator = np.random.default_rng(1)
    labels = generator.random(300) < 0.3
    ranking = labels + generator.normal(size=300)
    interval = auc_interval(labels, ranking, seed=5)
    measured = auc(labels, ranking)
    assert interval is not None
    assert measured is not None
    assert interval[0] < measured < interval[1]
    assert interval == auc_interval(labels, ranking, seed=5)


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [([], []), ([True], [0.1, 0.2]), ([True, False], [0.1, float("nan")])],
    ids=["no rows", "lengths differ", "not a number"],
)
def test_what_cannot_be_compared_is_refused(labels: list[bool], probabilities: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        evaluate(np.array(labels, dtype=bool), np.array(probabilities))
