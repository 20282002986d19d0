"""Bulk loads are whole or not at all, can be repeated, and leave the same log that single writes do."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity, ChangeLog, Lead, OrderSnapshot
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.bulk import load_facts, load_history
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import states_of, write_record

T0 = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.usefixtures("subjects")
def test_facts_are_added_once(store_engine: Engine, sessions: sessionmaker[Session]) -> None:
    assert load_facts(store_engine, Activity, activities(1, 2)) == 2
    assert load_facts(store_engine, Activity, activities(2, 3, 3)) == 1
    with sessions() as session:
        assert session.scalars(select(Activity.id).order_by(Activity.id)).all() == ["act_1", "act_2", "act_3"]


@pytest.mark.usefixtures("subjects")
def test_facts_keep_their_values(store_engine: Engine, sessions: sessionmaker[Session]) -> None:
    said = ["", None, '引号" 逗号, 换行\n', "\\N", "\\."]
    table = activities(*range(5)).append_column("text", pa.array(said, pa.string()))
    moment = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    place = table.column_names.index("occurred_at")
    column = pa.array([moment] * 5, pa.timestamp("us", tz="Asia/Shanghai"))
    load_facts(store_engine, Activity, table.set_column(place, "occurred_at", column))
    with sessions() as session:
        rows = session.execute(select(Activity.text, Activity.occurred_at).order_by(Activity.id)).all()
    assert [row[0] for row in rows] == said
    assert {row[1] for row in rows} == {moment}


@pytest.mark.usefixtures("subjects")
@pytest.mark.parametrize(
    ("column", "value"),
    [("channel", "fax"), ("direction", None), ("lead_id", None), ("lead_id", "lea_none"), ("source", None)],
)
def test_one_impossible_fact_stops_the_load(
    store_engine: Engine, sessions: sessionmaker[Session], column: str, value: str | None
) -> None:
    """Importing checks row by row; here the database has the last word, and nothing is half loaded."""
    table = activities(1, 2)
    place = table.column_names.index(column)
    table = table.set_column(place, column, pa.array([table[column][0].as_py(), value], pa.string()))
    with pytest.raises(IntegrityError):
        load_facts(store_engine, Activity, table)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Activity)) == 0


def test_facts_with_wrong_columns_are_refused(store_engine: Engine) -> None:
    naive = activities(1).set_column(3, "occurred_at", pa.array([datetime(2026, 3, 1)], pa.timestamp("us")))  # noqa: DTZ001
    for table, code in [
        (activities(1).append_column("colour", pa.array(["red"])), "unknown_field"),
        (activities(1).drop_columns(["channel"]), "required"),
        (naive, "wrong_type"),
    ]:
        with pytest.raises(StoreError) as caught:
            load_facts(store_engine, Activity, table)
        assert caught.value.problem.code == code


@pytest.mark.usefixtures("subjects")
def test_orders_are_facts_too(store_engine: Engine, sessions: sessionmaker[Session]) -> None:
    table = pa.table(
        {
            "id": ["ord_1"],
            "source": ["erp"],
            "external_id": ["1"],
            "occurred_at": moments(1),
            "recorded_at": moments(1),
            "account_id": ["acc_here"],
            "amount": [12.5],
        }
    )
    assert load_facts(store_engine, OrderSnapshot, table) == 1
    with sessions() as session:
        assert session.execute(select(OrderSnapshot.amount, OrderSnapshot.freight)).all() == [(12.5, None)]


def test_a_history_leaves_the_log_that_single_writes_leave(
    store_engine: Engine, sessions: sessionmaker[Session]
) -> None:
    versions = history("lea_1") + history("lea_2")
    assert load_history(store_engine, "lead", versions, actor="user:li", reason="why", now=NOW) == 6
    with transaction(sessions) as session:
        for version in history("lea_1"):
            origin = {"source": "crm", "external_id": "by hand"} if version["fields"].get("company") else {}
            write_record(
                session,
                "lead",
                "lea_by_hand",
                origin | version["fields"],
                actor="user:li",
                reason="why",
                recorded_at=version["recorded_at"],
                now=NOW,
            )
    with sessions() as session:
        assert verify(session) == []
        loaded, written = states_of(session, "lead", "lea_1"), states_of(session, "lead", "lea_by_hand")
        assert [state | {"external_id": "by hand"} for state in loaded] == written
        columns = (ChangeLog.actor, ChangeLog.reason, ChangeLog.written_at)
        assert session.execute(select(*columns).distinct()).all() == [("user:li", "why", NOW)]
        records = session.scalars(select(Lead).order_by(Lead.id)).all()
        assert {(one.status, one.version, one.updated_at, one.created_at) for one in records} == {
            ("won", 3, T0 + 2 * HOUR, T0)
        }


def test_a_history_of_what_is_there_is_skipped_whole(
    store_engine: Engine, sessions: sessionmaker[Session]
) -> None:
    first = {"actor": "user:li", "reason": None, "now": NOW}
    assert load_history(store_engine, "lead", history("lea_1")[:1], **first) == 1  # type: ignore[arg-type]
    assert load_history(store_engine, "lead", history("lea_1") + history("lea_2"), **first) == 3  # type: ignore[arg-type]
    with sessions() as session:
        assert [state["status"] for state in states_of(session, "lead", "lea_1")] == ["new"]
        assert len(states_of(session, "lead", "lea_2")) == 3


def test_versions_of_many_records_may_be_interleaved(
    store_engine: Engine, sessions: sessionmaker[Session]
) -> None:
    versions = [row for many in (history(f"lea_{number}") for number in range(50)) for row in many]
    versions.sort(key=lambda row: row["recorded_at"])
    seen: list[tuple[int, int]] = []
    added = load_history(
        store_engine,
        "lead",
        versions,
        actor="user:li",
        reason=None,
        now=NOW,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert added == 150
    assert seen[-1] == (len(versions), len(versions))
    with sessions() as session:
        assert verify(session) == []


def test_a_history_can_come_as_an_arrow_table(store_engine: Engine, sessions: sessionmaker[Session]) -> None:
    """There an empty cell means unchanged."""
    table = pa.table(
        {
            "id": ["lea_1", "lea_1"],
            "source": ["crm", "crm"],
            "external_id": ["1", "1"],
            "recorded_at": moments(2),
            "company": ["甲", None],
            "status": ["new", "won"],
        }
    )
    assert load_history(store_engine, "lead", table, actor="user:li", reason=None, now=NOW) == 2
    with sessions() as session:
        assert session.execute(select(Lead.company, Lead.status)).all() == [("甲", "won")]
        assert verify(session) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fields": {"colour": "red"}}, "unknown_field"),
        ({"fields": {"status": "sold"}}, "not_allowed"),
        ({"fields": {"status": None}}, "required"),
        ({"fields": {"status": "lost"}, "recorded_at": T0 - HOUR}, "backdated"),
    ],
)
def test_one_impossible_version_stops_the_load(
    store_engine: Engine, sessions: sessionmaker[Session], change: dict[str, Any], code: str
) -> None:
    versions = [*history("lea_1"), history("lea_1")[2] | change]
    with pytest.raises(StoreError, match=code):
        load_history(store_engine, "lead", versions, actor="user:li", reason=None, now=NOW)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(ChangeLog)) == 0


@pytest.fixture
def subjects(sessions: sessionmaker[Session]) -> None:
    """A lead and an account that facts can be about."""
    with transaction(sessions) as session:
        for entity, record_id, field in [("lead", "lea_here", "company"), ("account", "acc_here", "name")]:
            values = {"source": "crm", "external_id": "here", field: "甲厂"}
            write_record(session, entity, record_id, values, actor="job:test", recorded_at=T0, now=T0)


def history(record_id: str) -> list[dict[str, Any]]:
    """Three versions, and a repetition that says nothing new."""
    steps: list[dict[str, Any]] = [
        {"company": "甲厂", "expected_volume": 3},
        {"status": "contacted", "closed_at": None},
        {"status": "contacted"},
        {"status": "won", "closed_at": T0 + 2 * HOUR},
    ]
    times = [T0, T0 + HOUR, T0 + HOUR, T0 + 2 * HOUR]
    return [
        {"id": record_id, "source": "crm", "external_id": record_id, "recorded_at": time, "fields": fields}
        for time, fields in zip(times, steps, strict=True)
    ]


def activities(*numbers: int) -> pa.Table:
    count = len(numbers)
    return pa.table(
        {
            "id": [f"act_{number}" for number in numbers],
            "source": ["crm"] * count,
            "external_id": [str(number) for number in numbers],
            "occurred_at": moments(count),
            "recorded_at": moments(count),
            "lead_id": ["lea_here"] * count,
            "channel": ["call"] * count,
            "direction": ["out"] * count,
        }
    )


def moments(count: int) -> pa.Array:
    return pa.array([T0 + index * HOUR for index in range(count)], pa.timestamp("us", tz="UTC"))
