"""Shares of whole sets: LightGBM's own, to the last digits, whatever the trees ask."""

from typing import Any

import lightgbm
import numpy as np
import pytest

from training.bundle.contributions import SetContributions


def boosted(seed: int, **params: Any) -> tuple[lightgbm.Booster, np.ndarray]:
    """A booster over numbers with gaps, zeros and a category, and other rows to explain."""
    generator = np.random.default_rng(seed)

    def rows(count: int) -> np.ndarray:
        matrix = np.round(generator.normal(size=(count, 6)), 2)
        matrix[:, 1] = np.maximum(matrix[:, 1], 0)  # many zeros
        matrix[generator.random(matrix.shape) < 0.15] = np.nan
        matrix[:, 4] = generator.integers(0, 40, count) / 2  # whole and half
        matrix[:, 5] = generator.integers(0, 9, count)
        matrix[generator.random(count) < 0.1, 5] = np.nan
        return matrix

    train = rows(600)
    log_odds = np.nansum(train[:, :4], axis=1) + np.isin(train[:, 5], [2, 5, 7]) - 0.05 * train[:, 4]
    labels = (generator.random(600) < 1 / (1 + np.exp(-log_odds))).astype(float)
    native = {
        "objective": "binary",
        "num_leaves": 15,
        "min_data_in_leaf": 10,
        "verbosity": -1,
        "num_threads": 1,
    }
    data = lightgbm.Dataset(train, labels, categorical_feature=[5], params={"verbosity": -1})
    booster = lightgbm.train(native | {"min_data_per_group": 10} | params, data, 12)
    asked = rows(300)
    asked[:20, 5] = [-1, 99, 2.7, np.nan] * 5  # categories that training never saw
    return booster, asked


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"max_depth": 2},
        {"num_leaves": 2},
        {"use_missing": False},
        {"zero_as_missing": True},
        {"max_cat_to_onehot": 32},
        {"feature_fraction": 0.4, "bagging_fraction": 0.5, "bagging_freq": 1},
    ],
    ids=["plain", "shallow", "stumps", "gaps as zero", "zeros as gaps", "one category a split", "sampled"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_shares_equal_lightgbms_own(params: dict[str, Any], seed: int) -> None:
    booster, rows = boosted(seed, **params)
    contributions = SetContributions(booster.dump_model())
    native = np.asarray(booster.predict(rows, pred_contrib=True))
    assert contributions.shares(rows) == pytest.approx(native[:, :-1], abs=1e-9)
    assert contributions.base == pytest.approx(native[0, -1], abs=1e-9)


def test_shares_and_base_add_up_to_the_raw_log_odds() -> None:
    booster, rows = boosted(3)
    contributions = SetContributions(booster.dump_model())
    raw = np.asarray(booster.predict(rows, raw_score=True))
    assert contributions.shares(rows).sum(axis=1) + contributions.base == pytest.approx(raw)


def test_a_booster_that_learned_nothing_shares_nothing() -> None:
    booster, rows = boosted(4, min_data_in_leaf=5000)
    contributions = SetContributions(booster.dump_model())
    assert not contributions.shares(rows).any()
    assert contributions.base == pytest.approx(np.asarray(booster.predict(rows, raw_score=True))[0])


@pytest.mark.parametrize(
    "params",
    [
        {"num_leaves": 40},
        {"num_leaves": 127, "max_depth": 9, "min_data_in_leaf": 1},
        {"num_leaves": 400, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0.0},
    ],
    ids=["more questions than bits", "deep", "to the last row"],
)
def test_deep_trees_are_cut_into_blocks_and_share_the_same(params: dict[str, Any]) -> None:
    booster, rows = boosted(5, **params)
    native = np.asarray(booster.predict(rows, pred_contrib=True))
    assert SetContributions(booster.dump_model()).shares(rows) == pytest.approx(native[:, :-1], abs=1e-8)


def test_linear_trees_are_left_to_lightgbm() -> None:
    booster, _ = boosted(6)
    dump = booster.dump_model()
    leaf = dump["tree_info"][0]["tree_structure"]
    while "left_child" in leaf:
        leaf = leaf["left_child"]
    leaf["leaf_const"] = 0.0
    with pytest.raises(ValueError, match="linear"):
        SetContributions(dump)
