"""Merges carry what happened from the merged record to the survivor, for as long as they hold."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm_store.repositories.sources.aliases import Alias, closed

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def day(number: int | None) -> datetime | None:
    return None if number is None else T0 + timedelta(days=number)


def merge(merged: str, survivor: str, since: int, until: int | None = None) -> Alias:
    return Alias(merged, survivor, T0 + timedelta(days=since), day(until))


def told(found: list[Alias]) -> set[tuple[str, str, int, int | None]]:
    return {
        (a.merged_id, a.survivor_id, (a.since - T0).days, None if a.until is None else (a.until - T0).days)
        for a in found
    }


def test_a_chain_of_merges_reaches_the_last_survivor_while_all_links_hold() -> None:
    merges = [merge("a", "b", 1), merge("b", "c", 5, 9), merge("c", "d", 7)]
    assert told(closed(merges)) == {
        ("a", "b", 1, None),
        ("b", "c", 5, 9),
        ("c", "d", 7, None),
        ("a", "c", 5, 9),
        ("b", "d", 7, 9),
        ("a", "d", 7, 9),
    }


def test_links_that_never_held_together_make_no_chain() -> None:
    assert told(closed([merge("a", "b", 1, 3), merge("b", "c", 3)])) == {
        ("a", "b", 1, 3),
        ("b", "c", 3, None),
    }


def test_a_record_that_was_merged_both_ways_in_turn_never_becomes_itself() -> None:
    found = closed([merge("a", "b", 1, 3), merge("b", "a", 4)])
    assert all(alias.merged_id != alias.survivor_id for alias in found)


@given(
    recorded=st.integers(0, 9),
    since=st.integers(0, 9),
    until=st.none() | st.integers(0, 9),
    held=st.none() | st.integers(0, 9),
    asked=st.integers(0, 12),
)
def test_the_survivor_has_the_row_exactly_while_both_hold(
    recorded: int, since: int, until: int | None, held: int | None, asked: int
) -> None:
    row = {"lead_id": "a", "recorded_at": day(recorded), "known_until": day(held)}
    copy = merge("a", "b", since, until).row(row, "lead_id")
    there = copy is not None and copy["recorded_at"] <= day(asked)
    there = there and (copy["known_until"] is None or copy["known_until"] > day(asked))
    expected = recorded <= asked and since <= asked
    expected = expected and (until is None or asked < until) and (held is None or asked < held)
    assert there == expected
    assert copy is None or copy["lead_id"] == "b"
