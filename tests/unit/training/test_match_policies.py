"""What a policy would have won: estimators, propensities and the policies themselves, on worlds we know."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.domain.round_robin import turns
from training.match import estimators, policies
from training.match.off_policy import Trial, quality_by_rep, value_under
from training.match.propensity import CLIP, ROUTING, fit_propensity, inverse_weights

N = 4_000


def a_world(seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return leads, the chance of each of two reps, who got them, the true chances and who won.

    Rep 0 gets the easy region's leads and looks better; on any one lead rep 1 is.
    """
    random = np.random.default_rng(seed)
    easy = random.random(N) < 0.5
    old = np.where(easy[:, None], [0.85, 0.15], [0.15, 0.85])
    logged = (random.random(N) < old[:, 1]).astype(int)
    truth = np.where(easy[:, None], [0.5, 0.6], [0.1, 0.2])
    won = random.random(N) < truth[np.arange(N), logged]
    leads = pd.DataFrame({"lead_region": np.where(easy, "甲", "乙")})
    for name in ROUTING[1:]:
        leads[name] = None
    return leads, old, logged, truth, won


def trial_in(seed: int, forecasts: np.ndarray | None = None) -> tuple[Trial, np.ndarray]:
    _, old, logged, truth, won = a_world(seed)
    given_ = truth if forecasts is None else forecasts
    ids = tuple(f"L{n}" for n in range(N))
    allowed = np.ones((N, 2), dtype=bool)
    return Trial(ids, ("R0", "R1"), logged, won, allowed, given_, old, np.ones((N, 2))), truth


def test_selection_fools_the_naive_estimate_and_not_the_others() -> None:
    trial, truth = trial_in(1)
    everything_to_the_better = np.tile([0.0, 1.0], (N, 1))
    found = trial.estimates(everything_to_the_better)
    right = value_under(everything_to_the_better, truth)
    assert right == pytest.approx(0.4, abs=0.02)
    assert found["naive"].value < right - 0.08
    for name in ("ips", "snips", "dr"):
        assert found[name].low < right < found[name].high
        assert found[name].value == pytest.approx(right, abs=0.04)


def test_doubly_robust_survives_wrong_forecasts_or_wrong_propensities() -> None:
    wrong, _ = trial_in(2, np.full((N, 2), 0.9))
    policy = np.tile([0.0, 1.0], (N, 1))
    assert wrong.estimates(policy)["dr"].value == pytest.approx(0.4, abs=0.06)
    assert wrong.estimates(policy)["direct"].value == pytest.approx(0.9)

    right, _ = trial_in(2)
    rows, even = np.arange(N), np.full(N, 0.5)
    new, forecast = policy[rows, right.logged], right.forecasts[rows, right.logged]
    chosen = (policy * right.forecasts).sum(axis=1)
    dr = estimators.doubly_robust(right.won, new, even, chosen, forecast)
    assert dr.value == pytest.approx(0.4, abs=0.03)
    assert abs(estimators.ips(right.won, new, even).value - 0.4) > 0.05


def test_doubly_robust_is_steadier_than_weighting_alone() -> None:
    trial, _ = trial_in(3)
    found = trial.estimates(np.tile([0.0, 1.0], (N, 1)))
    assert found["dr"].high - found["dr"].low < found["ips"].high - found["ips"].low


def test_propensities_are_what_routing_does_and_weights_undo_it() -> None:
    leads, old, logged, _, _ = a_world(4)
    reps = [f"R{rep}" for rep in logged]
    fitted = fit_propensity(leads, reps)
    assert np.abs(fitted.of(leads) - old).mean() < 0.03
    assert fitted.given(leads, ["nobody"] * N) == pytest.approx(CLIP)

    weights = inverse_weights(leads, reps)
    assert weights.mean() == pytest.approx(1.0)
    easy = (leads.lead_region == "甲").to_numpy()
    shares = [np.average(easy[logged == rep], weights=weights[logged == rep]) for rep in (0, 1)]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)  # each rep's leads look alike, once weighted


def test_greedy_takes_the_best_with_room_and_never_someone_who_may_not() -> None:
    allowed = np.array([[True, True], [True, True], [True, True], [False, True]])
    forecasts = np.array([[0.9, 0.1]] * 4)
    chosen = policies.greedy(allowed, forecasts, np.array([2.0, 5.0]))
    assert chosen.argmax(axis=1).tolist() == [0, 0, 1, 1]
    assert chosen.sum(axis=1).tolist() == [1.0] * 4


def test_rules_share_out_by_weight_and_repeat_under_the_same_seed() -> None:
    allowed, weights = np.ones((30, 2), dtype=bool), np.tile([2.0, 1.0], (30, 1))
    leads = [f"L{n}" for n in range(30)]
    chosen = policies.by_rules(allowed, weights, ("R0", "R1"), leads, 7)
    assert chosen.sum(axis=0).tolist() == [20.0, 10.0]
    assert (policies.by_rules(allowed, weights, ("R0", "R1"), leads, 7) == chosen).all()


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.floats(0.5, 9), min_size=1),
    st.integers(0, 99),
    st.integers(1, 60),
)
def test_nobody_has_more_for_their_weight_than_anyone_would_with_one_more(weights, seed, rounds) -> None:
    given_ = dict.fromkeys(weights, 0.0)
    for number in range(rounds):
        order = turns(weights, given_, f"L{number}", seed)
        assert sorted(order) == sorted(weights)
        given_[order[0]] += 1
    most = max(given_[rep] / weight for rep, weight in weights.items())
    assert most <= min((given_[rep] + 1) / weight for rep, weight in weights.items()) + 1e-9


def test_a_weight_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        turns({"a": 0.0}, {}, "L", 1)


def test_quality_is_told_for_each_rep() -> None:
    trial, _ = trial_in(5)
    found = quality_by_rep(trial)
    assert {rep: row["n"] for rep, row in found.items()} == {
        "R0": int((trial.logged == 0).sum()),
        "R1": int((trial.logged == 1).sum()),
    }
    assert all(row["auc"] > 0.6 and row["ece"] < 0.06 for row in found.values())
