"""Writing a record and its log is one act, on both stores."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.ids import new_id
from crm_store.models import ChangeLog, Lead
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import Conflict, get_record, states_of, write_record

T0 = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_new_record_is_version_one_with_its_defaults(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        assert write(session, "lea_1", {**origin("1"), "company": "甲厂"}) == 1
    with sessions() as session:
        lead = get_record(session, "lead", "lea_1")
        assert isinstance(lead, Lead)
        assert (lead.company, lead.status, lead.created_at, lead.version) == ("甲厂", "new", T0, 1)
        entry = session.scalars(select(ChangeLog)).one()
    assert entry.changes == {
        "company": [None, "甲厂"],
        "created_at": [None, "2026-03-01T00:00:00+00:00"],
        "external_id": [None, "1"],
        "intake_state": [None, "complete"],
        "source": [None, "crm"],
        "status": [None, "new"],
    }
    assert (entry.actor, entry.reason, entry.recorded_at, entry.written_at) == (
        "user:li",
        None,
        T0,
        T0 + HOUR,
    )


def test_a_patch_logs_only_what_changed(sessions: sessionmaker[Session], noise: None) -> None:
    with transaction(sessions) as session:
        write(session, "lea_1", origin("1"))
        patch = {"status": "won", "closed_at": T0 + HOUR, "source": "crm"}
        assert write(session, "lea_1", patch, hours=1, reason="签约") == 2
    with sessions() as session:
        entries = entries_of(session, "lea_1")
        assert entries[1].changes == {
            "closed_at": [None, "2026-03-01T01:00:00+00:00"],
            "status": ["new", "won"],
        }
        assert entries[1].previous_hash == entries[0].hash
        assert entries[1].reason == "签约"


def test_a_write_that_changes_nothing_leaves_no_trace(sessions: sessionmaker[Session], noise: None) -> None:
    with transaction(sessions) as session:
        write(session, "lea_1", {**origin("1"), "company": "甲厂"})
        assert write(session, "lea_1", {"company": "甲厂", "city": None}, hours=5) == 1
    with sessions() as session:
        assert len(entries_of(session, "lea_1")) == 1


def test_a_rolled_back_write_leaves_neither_record_nor_log(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        write(session, "lea_1", origin("1"))
        session.rollback()
    with sessions() as session:
        assert get_record(session, "lead", "lea_1") is None
        assert session.scalar(select(func.count()).select_from(ChangeLog)) == 0


def test_a_stale_version_is_a_conflict_that_shows_both_values(
    sessions: sessionmaker[Session], noise: None
) -> None:
    with transaction(sessions) as session:
        write(session, "lea_1", {**origin("1"), "need": "检验试剂"})
        write(session, "lea_1", {"need": "骨科耗材"}, hours=1)
    with pytest.raises(Conflict) as caught, transaction(sessions) as session:
        write(session, "lea_1", {"need": "手术器械"}, hours=2, expected_version=1)
    conflict = caught.value
    assert (conflict.expected, conflict.actual, conflict.problem.code) == (1, 2, "version_conflict")
    assert conflict.values == {"need": ["骨科耗材", "手术器械"]}


def test_creating_what_exists_is_a_conflict(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        assert write(session, "lea_1", origin("1"), expected_version=0) == 1
    with pytest.raises(Conflict), transaction(sessions) as session:
        write(session, "lea_1", origin("1"), expected_version=0)


def test_a_write_into_the_past_is_refused(sessions: sessionmaker[Session]) -> None:
    """Otherwise today's values would seem known at a time when they were not."""
    with transaction(sessions) as session:
        write(session, "lea_1", origin("1"), hours=2)
    with pytest.raises(StoreError, match="backdated"), transaction(sessions) as session:
        write(session, "lea_1", {"status": "won"}, hours=1)


def test_a_required_field_cannot_be_emptied(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        write(session, "lea_1", origin("1"))
    with pytest.raises(StoreError, match="required"), transaction(sessions) as session:
        write(session, "lea_1", {"status": None}, hours=1)


def test_states_show_what_was_known_when(sessions: sessionmaker[Session], noise: None) -> None:
    with transaction(sessions) as session:
        write(session, "lea_1", {**origin("1"), "region": "浙江"})
        write(session, "lea_1", {"status": "contacted"}, hours=1)
        write(session, "lea_1", {"status": "won", "closed_at": T0 + 3 * HOUR, "region": None}, hours=3)
    with sessions() as session:
        states = states_of(session, "lead", "lea_1")
    assert [
        (one["version"], one["recorded_at"], one["status"], one["region"], one["closed_at"]) for one in states
    ] == [
        (1, T0, "new", "浙江", None),
        (2, T0 + HOUR, "contacted", "浙江", None),
        (3, T0 + 3 * HOUR, "won", None, T0 + 3 * HOUR),
    ]
    assert set(states[0]) == set(FIELDS["lead"]) | {"recorded_at", "version"}


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
edits = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "company": st.none() | texts,
            "status": st.sampled_from(["new", "contacted", "qualified", "won", "lost"]),
            "expected_volume": st.none()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.integers(0, 9),
            "closed_at": st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(2027, 1, 1)),  # noqa: DTZ001
        },
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits)
def test_the_log_folds_back_to_the_record(
    sessions: sessionmaker[Session], edits: list[dict[str, Any]]
) -> None:
    record_id = new_id("lead")
    with transaction(sessions) as session:
        write(session, record_id, origin(record_id))
        for hours, edit in enumerate(edits, start=1):
            write(session, record_id, edit, hours=hours)
    with sessions() as session:
        lead = get_record(session, "lead", record_id)
        last = states_of(session, "lead", record_id)[-1]
        stored = {name: getattr(lead, name) for name in FIELDS["lead"]}
        assert {name: last[name] for name in stored} == stored
        assert last["version"] == lead.version if lead else 0
        assert verify(session) == []


@pytest.fixture
def noise(sessions: sessionmaker[Session]) -> None:
    """Other leads with histories of their own."""
    for number in range(3):
        with transaction(sessions) as session:  # one each: a person changes no statuses in bulk
            write(session, f"lea_noise_{number}", {**origin(f"noise {number}"), "company": "旁人"})
            write(session, f"lea_noise_{number}", {"status": "lost"}, hours=9)


def origin(external_id: str) -> dict[str, Any]:
    return {"source": "crm", "external_id": external_id}


def write(session: Session, record_id: str, values: dict[str, Any], *, hours: int = 0, **more: Any) -> int:
    moment = T0 + hours * HOUR
    return write_record(
        session, "lead", record_id, values, actor="user:li", recorded_at=moment, now=moment + HOUR, **more
    )


def entries_of(session: Session, record_id: str) -> list[ChangeLog]:
    query = select(ChangeLog).where(ChangeLog.entity_id == record_id).order_by(ChangeLog.version)
    return list(session.scalars(query))
