"""A record as it was at any moment, by what the business knew or what the store held, on both stores."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_helpers import HOUR, T0, a_fact, write_lead
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.ids import new_id
from crm_store.models import Activity
from crm_store.repositories.cursors import BadCursor
from crm_store.repositories.history.asof import as_of, history
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.records import states_of


def test_a_record_as_it_was_known_at_each_moment(sessions: sessionmaker[Session], noise: None) -> None:
    with transaction(sessions) as session:
        write_lead(session, "lea_1", {"need": "试剂", "budget": 10}, new=True)
        write_lead(session, "lea_1", {"need": "耗材", "submitted_at": T0}, hours=2)
        write_lead(session, "lea_1", {"need": None}, hours=4)
    with sessions() as session:
        seen = [as_of(session, "lead", "lea_1", T0 + hours * HOUR) for hours in (-1, 0, 1, 2, 3.9, 4, 99)]
    assert seen[0] is None
    assert [(one.version, one.fields["need"], one.fields["submitted_at"]) for one in seen if one] == [
        (1, "试剂", None),
        (1, "试剂", None),
        (2, "耗材", T0),
        (2, "耗材", T0),
        (3, None, T0),
        (3, None, T0),
    ]
    assert seen[1] is not None
    assert (seen[1].fields["status"], seen[1].recorded_at, seen[1].written_at) == ("new", T0, T0 + HOUR)


def test_by_the_writing_it_is_what_the_store_held(sessions: sessionmaker[Session]) -> None:
    """Each write here is known an hour before it is written."""
    with transaction(sessions) as session:
        write_lead(session, "lea_1", {"need": "a"}, new=True)
        write_lead(session, "lea_1", {"need": "b"}, hours=2)
    with sessions() as session:
        known = [as_of(session, "lead", "lea_1", T0 + hours * HOUR) for hours in (0, 2)]
        held = [as_of(session, "lead", "lea_1", T0 + hours * HOUR, by="written") for hours in (0, 2, 3)]
    assert [one and one.fields["need"] for one in known] == ["a", "b"]
    assert [one and one.fields["need"] for one in held] == [None, "a", "b"]


def test_a_deleted_record_says_so_until_it_is_restored(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        write_lead(session, "lea_1", {}, new=True)
        write_lead(session, "lea_1", {"deleted_at": T0 + HOUR}, hours=1)
        write_lead(session, "lea_1", {"deleted_at": None}, hours=2)
    with sessions() as session:
        states = [as_of(session, "lead", "lea_1", T0 + hours * HOUR) for hours in (0, 1, 2)]
    assert [one and one.deleted for one in states] == [False, True, False]


def test_a_fact_exists_from_when_it_was_recorded(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        write_lead(session, "lea_1", {}, new=True)
        session.add(Activity(**a_fact("act_1", "lea_1", hours=2)))
    with sessions() as session:
        assert as_of(session, "activity", "act_1", T0 + HOUR) is None
        found = as_of(session, "activity", "act_1", T0 + 2 * HOUR)
        assert found is not None
        assert (found.fields["lead_id"], found.version, found.deleted) == ("lea_1", None, False)
        assert [one.kind for one in history(session, "activity", "act_1").items] == ["added"]
        assert history(session, "activity", "act_2").items == []


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_a_history_is_read_newest_first_in_pages(
    sessions: sessionmaker[Session], noise: None, size: int
) -> None:
    with transaction(sessions) as session:
        write_lead(session, "lea_1", {}, new=True)
        for number in range(6):
            write_lead(session, "lea_1", {"need": str(number)}, hours=number)
    versions, cursor = [], None
    with sessions() as session:
        while True:
            page = history(session, "lead", "lea_1", size, cursor)
            versions += [one.version for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert versions == [7, 6, 5, 4, 3, 2, 1]


def test_a_cursor_of_another_record_and_an_unknown_kind_are_refused(
    sessions: sessionmaker[Session], noise: None
) -> None:
    with sessions() as session:
        cursor = history(session, "lead", "lea_noise_1", 1).next_cursor
        with pytest.raises(BadCursor):
            history(session, "lead", "lea_noise_2", 1, cursor)
        with pytest.raises(StoreError, match="not_allowed"):
            history(session, "weather", "lea_noise_2")
        with pytest.raises(StoreError, match="not_allowed"):
            as_of(session, "weather", "lea_noise_2", T0)
        assert as_of(session, "lead", "lea_unknown", T0) is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(st.dictionaries(st.sampled_from(["need", "city", "region"]), st.none() | st.text("ab")))
)
def test_as_of_every_version_is_the_fold_of_the_log(
    sessions: sessionmaker[Session], edits: list[dict[str, str | None]]
) -> None:
    lead_id = new_id("lead")
    with transaction(sessions) as session:
        write_lead(session, lead_id, {}, new=True)
        for hours, edit in enumerate(edits, start=1):
            write_lead(session, lead_id, edit, hours=hours)
    with sessions() as session:
        for state in states_of(session, "lead", lead_id):
            found = as_of(session, "lead", lead_id, state["recorded_at"])
            assert found is not None
            assert dict(found.fields) | {"version": found.version, "recorded_at": found.recorded_at} == state


@pytest.fixture
def noise(sessions: sessionmaker[Session]) -> None:
    """Other leads with histories of their own."""
    with transaction(sessions) as session:
        for number in range(3):
            write_lead(session, f"lea_noise_{number}", {"need": "旁人"}, new=True)
            write_lead(session, f"lea_noise_{number}", {"need": None}, hours=9)
