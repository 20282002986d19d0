"""Replaying looks: what counts as warned, how early, and what as a false alarm."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from training.survival.warning import choose_threshold, replay

START = pd.Timestamp(datetime(2025, 1, 1, tzinfo=UTC))
UNTIL = START + pd.Timedelta(days=364)
WEEK = pd.Timedelta(weeks=1)


def looks(entity_id: str, lost_after: float | None) -> pd.DataFrame:
    """Weekly looks until the loss, or for a year."""
    end = UNTIL if lost_after is None else START + pd.Timedelta(days=lost_after)
    at = pd.date_range(START, end - timedelta(seconds=1), freq="7D")
    rows = pd.DataFrame({"entity_id": entity_id, "as_of": at})
    rows["lost_at"] = pd.to_datetime([None if lost_after is None else end] * len(at), utc=True)
    return rows.astype({"as_of": "datetime64[us, UTC]", "lost_at": "datetime64[us, UTC]"})


def test_the_lead_time_runs_from_the_first_red_to_the_loss():
    rows = looks("a", 100)
    risk = np.where(rows.as_of >= START + 4 * WEEK, 0.9, 0.1)
    told = replay(rows, risk, 0.5, START.to_pydatetime(), UNTIL.to_pydatetime())
    assert (told.losses, told.recall, told.lead_days) == (1, 1.0, 72.0)
    assert (told.alarms, told.false_alarms) == (1, 0)


def test_a_loss_without_red_is_missed_and_red_without_a_loss_is_a_false_alarm():
    lost, kept = looks("lost", 200), looks("kept", None)
    risk = np.r_[np.full(len(lost), 0.1), np.where(kept.as_of == START + 8 * WEEK, 0.9, 0.1)]
    told = replay(pd.concat([lost, kept]), risk, 0.5, START.to_pydatetime(), UNTIL.to_pydatetime())
    assert (told.losses, told.recall, told.lead_days) == (1, 0.0, None)
    assert (told.alarms, told.false_alarms) == (1, 1)
    assert told.false_alarms_per_account_year == pytest.approx(1 / told.account_years)


def test_staying_red_raises_one_alarm_every_half_year_and_a_late_one_is_not_judged_yet():
    rows = looks("kept", None)
    always = replay(rows, np.ones(len(rows)), 0.5, START.to_pydatetime(), UNTIL.to_pydatetime())
    late = (rows.as_of > UNTIL - pd.Timedelta(days=100)).to_numpy(dtype=float)
    undecided = replay(rows, late, 0.5, START.to_pydatetime(), UNTIL.to_pydatetime())
    assert (always.alarms, always.false_alarms) == (2, 2)
    assert undecided.alarms == 0


def test_the_threshold_is_the_lowest_that_keeps_to_the_false_alarms_expected():
    rows = pd.concat([looks(f"a{n}", None) for n in range(40)])
    generator = np.random.default_rng(2)
    risk = generator.random(len(rows))
    strict = choose_threshold(rows, risk, 0.5)
    loose = choose_threshold(rows, risk, 5.0)
    assert strict > loose
    assert choose_threshold(rows, risk, 1e9) == pytest.approx(np.quantile(risk, 0.2))
