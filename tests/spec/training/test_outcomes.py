"""Outcomes as tables: what happened, in; which labelled rows that makes, out. Days count from 2024-01-01."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.training.training_fakes import lead_state, write_source
from training.outcomes import LeadWon, NoPurchase, NotRenewed, days
from training.source_tables import SourceMissing

DAY_0 = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return DAY_0 + timedelta(days=number)


def table(rows: pd.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    """Rows as tuples, moments as days since day 0."""
    shown = rows.copy()
    for name in ("as_of", "known_at"):
        if name in shown:
            shown[name] = (shown[name] - pd.Timestamp(DAY_0)).dt.total_seconds() / 86_400
    return [tuple(row) for row in shown[list(columns)].to_numpy().tolist()]


def order(account: str, at: float, known: float | None = None) -> dict[str, object]:
    recorded = day(at if known is None else known)
    return {"account_id": account, "occurred_at": day(at), "recorded_at": recorded, "amount": 1.0}


def contract(number: str, account: str, event: str, at: float, end: float) -> dict[str, object]:
    return {
        "contract_id": number,
        "account_id": account,
        "event": event,
        "occurred_at": day(at),
        "recorded_at": day(at),
        "end_at": day(end),
    }


# ------------------------------------------------------------------ a lead won within 30 days

LEADS = [
    lead_state("won-in-time", day(0)),
    lead_state("won-in-time", day(0), "contacted", day(3)),
    lead_state("won-in-time", day(0), "won", day(10)),
    lead_state("won-on-the-last-day", day(0), "won", day(30)),
    lead_state("won-too-late", day(0)),
    lead_state("won-too-late", day(0), "won", day(31)),
    lead_state("lost", day(0)),
    lead_state("lost", day(0), "lost", day(5)),
    lead_state("open", day(0)),
    lead_state("too-young", day(50)),
    lead_state("too-young", day(50), "won", day(51)),
    lead_state("not-yet-known", day(0)),
    lead_state("not-yet-known", day(0), "won", day(71)),
]


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    first_version = lead_state("won-on-the-last-day", day(0))
    write_source(tmp_path, "lead_states", [first_version, *LEADS])
    return tmp_path


def test_at_first_contact_every_lead_is_labelled_once_its_horizon_has_passed(leads: Path) -> None:
    rows = LeadWon(within=days(30)).rows(leads, day(70))
    assert table(rows, "entity_id", "as_of", "label", "known_at", "group") == [
        ("lost", 0.0, False, 30.0, "lost"),
        ("not-yet-known", 0.0, False, 30.0, "not-yet-known"),
        ("open", 0.0, False, 30.0, "open"),
        ("won-in-time", 0.0, True, 30.0, "won-in-time"),
        ("won-on-the-last-day", 0.0, True, 30.0, "won-on-the-last-day"),
        ("won-too-late", 0.0, False, 30.0, "won-too-late"),
    ]


def test_later_looks_see_only_leads_that_were_still_open(leads: Path) -> None:
    rows = LeadWon(within=days(30), observe_after=(days(2), days(7), days(14))).rows(leads, day(70))
    ages = rows.groupby("entity_id").as_of.apply(
        lambda moments: [(m - pd.Timestamp(DAY_0)).days for m in moments]
    )
    assert ages.to_dict() == {
        "lost": [2],
        "not-yet-known": [2, 7, 14],
        "open": [2, 7, 14],
        "won-in-time": [2, 7],
        "won-on-the-last-day": [2, 7, 14],
        "won-too-late": [2, 7, 14],
    }
    assert rows.groupby("entity_id").label.nunique().max() == 1


def test_an_early_win_teaches_nothing_before_the_losses_of_its_time_are_known(leads: Path) -> None:
    assert LeadWon(within=days(30)).rows(leads, day(29.9)).empty


def test_open_leads_are_scored_and_closed_ones_are_not(leads: Path) -> None:
    subjects = LeadWon(within=days(30)).subjects_at(leads, day(60))
    assert table(subjects, "entity_id", "as_of") == [("not-yet-known", 60.0), ("open", 60.0)]


def test_the_past_is_seen_with_the_eyes_of_the_past(leads: Path) -> None:
    subjects = LeadWon(within=days(30)).subjects_at(leads, day(4))
    assert {row[0] for row in table(subjects, "entity_id")} == {
        *("lost", "not-yet-known", "open", "won-in-time", "won-on-the-last-day", "won-too-late")
    }


def test_looking_ten_days_ahead_learns_earlier_and_says_which_share_of_wins_that_saw(tmp_path: Path) -> None:
    # 8 leads at once: 2 won by day 5, 1 on day 20; a young one can't say anything about day 20
    states = [lead_state(f"lead-{k}", day(0)) for k in range(8)] + [lead_state("young", day(30))]
    wins = (("lead-0", 0), ("lead-1", 5), ("lead-2", 20))
    states += [lead_state(name, day(0), "won", day(at)) for name, at in wins[1:]]
    states += [lead_state("lead-0", day(0), "won", day(0.5))]
    # wins have been recorded since before day 0; the lead of the first one came earlier than that
    states += [lead_state("first", day(-3)), lead_state("first", day(-3), "won", day(-1))]
    write_source(tmp_path, "lead_states", states)
    rows, share = LeadWon(within=days(30), learn_within=days(10)).learn(tmp_path, day(40))
    assert [row for row in table(rows, "entity_id", "known_at") if row[0] == "young"] == [("young", 40.0)]
    assert rows.label.sum() == 2
    # surviving: 8/9 (day 0), 7/9 (day 5), then 5/6 of that on day 20, when the young one has left
    assert share == pytest.approx((1 - 7 / 9) / (1 - 7 / 9 * 5 / 6))


def test_leads_from_before_wins_were_recorded_teach_nothing(tmp_path: Path) -> None:
    states = [lead_state("silent", day(0)), lead_state("first", day(5)), lead_state("later", day(9))]
    write_source(tmp_path, "lead_states", [*states, lead_state("first", day(5), "won", day(8))])
    rows, _ = LeadWon(within=days(30)).learn(tmp_path, day(90))
    assert list(rows.entity_id) == ["later"]


def test_the_share_is_the_kaplan_meier_estimate_over_leads_since_the_first_recorded_win(
    tmp_path: Path,
) -> None:
    states = [lead_state("first", day(-1)), lead_state("first", day(-1), "won", day(0))]
    states += [lead_state("before-any-record", day(-9))]
    states += [lead_state(f"lead-{k}", day(0)) for k in range(8)] + [lead_state("young", day(30))]
    states += [
        lead_state(name, day(0), "won", day(at))
        for name, at in (("lead-0", 1), ("lead-1", 5), ("lead-2", 20))
    ]
    write_source(tmp_path, "lead_states", states)
    _, share = LeadWon(within=days(30), learn_within=days(10)).learn(tmp_path, day(40))
    by_day_10 = 1 - (8 / 9) * (7 / 8)
    by_day_30 = 1 - (8 / 9) * (7 / 8) * (5 / 6)  # the young lead has left: 6 at risk on day 20
    assert share == pytest.approx(by_day_10 / by_day_30)


# ------------------------------------------------------------------ an account that stops buying


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    rows = [order("steady", at) for at in range(0, 300, 20)]
    rows += [order("stops", at) for at in (0, 40, 80)]
    rows += [order("late-entry", 80), order("late-entry", 120, known=260)]
    rows += [order("from-day-91", 91), order("from-day-91", 100)]
    write_source(tmp_path, "orders", rows)
    return tmp_path


def test_active_accounts_are_labelled_at_each_first_of_the_month(orders: Path) -> None:
    outcome = NoPurchase(within=days(90), active_within=days(60))
    rows = outcome.rows(orders, day(215))
    # 2024-04-01 is day 91, 2024-05-01 day 121; cuts begin one horizon after the first order
    assert table(rows, "entity_id", "as_of", "label", "known_at") == [
        ("from-day-91", 91.0, False, 181.0),
        ("late-entry", 91.0, True, 181.0),
        ("steady", 91.0, False, 181.0),
        ("stops", 91.0, True, 181.0),
        ("from-day-91", 121.0, True, 211.0),
        ("late-entry", 121.0, True, 211.0),
        ("steady", 121.0, False, 211.0),
        ("stops", 121.0, True, 211.0),
    ]
    assert rows.group.is_unique


def test_an_account_without_a_recent_order_is_not_asked_about(orders: Path) -> None:
    rows = NoPurchase(within=days(90), active_within=days(30)).rows(orders, day(215))
    assert "stops" not in rows.entity_id[rows.as_of == pd.Timestamp(day(121))].tolist()


def test_accounts_that_bought_lately_are_scored(orders: Path) -> None:
    subjects = NoPurchase(within=days(90), active_within=days(60)).subjects_at(orders, day(130))
    assert table(subjects, "entity_id") == [("from-day-91",), ("late-entry",), ("steady",), ("stops",)]
    later = NoPurchase(within=days(90), active_within=days(60)).subjects_at(orders, day(200))
    assert table(later, "entity_id") == [("steady",)]


def test_without_orders_there_are_no_rows(tmp_path: Path) -> None:
    write_source(tmp_path, "orders", [])
    outcome = NoPurchase(within=days(90), active_within=days(60))
    assert outcome.rows(tmp_path, day(500)).empty
    assert outcome.subjects_at(tmp_path, day(500)).empty


# ------------------------------------------------------------------ a contract that is not renewed


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    events = [
        contract("c1", "renews", "signed", 0, 365),
        contract("c1", "renews", "renewed", 340, 365),
        contract("c2", "renews-in-grace", "signed", 0, 365),
        contract("c2", "renews-in-grace", "renewed", 390, 365),
        contract("c3", "renews-too-late", "signed", 0, 365),
        contract("c3", "renews-too-late", "renewed", 400, 365),
        contract("c4", "lapses", "signed", 0, 365),
        contract("c4", "lapses", "lapsed", 370, 365),
        contract("c5", "ends-later", "signed", 0, 500),
        contract("c6", "short", "signed", 320, 365),
        contract("c7", "two-contracts", "signed", 0, 365),
        contract("c7", "two-contracts", "renewed", 350, 365),
        contract("c8", "two-contracts", "signed", 0, 365),
    ]
    write_source(tmp_path, "contract_events", events)
    return tmp_path


OUTCOME = NotRenewed(before_end=(days(90), days(60), days(30)), grace=days(30))


def test_contracts_are_looked_at_90_60_and_30_days_before_their_end(contracts: Path) -> None:
    rows = OUTCOME.rows(contracts, day(395))
    found = {
        name: (list(g.label), (g.as_of - pd.Timestamp(DAY_0)).dt.days.tolist())
        for name, g in rows.groupby("entity_id")
    }
    every_time = [275, 305, 335]
    assert found == {
        "lapses": ([True] * 3, every_time),
        "renews": ([False] * 3, every_time),
        "renews-in-grace": ([False] * 3, every_time),
        "renews-too-late": ([True] * 3, every_time),
        "short": ([True], [335]),
        "two-contracts": ([True] * 3, every_time),
    }
    assert set(rows.known_at) == {pd.Timestamp(day(395))}
    assert rows.groupby("entity_id").group.nunique().max() == 1


def test_a_contract_counts_only_after_its_grace(contracts: Path) -> None:
    assert OUTCOME.rows(contracts, day(394.9)).empty


def test_accounts_with_a_contract_that_runs_or_just_ended_are_scored(contracts: Path) -> None:
    at_380 = {row[0] for row in table(OUTCOME.subjects_at(contracts, day(380)), "entity_id")}
    assert at_380 == {"renews", "renews-in-grace", "renews-too-late", "ends-later", "short", "two-contracts"}
    at_396 = {row[0] for row in table(OUTCOME.subjects_at(contracts, day(396)), "entity_id")}
    assert at_396 == {"ends-later"}


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing) as caught:
        OUTCOME.rows(tmp_path, day(1))
    assert (caught.value.code, caught.value.field) == ("source_missing", "contract_events")
