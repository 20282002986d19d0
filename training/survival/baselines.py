"""What a hazard is held against: nobody is special (Kaplan-Meier), Cox, and the rules' points.

Cox's proportional hazards come from lifelines, with a ridge penalty. The rules' points get the same line:
one coefficient on their log-odds and the common curve, so that they too say when.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Bools, Floats
from training.bundle.hazard import WEEK_DAYS
from training.survival.measures import kaplan_meier

if TYPE_CHECKING:
    import pandas as pd

_STEPS = (30.0, 60.0, 90.0, 120.0, 150.0, 180.0)
"""Days at which Cox may bend in the time to expiry and since the last order; a straight line says little."""
_BENT = ("account_days_to_expiry", "account_days_since_order")
_FARTHEST = 4.0  # standard deviations


def kaplan_meier_curves(days: Floats, lost: Bools, weeks: int, rows: int) -> Floats:
    """Return the same curve (rows, weeks) for everybody."""
    ends = WEEK_DAYS * np.arange(1.0, weeks + 1)
    return np.tile(kaplan_meier(days, lost, ends), (rows, 1))


@dataclass(frozen=True)
class Design:
    """From features to standardised columns, learned once: numbers as they are, bends, missing told apart."""

    names: tuple[str, ...]
    middle: Floats
    spread: Floats

    @classmethod
    def learn(cls, frame: pd.DataFrame, names: tuple[str, ...]) -> Design:
        """Take the numbers among the named columns."""
        numbers = tuple(
            name for name in names if frame[name].dtype.kind in "fiub" and frame[name].notna().any()
        )
        design = cls(numbers, np.zeros(0), np.ones(0))
        columns = design.columns(frame)
        return cls(numbers, np.nanmedian(columns, axis=0), np.nanstd(columns, axis=0))

    def columns(self, frame: pd.DataFrame) -> Floats:
        """Return the raw columns (n, columns)."""
        bends = [
            (frame[name] <= step).to_numpy(dtype=float)
            for name in _BENT
            if name in self.names
            for step in _STEPS
        ]
        return np.column_stack([frame[list(self.names)].to_numpy(dtype=float), *bends])

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """Return the standardised columns; missing stands in the middle, far off is held."""
        columns = self.columns(frame)
        filled = np.where(np.isnan(columns), self.middle, columns)
        moved = (filled - self.middle) / np.where(self.spread > 0, self.spread, 1.0)
        return np.asarray(np.clip(moved[:, self.spread > 0], -_FARTHEST, _FARTHEST))


@dataclass(frozen=True)
class Cox:
    """A fitted proportional-hazards model."""

    model: Any
    weeks: int

    @classmethod
    def fit(cls, matrix: Floats, days: Floats, lost: Bools, weeks: int, penalty: float = 0.05) -> Cox:
        """Fit on standardised columns (n, p); what happens after the weeks is censored at their end."""
        import pandas as pd
        from lifelines import CoxPHFitter

        last = float(WEEK_DAYS * weeks)
        table = pd.DataFrame(matrix, columns=[f"x{k}" for k in range(matrix.shape[1])])
        table["days"], table["lost"] = np.clip(days, 1e-3, last), lost & (days <= last)
        model = CoxPHFitter(penalizer=penalty, l1_ratio=0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about columns that hardly vary: the penalty is there for them
            model.fit(table, duration_col="days", event_col="lost")
        return cls(model, weeks)

    def curves(self, matrix: Floats) -> Floats:
        """Return the chance of staying (n, weeks)."""
        base = self.model.baseline_cumulative_hazard_.iloc[:, 0]
        ends = WEEK_DAYS * np.arange(1.0, self.weeks + 1)
        place = np.searchsorted(base.index.to_numpy(), ends, side="right")
        steps = np.concatenate([[0.0], base.to_numpy()])[place]
        centred = matrix - self.model._norm_mean.to_numpy()
        relative = np.exp(np.clip(centred @ self.model.params_.to_numpy(), -30, 30))
        return np.asarray(np.exp(-relative[:, None] * steps))
