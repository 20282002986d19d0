"""Which moments have passed for good, and what a signed deal no longer lets change."""

from datetime import UTC, datetime, timedelta

import pytest

from crm_store.domain.locks import locked_fields, may_correct, moved_moments
from crm_store.repositories.fields import FIELDS

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PAST, LATER, AHEAD = NOW - 9 * DAY, NOW - 2 * DAY, NOW + 9 * DAY


def moved(field: str, old: datetime | None, new: datetime | None, *others: str) -> bool:
    return bool(moved_moments({field: old}, {field: new}, {field, *others}, NOW))


def test_what_has_happened_stays_where_it_is():
    for field in ("created_at", "opened_at", "first_response_at", "submitted_at", "start_at", "expires_at"):
        assert moved(field, PAST, LATER)
        assert moved(field, PAST, PAST - DAY)
        assert moved(field, PAST, None)
        assert moved(field, PAST, AHEAD)


def test_an_empty_moment_may_be_filled_late_and_one_that_lies_ahead_may_move():
    assert not moved("first_response_at", None, PAST)
    assert not moved("start_at", AHEAD, AHEAD + DAY)
    assert not moved("end_at", AHEAD, None)


def test_this_very_moment_has_passed():
    assert moved("opened_at", NOW, NOW + DAY)
    assert not moved("opened_at", NOW + timedelta(microseconds=1), AHEAD)


@pytest.mark.parametrize("field", ["expected_close_at", "promised_at", "due_at"])
def test_an_expectation_may_slip_also_after_its_time(field):
    assert not moved(field, PAST, AHEAD)


@pytest.mark.parametrize(
    ("field", "status"),
    [("closed_at", "status"), ("closed_at", "stage"), ("shipped_at", "state"), ("resolved_at", "status")],
)
def test_when_a_status_was_reached_moves_only_with_the_status_and_never_back(field, status):
    assert moved(field, PAST, LATER)
    assert moved(field, PAST, None)
    assert not moved(field, PAST, None, status)
    assert not moved(field, PAST, LATER, status)
    assert moved(field, LATER, PAST, status)


def test_a_deletion_may_be_undone_but_not_dated_otherwise():
    assert not moved("deleted_at", PAST, None)
    assert moved("deleted_at", PAST, LATER)


def test_the_latest_of_many_only_moves_on():
    assert not moved("last_operated_at", PAST, LATER)
    assert moved("last_operated_at", LATER, PAST)
    assert moved("last_operated_at", LATER, None)


def test_every_named_moment_is_told():
    before = {"opened_at": PAST, "first_response_at": PAST, "resolved_at": None}
    changes = {"opened_at": LATER, "first_response_at": None, "resolved_at": LATER}
    assert moved_moments(before, changes, changes.keys(), NOW) == ["opened_at", "first_response_at"]


def test_a_signed_deal_locks_money_and_decision_chain_and_its_own_stage():
    signed = {"stage": "won"}
    changed = ["title", "budget", "decision_maker_id", "decision_chain", "amount", "stage"]
    assert set(locked_fields("opportunity", signed, changed)) == set(changed) - {"title"}
    assert set(changed) <= set(FIELDS["opportunity"])


def test_nothing_is_locked_before_signing_or_elsewhere():
    assert locked_fields("opportunity", {"stage": "negotiation"}, ["budget", "stage"]) == []
    assert locked_fields("lead", {"stage": "won", "status": "won"}, ["budget"]) == []


@pytest.mark.parametrize(
    ("role", "reason", "may"),
    [
        ("manager", "客户书面更正", True),
        ("admin", "客户书面更正", True),
        ("manager", " ", False),
        ("manager", None, False),
        ("rep", "客户书面更正", False),
        ("lead", "客户书面更正", False),
        ("service", "客户书面更正", False),
        (None, "客户书面更正", False),
    ],
)
def test_a_correction_needs_a_manager_and_a_reason(role, reason, may):
    assert may_correct(role, reason) is may
