"""Who had a lead and what became of it there, read off the lead's versions."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from crm_store.repositories.sources.rows import folded
from crm_store.repositories.sources.versions import Entry

START = datetime(2026, 3, 2, 1, tzinfo=UTC)


def told(
    source: str, *writes: tuple[int, dict[str, object]], entity: str = "lead"
) -> list[dict[str, object]]:
    """Return the rows of a source for one record with these writes, given as (hour, changed fields)."""
    entries = [
        Entry(
            entity,
            "one",
            number,
            START + timedelta(hours=hour),
            json.dumps({name: [None, value] for name, value in fields.items()}),
        )
        for number, (hour, fields) in enumerate(writes, 1)
    ]
    return [row for _, row in folded(entries, (source,))]


def brief(rows: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(row["event"], row["rep_id"], row["stint_id"]) for row in rows]


NEW = (0, {"status": "new", "need": "骨科"})


def test_a_lead_is_assigned_contacted_handed_over_and_won() -> None:
    rows = told(
        "rep_events",
        NEW,
        (1, {"owner_id": "A"}),
        (4, {"status": "contacted"}),
        (5, {"owner_id": "B"}),
        (9, {"status": "won"}),
    )
    assert brief(rows) == [
        ("assigned", "A", "one@2"),
        ("contacted", "A", "one@2"),
        ("released", "A", "one@2"),
        ("assigned", "B", "one@4"),
        ("won", "B", "one@4"),
    ]
    assert [row["hours"] for row in rows] == [None, 3.0, None, None, None]


def test_a_lead_that_returns_to_a_rep_begins_a_new_stint() -> None:
    rows = told("rep_events", NEW, (1, {"owner_id": "A"}), (2, {"owner_id": "B"}), (3, {"owner_id": "A"}))
    assert [row["stint_id"] for row in rows if row["event"] == "assigned"] == ["one@2", "one@3", "one@4"]


def test_a_closed_lead_that_changes_hands_is_nobodys_and_an_opened_one_begins_again() -> None:
    closed = (NEW, (1, {"owner_id": "A"}), (2, {"status": "lost"}))
    assert [event for event, *_ in brief(told("rep_events", *closed, (3, {"owner_id": "B"})))] == [
        "assigned",
        "lost",
    ]
    again = told("rep_events", *closed, (3, {"status": "contacted"}))
    assert [event for event, *_ in brief(again)] == ["assigned", "lost", "assigned", "contacted"]


def test_a_lead_imported_as_won_counts_for_its_owner_once() -> None:
    rows = told("rep_events", (0, {"owner_id": "A", "status": "won"}), (5, {"title": "院长"}))
    assert [event for event, *_ in brief(rows)] == ["assigned", "contacted", "won"]


def test_a_win_counts_by_what_was_known_when_the_lead_was_assigned() -> None:
    rows = told(
        "fit_events",
        NEW,
        (1, {"owner_id": "A"}),
        (4, {"status": "won", "need": "检验", "industry": "医院", "account_id": "acc"}),
    )
    assert [(row["event"], row["fit_id"]) for row in rows] == [
        ("assigned", "A|need|骨科"),
        ("contacted", "A|lead|one"),
        ("contacted", "A|account|acc"),
        ("won", "A|need|骨科"),
    ]


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"end_at": "2026-03-20T00:00:00+00:00"}])
def test_a_leave_that_is_moved_or_withdrawn_is_cancelled_and_perhaps_booked_again(change: dict) -> None:
    first = {"rep_id": "A", "status": "approved"}
    first |= {"start_at": "2026-03-10T00:00:00+00:00", "end_at": "2026-03-12T00:00:00+00:00"}
    rows = told("leave_events", (0, first), (1, {"kind": "sick"}), (2, change), entity="leave")
    events = [(row["event"], row["booking_id"]) for row in rows]
    again = [("booked", "one@3")] if "end_at" in change else []
    assert events == [("booked", "one@1"), ("cancelled", "one@1"), *again]
