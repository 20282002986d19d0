"""Fitting: the same booster every time, categories by a stored map, directions that can be forced."""

import numpy as np
import pandas as pd
import pytest

from training.datasets import Dataset
from training.encoding import learn_encoding
from training.lightgbm_model import BoostingParams, Fitted, fit_lightgbm, refit_lightgbm
from training.specs import ModelSpec


def fit(spec: ModelSpec, dataset: Dataset, params: BoostingParams) -> Fitted:
    early, late = dataset.fit, dataset.stop
    return fit_lightgbm(early.frame, early.labels, late.frame, late.labels, spec.features, params)


def test_the_same_rows_and_seed_give_the_same_booster_to_the_byte(spec: ModelSpec, dataset: Dataset) -> None:
    first, second = (fit(spec, dataset, spec.boosting) for _ in range(2))
    assert first == second
    assert first.text != fit(spec, dataset, BoostingParams(rounds=120, seed=8)).text


def test_boosting_stops_when_later_rows_gain_nothing(spec: ModelSpec, dataset: Dataset) -> None:
    fitted = fit(spec, dataset, BoostingParams(rounds=2000, patience=20, learning_rate=0.2, least_rounds=5))
    assert 5 <= fitted.rounds < 500


def test_a_forced_direction_holds_everywhere(spec: ModelSpec, dataset: Dataset) -> None:
    params = BoostingParams(rounds=60, rows_per_leaf=20, monotone={"lead_chats_30d": 1})
    fitted = fit(spec, dataset, params)
    chats = np.linspace(0, 12, 49)
    frame = pd.DataFrame({"lead_chats_30d": chats, "lead_channel": "展会", "lead_noise": 0.3})
    assert (np.diff(fitted.raw(frame)) >= 0).all()


def test_refitting_keeps_the_number_of_rounds(spec: ModelSpec, dataset: Dataset) -> None:
    again = refit_lightgbm(dataset.fit.frame, dataset.fit.labels, spec.features, 33, spec.boosting)
    assert again.rounds == 33
    assert again.text.count("Tree=") == 33


def test_categories_are_numbered_by_falling_frequency_and_rare_ones_are_missing() -> None:
    frame = pd.DataFrame({"channel": ["b"] * 5 + ["a"] * 5 + ["c"] * 9 + ["rare"] + [None] * 4})
    encoding = learn_encoding(frame, ["channel"], rare=5)
    assert encoding.categories == {"channel": ("c", "a", "b")}
    asked = [{"channel": value} for value in ("c", "a", "b", "rare", None)]
    assert np.array_equal(encoding.matrix(asked)[:, 0], [0, 1, 2, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize("value", [3.0, True, None, float("nan")])
def test_rows_and_frames_make_the_same_matrix(value: object) -> None:
    frame = pd.DataFrame({"size": [1.0, 2.0], "channel": ["x", "y"]})
    encoding = learn_encoding(frame, ["size", "channel"], rare=1)
    rows = [{"size": value, "channel": "y"}]
    asked = pd.DataFrame(rows).astype({"size": float})
    assert np.array_equal(encoding.matrix(rows), encoding.matrix_of_frame(asked), equal_nan=True)
