"""Small histories in, source rows out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_store.repositories.sources.rows import FOLDS
from crm_store.repositories.sources.versions import Entry, Row, parse_moment, versions

T0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_lead_has_a_state_for_every_version_with_all_that_was_known_then() -> None:
    states = rows(
        "lead_states",
        lead(1, created_at=T0, status="new", phone="13812345678", expected_volume=3),
        lead(2, hours=5, company="甲厂", status="contacted"),
    )
    assert [column(states, name) for name in ("record_id", "version", "recorded_at", "occurred_at")] == [
        ["lea_1@1", "lea_1@2"],
        [1.0, 2.0],
        [T0, T0 + 5 * HOUR],
        [T0, T0 + 5 * HOUR],
    ]
    assert column(states, "status") == ["new", "contacted"]
    assert column(states, "has_company") == [0.0, 1.0]
    assert column(states, "has_phone") == [1.0, 1.0]
    assert column(states, "has_contact_name") == [0.0, 0.0]
    assert column(states, "expected_volume") == [3.0, 3.0]
    assert column(states, "created_at") == [T0, T0]


def test_a_value_that_was_emptied_again_is_empty() -> None:
    states = rows(
        "lead_states", lead(1, created_at=T0, city="杭州", company="甲厂"), lead(2, city=None, company="")
    )
    assert column(states, "city") == ["杭州", None]
    assert column(states, "has_company") == [1.0, 0.0]


def test_one_record_does_not_inherit_from_the_one_before() -> None:
    states = rows(
        "lead_states",
        lead(1, created_at=T0, city="杭州", company="甲厂"),
        lead(1, "lea_2", created_at=T0),
        entry("account", "lea_2", 1, created_at=T0),
    )
    assert [(row["lead_id"], row.get("city"), row["has_company"]) for row in states] == [
        ("lea_1", "杭州", 1.0),
        ("lea_2", None, 0.0),
    ]


def test_a_lead_arrives_at_its_first_contact_and_is_known_from_its_first_entry() -> None:
    flow = rows(
        "lead_flow",
        lead(1, hours=9, created_at=T0, channel="site", campaign="c1"),
        lead(2, hours=10, campaign="c2"),
    )
    assert flow == [
        {
            "record_id": "lea_1@1#arrived",
            "lead_id": "lea_1",
            "event": "arrived",
            "occurred_at": T0,
            "recorded_at": T0 + 9 * HOUR,
            "campaign": "c1",
            "channel": "site",
            "market": "all",
        }
    ]


def test_a_win_happened_when_closed_and_is_known_from_the_entry_that_says_so() -> None:
    won = rows(
        "lead_flow",
        lead(1, created_at=T0, status="new", campaign="c1"),
        lead(2, hours=80, status="won", closed_at=T0 + 36 * HOUR),
    )[1]
    assert (won["event"], won["occurred_at"], won["recorded_at"]) == ("won", T0 + 36 * HOUR, T0 + 80 * HOUR)
    assert (won["days_to_win"], won["campaign"], won["record_id"]) == (1.5, "c1", "lea_1@2#won")


def test_a_win_without_a_closing_moment_happened_when_it_was_recorded() -> None:
    won = rows("lead_flow", lead(1, created_at=T0), lead(2, hours=48, status="won"))[1]
    assert (won["occurred_at"], won["days_to_win"]) == (T0 + 48 * HOUR, 2.0)


def test_a_win_that_is_corrected_away_stays_told_once_and_the_states_say_what_is_believed() -> None:
    history = (
        lead(1, created_at=T0, status="new"),
        lead(2, hours=1, status="won", closed_at=T0 + HOUR),
        lead(3, hours=2, status="lost"),
        lead(4, hours=3, status="won"),
    )
    assert column(rows("lead_flow", *history), "event") == ["arrived", "won"]
    assert column(rows("lead_flow", *history), "recorded_at") == [T0, T0 + HOUR]
    assert column(rows("lead_states", *history), "status") == ["new", "won", "lost", "won"]


def test_an_imported_lead_may_arrive_and_be_won_in_one_entry() -> None:
    flow = rows("lead_flow", lead(1, created_at=T0, status="won", closed_at=T0 + HOUR))
    assert column(flow, "record_id") == ["lea_1@1#arrived", "lea_1@1#won"]


def test_a_deleted_record_keeps_its_history() -> None:
    states = rows("lead_states", lead(1, created_at=T0, city="杭州"), lead(2, deleted_at=T0))
    assert column(states, "city") == ["杭州", "杭州"]


def test_account_numbers_are_floats() -> None:
    state = rows(
        "account_states", entry("account", "acc_1", 1, created_at=T0, tier="A", employees=80, annual_amount=5)
    )[0]
    assert (state["account_id"], state["tier"], state["employees"], state["annual_amount"]) == (
        "acc_1",
        "A",
        80.0,
        5.0,
    )
    assert isinstance(state["employees"], float)


def test_a_ticket_tells_each_event_at_its_moment_from_the_entry_that_first_shows_it() -> None:
    events = rows(
        "ticket_events",
        ticket(1, hours=1, account_id="acc_1", category="物流", opened_at=T0),
        ticket(2, hours=30, first_response_at=T0 + 2 * HOUR, resolved_at=T0 + 28 * HOUR),
        ticket(3, hours=50, satisfaction=4),
    )
    assert [(row["event"], row["occurred_at"] - T0, row["recorded_at"] - T0) for row in events] == [
        ("opened", 0 * HOUR, 1 * HOUR),
        ("answered", 2 * HOUR, 30 * HOUR),
        ("resolved", 28 * HOUR, 30 * HOUR),
        ("rated", 50 * HOUR, 50 * HOUR),
    ]
    assert [row.get("response_h") for row in events] == [None, 2.0, None, None]
    assert [row.get("satisfaction") for row in events] == [None, None, None, 4.0]
    assert {(row["account_id"], row["ticket_id"], row["category"]) for row in events} == {
        ("acc_1", "tic_1", "物流")
    }


def test_a_correction_of_a_ticket_repeats_no_event() -> None:
    events = rows(
        "ticket_events",
        ticket(1, account_id="acc_1", opened_at=T0),
        ticket(2, hours=2, resolved_at=T0 + HOUR, satisfaction=2),
        ticket(3, hours=3, resolved_at=None, satisfaction=5),
        ticket(4, hours=9, resolved_at=T0 + 8 * HOUR),
    )
    assert column(events, "record_id") == ["tic_1@1#opened", "tic_1@2#resolved", "tic_1@2#rated"]


def test_events_of_a_ticket_are_known_with_its_account_and_stay_with_it_when_it_moves() -> None:
    events = rows(
        "ticket_events",
        ticket(1, opened_at=T0),
        ticket(2, hours=4, account_id="acc_1"),
        ticket(3, hours=6, account_id="acc_2"),
        ticket(4, hours=8, resolved_at=T0 + 7 * HOUR),
    )
    assert [(row["event"], row["account_id"], row["recorded_at"] - T0) for row in events] == [
        ("opened", "acc_1", 4 * HOUR),
        ("resolved", "acc_2", 8 * HOUR),
    ]


@pytest.mark.parametrize("ending", ["renewed", "lapsed"])
def test_a_contract_is_signed_and_ends(ending: str) -> None:
    terms = {"amount": 9, "start_at": T0, "end_at": T0 + 100 * HOUR, "product_line": "骨科"}
    events = rows(
        "contract_events",
        entry(
            "contract",
            "con_1",
            1,
            hours=2,
            account_id="acc_1",
            created_at=T0 - HOUR,
            status="active",
            **terms,
        ),
        entry("contract", "con_1", 2, hours=99, status=ending, closed_at=T0 + 98 * HOUR),
    )
    assert [(row["event"], row["occurred_at"], row["recorded_at"]) for row in events] == [
        ("signed", T0 - HOUR, T0 + 2 * HOUR),
        (ending, T0 + 98 * HOUR, T0 + 99 * HOUR),
    ]
    assert events[1]["amount"] == 9.0
    assert (events[1]["start_at"], events[1]["end_at"]) == (T0, T0 + 100 * HOUR)


def test_a_moment_is_read_to_utc_and_needs_a_zone() -> None:
    assert parse_moment("2026-03-01T16:00:00.000001+08:00") == T0 + timedelta(microseconds=1)
    assert parse_moment(None) is None
    with pytest.raises(ValueError, match="time zone"):
        parse_moment("2026-03-01T16:00:00")


def entry(entity: str, entity_id: str, number: int, hours: float = 0, **new: Any) -> Entry:
    changes = {
        name: [None, value.isoformat() if isinstance(value, datetime) else value]
        for name, value in new.items()
    }
    return Entry(entity, entity_id, number, T0 + hours * HOUR, json.dumps(changes))


def lead(number: int, entity_id: str = "lea_1", hours: float = 0, **new: Any) -> Entry:
    return entry("lead", entity_id, number, hours, **new)


def ticket(number: int, hours: float = 0, **new: Any) -> Entry:
    return entry("ticket", "tic_1", number, hours, **new)


def rows(source: str, *entries: Entry) -> list[Row]:
    return [
        row
        for version in versions(entries)
        if source in FOLDS[version.entity]
        for row in FOLDS[version.entity][source](version)
    ]


def column(found: list[Row], name: str) -> list[Any]:
    return [row[name] for row in found]
