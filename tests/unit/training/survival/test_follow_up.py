"""Who is followed, what a loss is, and which weeks of a follow-up count."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.training.survival.conftest import event
from tests.unit.training.training_fakes import write_source
from training.outcomes import NoPurchase, NotRenewed, days
from training.survival.follow_up import ContractLost, FellSilent, days_seen, moments_before, moments_since
from training.survival.periods import Periods, periods_of

DAY = timedelta(days=1)
JAN = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2025, 12, 1, tzinfo=UTC)
CONTRACTS = ContractLost(NotRenewed(before_end=(days(90),), grace=days(30)))
SILENCE = FellSilent(NoPurchase(within=days(90), active_within=days(90)))


def lost_at(rows: pd.DataFrame, entity_id: str) -> pd.Timestamp | None:
    (found,) = rows.lost_at[rows.entity_id == entity_id]
    return None if pd.isna(found) else found


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    june = datetime(2025, 6, 1, tzinfo=UTC)
    late = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [
        event("lapsed", "c1", "signed", JAN, june),
        event("lapsed", "c1", "lapsed", june + 5 * DAY, june),
        event("kept", "c2", "signed", JAN, june),
        event("kept", "c2", "renewed", june - 5 * DAY, june),
        event("kept", "c2b", "signed", june - 5 * DAY, late),
        event("forgotten", "c3", "signed", JAN, june),
        event("running", "c4", "signed", JAN, late),
        event("undecided", "c5", "signed", JAN, NOW - 10 * DAY),
    ]
    write_source(tmp_path, "contract_events", rows)
    return tmp_path


def test_a_contract_is_lost_when_its_lapse_is_recorded_or_the_grace_is_over(contracts: Path) -> None:
    rows = CONTRACTS.follow(contracts, [JAN + DAY], NOW)
    june = pd.Timestamp(2025, 6, 1, tz=UTC)
    assert list(rows.entity_id) == ["forgotten", "kept", "lapsed", "running", "undecided"]
    assert lost_at(rows, "lapsed") == june + pd.Timedelta(days=5)
    assert lost_at(rows, "forgotten") == june + pd.Timedelta(days=30)
    assert [lost_at(rows, name) for name in ("kept", "running", "undecided")] == [None] * 3


def test_what_is_not_recorded_yet_is_not_a_loss(contracts: Path) -> None:
    rows = CONTRACTS.follow(contracts, [JAN + DAY], datetime(2025, 6, 3, tzinfo=UTC))
    assert rows.lost_at.isna().all()


def test_whoever_is_lost_is_followed_no_more(contracts: Path) -> None:
    rows = CONTRACTS.follow(contracts, [datetime(2025, 7, 15, tzinfo=UTC)], NOW)
    assert list(rows.entity_id) == ["kept", "running", "undecided"]


def test_silence_is_a_loss_when_its_days_are_full(tmp_path: Path) -> None:
    def order(account: str, day: int) -> dict[str, object]:
        at = JAN + day * DAY
        return {"record_id": f"{account}{day}", "account_id": account, "occurred_at": at, "recorded_at": at}

    listed = [order("steady", day) for day in range(0, 334, 30)]
    write_source(tmp_path, "orders", [*listed, order("silent", 0), order("back", 0), order("back", 200)])
    rows = SILENCE.follow(tmp_path, [JAN + 10 * DAY, JAN + 210 * DAY], NOW)
    first = rows[rows.as_of == rows.as_of.min()]
    assert lost_at(first, "silent") == pd.Timestamp(JAN + 90 * DAY)
    assert lost_at(first, "back") == pd.Timestamp(JAN + 90 * DAY)
    assert lost_at(first, "steady") is None
    again = rows[rows.as_of == rows.as_of.max()]
    assert list(again.entity_id) == ["back", "steady"]
    assert lost_at(again, "back") == pd.Timestamp(JAN + 290 * DAY)


def followed(lost_after: float | None, as_of: datetime = JAN) -> pd.DataFrame:
    lost = pd.to_datetime([None if lost_after is None else as_of + timedelta(days=lost_after)], utc=True)
    rows = pd.DataFrame({"entity_id": ["a"], "as_of": [pd.Timestamp(as_of)], "lost_at": lost})
    return rows.astype({"lost_at": "datetime64[us, UTC]"})


def test_a_loss_in_the_third_week_leaves_two_quiet_weeks_and_one_lost() -> None:
    periods = periods_of(followed(17), 26, NOW)
    assert list(zip(periods.week, periods.lost, strict=True)) == [(1, False), (2, False), (3, True)]


def test_a_week_in_which_one_is_censored_is_left_out() -> None:
    periods = periods_of(followed(17), 26, JAN + 16 * DAY)
    assert list(zip(periods.week, periods.lost, strict=True)) == [(1, False), (2, False)]


def test_weeks_are_cut_by_their_own_date() -> None:
    cut = JAN + 10 * DAY
    before, after = periods_of(followed(30), 26, cut), periods_of(followed(30), 26, NOW, since=cut)
    assert list(before.week) == [1]
    assert list(after.week) == [3, 4, 5]


@given(st.floats(0.01, 400), st.floats(1, 400))
def test_weeks_are_counted_from_the_first_and_end_with_at_most_one_loss(lost: float, seen: float) -> None:
    periods = periods_of(followed(lost), 26, JAN + timedelta(days=seen))
    assert list(periods.week) == list(range(1, len(periods.week) + 1))
    assert not periods.lost[:-1].any()
    length, ended = days_seen(followed(lost), JAN + timedelta(days=seen))
    assert bool(periods.lost.any()) == bool(ended[0] and length[0] <= 26 * 7)


def test_thinning_keeps_every_loss_and_the_weight_of_the_rest() -> None:
    lost = np.arange(4_000) % 100 == 0
    periods = Periods(np.arange(4_000), np.ones(4_000, dtype=int), lost, np.ones(4_000))
    thinned = periods.thinned(0.25, np.random.default_rng(1))
    assert thinned.lost.sum() == 40
    assert thinned.weight[~thinned.lost].sum() == pytest.approx(3_960, rel=0.1)


def test_moments_meet_at_the_cut_and_never_pass_it() -> None:
    week = timedelta(weeks=1)
    assert moments_before(NOW, NOW - 3.5 * week, week) == [NOW - 3 * week, NOW - 2 * week, NOW - week]
    assert moments_since(JAN, JAN + 2.5 * week, week) == [JAN, JAN + week]
