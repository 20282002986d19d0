"""From follow-up to person-periods: one row for every week ahead that an account was seen at risk.

A week counts where its end is known: the account was lost in it, or was there at its end. So whoever is
censored in a week leaves no row for it, which is how a discrete-time hazard takes right censoring. As each
week has a date, time can be cut within a follow-up: learning sees the weeks before the cut, and whoever
outlived it is still there to test or calibrate on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.arrays import Bools, Floats
from training.bundle.hazard import WEEK_DAYS
from training.survival.follow_up import DAY_S, days_seen

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Periods:
    """Weeks at risk: the follow-up row (n,) each belongs to, which week ahead, lost in it, weight."""

    row: NDArray[np.int64]
    week: NDArray[np.int64]
    lost: Bools
    weight: Floats

    def thinned(self, share: float, generator: np.random.Generator) -> Periods:
        """Keep every loss and a share of the other weeks, each standing for 1 / share of them."""
        kept = self.lost | (generator.random(len(self.row)) < share)
        weight = np.where(self.lost, self.weight, self.weight / share)
        return Periods(self.row[kept], self.week[kept], self.lost[kept], weight[kept])


def periods_of(rows: pd.DataFrame, weeks: int, until: datetime, since: datetime | None = None) -> Periods:
    """Return the weeks of follow-up rows (entity_id, as_of, lost_at) that end by ``until``.

    With ``since`` only weeks that begin at or after it.
    """
    import pandas as pd

    days, lost = (np.asarray(values) for values in days_seen(rows, until))
    week = np.arange(1, weeks + 1)
    begins, ends = WEEK_DAYS * (week - 1), WEEK_DAYS * week
    in_week = lost[:, None] & (begins < days[:, None]) & (days[:, None] <= ends)
    counted = in_week | (days[:, None] >= ends)
    if since is not None:
        gone = (pd.Timestamp(since) - rows.as_of).dt.total_seconds().to_numpy() / DAY_S
        counted &= begins >= gone[:, None]
    row, column = np.nonzero(counted)
    return Periods(row, week[column], in_week[row, column], np.ones(len(row)))
