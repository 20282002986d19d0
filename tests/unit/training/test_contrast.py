"""What sets rows apart adds up, names nothing that they share, and is the Shapley value by its definition."""

from datetime import UTC, datetime
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.arrays import Floats
from training.bundle import Bundle, BundleScorer
from training.bundle.contrast import Contrasts
from training.bundle.engine import import_lightgbm
from training.calibration import Calibrator
from training.encoding import Encoding
from training.score_map import score_map

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FEATURES = ("lead_age_h", "rep_win_rate", "pair_region_leads", "rep_team")
TEAMS = ("甲", "乙", "丙")


@pytest.fixture(scope="module")
def scorer() -> BundleScorer:
    lightgbm, generator = import_lightgbm(), np.random.default_rng(3)
    matrix = generator.normal(size=(2_000, 4))
    matrix[:, 3] = generator.integers(0, 3, 2_000)
    matrix[generator.random(2_000) < 0.1, 1] = np.nan
    level = matrix[:, 0] + np.nan_to_num(matrix[:, 1]) * matrix[:, 2] + (matrix[:, 3] == 1)
    labels = generator.random(2_000) < 1 / (1 + np.exp(1 - level))
    data = lightgbm.Dataset(
        matrix, labels.astype(float), feature_name=list(FEATURES), categorical_feature=[3]
    )
    params = {"objective": "binary", "num_leaves": 8, "max_depth": 4, "verbosity": -1, "seed": 1}
    booster = lightgbm.train({**params, "min_data_in_leaf": 20}, data, 30)
    return BundleScorer(
        Bundle(
            "lead_match", "v", "pair", "chance", NOW, 0.3, "-", Encoding(FEATURES, {"rep_team": TEAMS}),
            Calibrator("platt", (0.9, 0.1)), score_map(0.3, "chance"), booster.model_to_string(), {},
        )
    )  # fmt: skip


numbers = st.floats(-3, 3) | st.none()
candidates = st.lists(
    st.fixed_dictionaries(
        {"rep_win_rate": numbers, "pair_region_leads": numbers, "rep_team": st.sampled_from(TEAMS)}
    ),
    min_size=1,
    max_size=9,
)


@settings(deadline=None, max_examples=40)
@given(candidates, st.floats(-3, 3))
def test_reasons_add_up_to_the_chance_over_the_mean_candidates(
    scorer: BundleScorer, reps: list[dict[str, object]], age: float
) -> None:
    rows = [{"lead_age_h": age, **rep} for rep in reps]
    scores, mean = scorer.compare(rows, NOW)
    for score in scores:
        assert score.probability is not None
        told = sum(reason.effect for reason in score.reasons)
        assert told == pytest.approx(100 * (score.probability - mean), abs=0.02)
        assert "lead_age_h" not in {reason.feature for reason in score.reasons}
    assert [s.probability for s in scores] == pytest.approx(scorer.probabilities(rows))
    if all(rep == reps[0] for rep in reps):
        assert all(score.reasons == () for score in scores)


def by_definition(scorer: BundleScorer, matrix: Floats, row: int) -> Floats:
    """Average the change that each feature makes when a row's values replace another's in every order."""
    total, orders = np.zeros(len(FEATURES)), list(permutations(range(len(FEATURES))))
    for other in matrix:
        for order in orders:
            walk = np.vstack([other] * (len(order) + 1))
            for step, column in enumerate(order, 1):
                walk[step:, column] = matrix[row, column]
            total[list(order)] += np.diff(scorer.raw(walk))
    return total / (len(orders) * len(matrix))


def test_shares_are_shapley_values_against_every_other_row(scorer: BundleScorer) -> None:
    generator = np.random.default_rng(8)
    matrix = generator.normal(size=(5, 4))
    matrix[:, 3] = generator.integers(0, 3, 5)
    matrix[1, 1] = np.nan
    shares = Contrasts(scorer._booster.dump_model()).shares(matrix)
    for row in range(len(matrix)):
        assert shares[row] == pytest.approx(by_definition(scorer, matrix, row), abs=1e-9)
    raw = scorer.raw(matrix)
    assert shares.sum(axis=1) == pytest.approx(raw - raw.mean(), abs=1e-9)


def test_a_model_without_a_split_tells_nothing_apart() -> None:
    lightgbm = import_lightgbm()
    data = lightgbm.Dataset(np.ones((50, 2)), np.arange(50) % 2.0, params={"verbosity": -1})
    booster = lightgbm.train({"objective": "binary", "verbosity": -1}, data, 2)
    assert (Contrasts(booster.dump_model()).shares(np.zeros((3, 2))) == 0).all()
