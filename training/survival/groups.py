"""How good a hazard is for every region and industry: the chances within a quarter, the curves, the warnings.

The chances within ``FAIR_DAYS`` are held against what happened to whoever was looked at so many days before
the end: of everybody in these rows it is known whether they were lost in time, so nobody is censored, and
the gate that other models pass (``training.fairness``) holds here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Bools, Floats
from training.evaluation import reliability
from training.fairness import MISSING, Group, groups
from training.survival.dataset import FollowUp
from training.survival.follow_up import days_seen
from training.survival.measures import measure, stays_at
from training.survival.specs import HazardSpec
from training.survival.warning import replay

if TYPE_CHECKING:
    import pandas as pd

FAIR_DAYS = 90
LEAST_LOSSES = 10
"""Losses that a segment needs for its lead time and recall to be told."""
WARNED = ("losses", "recall", "lead_days", "false_alarms_per_account_year")


@dataclass(frozen=True)
class Quarter:
    """Test rows (n,) of which it is known whether they were lost within ``FAIR_DAYS``."""

    rows: Bools
    lost: Bools

    @classmethod
    def of(cls, data: FollowUp) -> Quarter:
        """Take the rows that were looked at early enough."""
        days, lost = (np.asarray(values) for values in days_seen(data.test, data.now))
        early = np.asarray(data.test.as_of <= data.now - timedelta(days=FAIR_DAYS))
        return cls(early, (lost & (days <= FAIR_DAYS))[early])

    def chances(self, curves: Floats) -> Floats:
        """Return the forecast chance of each of the rows, of curves of all test rows."""
        return 1.0 - stays_at(curves[self.rows], FAIR_DAYS)

    def curves(self, of_scorers: Mapping[str, Floats]) -> dict[str, list[dict[str, float]]]:
        """Return the points of each scorer's calibration plot."""
        return {name: reliability(self.lost, self.chances(one)) for name, one in of_scorers.items()}


def fair_groups(spec: HazardSpec, data: FollowUp, curves: Floats, quarter: Quarter) -> list[Group]:
    """Return every segment with accounts enough, as the gate of fairness reads it."""
    if not quarter.rows.any():
        return []
    fields = [name for name in spec.fair_across if name in data.test]
    least = spec.limits.common.segment_rows
    return groups(data.test[quarter.rows], fields, quarter.lost, quarter.chances(curves), least)


def told_groups(
    data: FollowUp, found: list[Group], curves: Floats, risk: Floats, threshold: float
) -> list[dict[str, object]]:
    """Return the segments with all that is reported of curves, and of red at a threshold of the risk."""
    days, lost = (np.asarray(values) for values in days_seen(data.test, data.now))
    told = []
    for one in found:
        mine, looks = _inside(data.test, one), _inside(data.looks, one)
        measured: dict[str, Any] = measure(days[mine], lost[mine], curves[mine])
        red: dict[str, Any] = {}
        if looks.any():
            red = replay(data.looks[looks], risk[looks], threshold, data.split_at, data.now).as_dict()
        if red.get("losses", 0) < LEAST_LOSSES:
            red = {"losses": red.get("losses", 0)}
        kept = {name: value for name, value in measured.items() if name not in ("n", "positives")}
        told.append(one.as_dict() | kept | {name: red.get(name) for name in WARNED})
    return told


def _inside(rows: pd.DataFrame, group: Group) -> Bools:
    values = rows[group.field].astype(object).where(rows[group.field].notna(), MISSING).astype(str)
    return (values == group.value).to_numpy(dtype=bool)
