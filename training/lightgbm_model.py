"""Fitting LightGBM the same way every time: early stopping on later rows, fixed seed, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Bools, Floats
from training.bundle.engine import import_lightgbm
from training.encoding import Encoding, learn_encoding

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class BoostingParams:
    """What to boost with. ``monotone`` forces a direction, +1 or -1, on features by name.

    The defaults are for some thousands of rows with rare positives: shallow trees, slow steps. On that
    few rows a second thread saves little, and costs eight times the time where it has to share its core.
    """

    learning_rate: float = 0.03
    leaves: int = 15
    depth: int = 4
    rows_per_leaf: int = 50
    feature_share: float = 0.7
    row_share: float = 0.8
    l2: float = 5.0
    rounds: int = 800
    patience: int = 50
    least_rounds: int = 20
    seed: int = 7
    threads: int = 1
    monotone: Mapping[str, int] = field(default_factory=dict)

    def native(self, features: Sequence[str]) -> dict[str, Any]:
        """Return LightGBM's own names and values; deterministic on one machine for any run."""
        constraints = [self.monotone.get(name, 0) for name in features]
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "max_depth": self.depth,
            "min_data_in_leaf": self.rows_per_leaf,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "lambda_l2": self.l2,
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **({"monotone_constraints": constraints} if any(constraints) else {}),
        }


@dataclass(frozen=True)
class Fitted:
    """A booster as text, with its encoding and the number of trees that early stopping chose."""

    text: str
    encoding: Encoding
    rounds: int

    def raw(self, frame: pd.DataFrame) -> Floats:
        """Return raw log-odds (n,) of a frame with the features as columns."""
        booster = import_lightgbm().Booster(model_str=self.text)
        return np.asarray(booster.predict(self.encoding.matrix_of_frame(frame), raw_score=True))


def fit_lightgbm(
    frame: pd.DataFrame,
    labels: Bools,
    later: pd.DataFrame,
    later_labels: Bools,
    features: Sequence[str],
    params: BoostingParams,
    weights: Floats | None = None,
) -> Fitted:
    """Boost on a frame until the log loss on later rows stops falling for ``patience`` rounds.

    ``weights`` are the rows' own (n,), all alike unless given.
    """
    lightgbm = import_lightgbm()

    encoding = learn_encoding(frame, features)
    data = _dataset(frame, labels, encoding, weights=weights)
    stopping = _dataset(later, later_labels, encoding, reference=data)
    booster = lightgbm.train(
        params.native(features),
        data,
        params.rounds,
        valid_sets=[stopping],
        callbacks=[lightgbm.early_stopping(params.patience, verbose=False)],
    )
    rounds = max(booster.best_iteration, params.least_rounds)
    return Fitted(booster.model_to_string(num_iteration=rounds), encoding, rounds)


def refit_lightgbm(
    frame: pd.DataFrame,
    labels: Bools,
    features: Sequence[str],
    rounds: int,
    params: BoostingParams,
    weights: Floats | None = None,
) -> Fitted:
    """Boost on more rows, perhaps with weights (n,), with a number of rounds that was chosen before."""
    lightgbm = import_lightgbm()

    encoding = learn_encoding(frame, features)
    data = _dataset(frame, labels, encoding, weights=weights)
    booster = lightgbm.train(params.native(features), data, rounds)
    return Fitted(booster.model_to_string(), encoding, rounds)


def _dataset(
    frame: pd.DataFrame,
    labels: Bools,
    encoding: Encoding,
    reference: Any = None,
    weights: Floats | None = None,
) -> Any:
    lightgbm = import_lightgbm()

    return lightgbm.Dataset(
        encoding.matrix_of_frame(frame),
        labels.astype(float),
        reference=reference,
        weight=weights,
        feature_name=list(encoding.features),
        categorical_feature=encoding.categorical,
        params={"verbosity": -1},
        free_raw_data=True,
    )
