"""How early red warns: every account is looked at again and again, and each loss and each alarm is counted.

An account turns red when its chance of a loss within the weeks ahead reaches the threshold. A loss was warned
of if the account was red at a look within ``AHEAD_DAYS`` before it; its lead time is counted from the first
such look. An alarm is a turn to red, or half a year more of it. It is false when no loss follows within
``AHEAD_DAYS``, and undecided, so left out, where that cannot be known yet.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from training.arrays import Bools, Floats
from training.survival.follow_up import DAY_S

if TYPE_CHECKING:
    import pandas as pd

AHEAD_DAYS = 182.0
_YEAR = 365.25


@dataclass(frozen=True)
class Warned:
    """What a threshold would have done. Lead time in days from the first red to the loss, quartiles too."""

    threshold: float
    losses: int
    recall: float | None
    lead_days: float | None
    lead_days_low: float | None
    lead_days_high: float | None
    alarms: int
    false_alarms: int
    account_years: float
    false_alarms_per_account_year: float | None

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the numbers by name, ready for JSON."""
        return asdict(self)


def replay(looks: pd.DataFrame, risk: Floats, threshold: float, since: datetime, until: datetime) -> Warned:
    """Replay looks (entity_id, as_of, lost_at; one row for every account and moment) with their risks (n,).

    Losses and alarms count from ``since`` to ``until``; the looks before tell who was red already.
    """
    import pandas as pd

    first, end = pd.Timestamp(since), pd.Timestamp(until)
    order = np.lexsort((looks.as_of, looks.entity_id))
    table = looks.iloc[order].reset_index(drop=True).assign(red=risk[order] >= threshold)
    ahead = (table.lost_at.where(table.lost_at <= end) - table.as_of).dt.total_seconds() / DAY_S
    hit = ahead <= AHEAD_DAYS
    lead = ahead.where(table.red)
    leads = lead[hit & (table.lost_at >= first)].groupby([table.entity_id, table.lost_at]).max()
    warned = leads.dropna().to_numpy(dtype=float)
    counted = (table.as_of >= first) & (hit | (table.as_of <= end - pd.Timedelta(days=AHEAD_DAYS)))
    alarms = _alarms(table, first) & counted
    years = float(counted.sum()) * _step_days(table.as_of) / _YEAR
    false = int((alarms & ~hit).sum())
    low, middle, high = (
        np.quantile(warned, [0.25, 0.5, 0.75]).round(1).tolist() if len(warned) else [None] * 3
    )
    return Warned(
        threshold=threshold,
        losses=len(leads),
        recall=len(warned) / len(leads) if len(leads) else None,
        lead_days=middle,
        lead_days_low=low,
        lead_days_high=high,
        alarms=int(alarms.sum()),
        false_alarms=false,
        account_years=years,
        false_alarms_per_account_year=false / years if years else None,
    )


def choose_threshold(looks: pd.DataFrame, risk: Floats, false_alarms: float) -> float:
    """Return the lowest threshold at which so many false alarms per account and year are to be expected.

    Nobody needs to wait for the end: chances that come true say that an alarm at a chance p is false with
    1 - p. ``looks`` (entity_id, as_of) are later than what the hazard was fitted on.
    """
    order = np.lexsort((looks.as_of, looks.entity_id))
    table, chance = looks.iloc[order].reset_index(drop=True), risk[order]
    years = len(table) * _step_days(table.as_of) / _YEAR
    candidates: list[float] = np.unique(np.quantile(risk, np.linspace(0.2, 0.995, 80))).tolist()
    for threshold in candidates:
        raised = _alarms(table.assign(red=chance >= threshold), table.as_of.min())
        if (1.0 - chance[raised]).sum() <= false_alarms * years:
            return threshold
    return candidates[-1]


def _alarms(table: pd.DataFrame, first: pd.Timestamp) -> Bools:
    """Tell at which looks (in order of account and time) an alarm is raised.

    An account that turns red raises one, one that is red when counting begins too, and one that stays red
    raises another every ``AHEAD_DAYS``: who is always red warns of nothing.
    """
    alarms = np.zeros(len(table), dtype=np.bool_)
    begin = first.timestamp() / DAY_S
    day = table.as_of.astype("datetime64[us, UTC]").astype("int64").to_numpy() / (1e6 * DAY_S)
    account, raised = None, None
    for place, (one, at, red) in enumerate(zip(table.entity_id, day, table.red, strict=True)):
        if one != account:
            account, raised = one, None
        if not red:
            raised = None
        elif raised is None or at - raised >= AHEAD_DAYS or raised < begin <= at:
            alarms[place], raised = True, at
    return alarms


def _step_days(moments: pd.Series[pd.Timestamp]) -> float:
    """Days between two looks."""
    gaps = moments.drop_duplicates().sort_values().diff().dt.total_seconds().dropna()
    return float(gaps.median()) / DAY_S if len(gaps) else 0.0
