"""Logs cannot be rewritten through the database, and whoever gets round that is found out, on both stores."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction, write_connection
from crm_store.models import Activity, ScoreLog
from crm_store.repositories.writes.changelog import ChainProblem, verify
from crm_store.repositories.writes.records import write_record

T0 = datetime(2026, 3, 1, tzinfo=UTC)
LOGS = ["change_log", "score_log", "activity"]


@pytest.mark.parametrize("table", LOGS)
def test_the_database_refuses_updates(full: None, store_engine: Engine, table: str) -> None:
    column = {"change_log": "actor", "score_log": "band", "activity": "text"}[table]
    with pytest.raises(DatabaseError, match="append-only"), write_connection(store_engine) as connection:
        connection.execute(text(f"UPDATE {table} SET {column} = 'x'"))


@pytest.mark.parametrize("table", LOGS)
def test_the_database_refuses_deletes(full: None, store_engine: Engine, table: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), write_connection(store_engine) as connection:
        connection.execute(text(f"DELETE FROM {table}"))


@pytest.mark.parametrize("table", LOGS)
def test_the_database_refuses_to_replace_or_truncate(full: None, store_engine: Engine, table: str) -> None:
    sqlite = store_engine.dialect.name == "sqlite"
    statement = (
        f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}" if sqlite else f"TRUNCATE {table} CASCADE"
    )
    with pytest.raises(DatabaseError, match="append-only"), write_connection(store_engine) as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lead SET need = 'x'",
        "UPDATE lead SET need = 'x', version = version + 1",
        "UPDATE lead SET version = version - 1",
        "INSERT INTO lead (id, source, external_id, created_at, updated_at, status, intake_state, version) "
        "SELECT 'lea_unlogged', source, 'unlogged', created_at, updated_at, status, intake_state, 1 "
        "FROM lead LIMIT 1",
    ],
)
def test_the_database_refuses_a_record_without_its_log_entry(
    full: None, store_engine: Engine, statement: str
) -> None:
    leads = text("SELECT * FROM lead ORDER BY id")
    with store_engine.connect() as connection:
        before = connection.execute(leads).all()
    with write_connection(store_engine) as connection:
        savepoint = connection.begin_nested()
        with pytest.raises(DatabaseError, match="no log entry for this version"):
            connection.execute(text(statement))
        if store_engine.dialect.name == "postgresql":
            savepoint.rollback()  # SQLite has taken the statement back, and its transaction can go on
    with store_engine.connect() as connection:
        assert connection.execute(leads).all() == before
    assert before


def test_an_untouched_store_has_no_problems(full: None, sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        assert verify(session) == []


def test_a_date_that_stands_for_no_end_is_no_tampering(sessions: sessionmaker[Session]) -> None:
    account = {"source": "s", "external_id": "1", "name": "云岭骨科医院"}
    paper = {
        "source": "s",
        "external_id": "2",
        "account_id": "acc_1",
        "kind": "business_license",
        "title": "执照",
    }
    for_ever = {"expires_at": datetime(9999, 12, 31, 15, 59, 59, tzinfo=UTC)}
    with transaction(sessions) as session:
        write_record(session, "account", "acc_1", account, actor="job:test", recorded_at=T0, now=T0)
        write_record(session, "document", "doc_1", paper | for_ever, actor="job:test", recorded_at=T0, now=T0)
    with sessions() as session:
        assert verify(session) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE change_log SET actor = 'wang' WHERE {second}", [(2, "altered")]),
        ("UPDATE change_log SET reason = 'x' WHERE {second}", [(2, "altered")]),
        ("UPDATE change_log SET recorded_at = written_at WHERE {second}", [(2, "altered")]),
        ("UPDATE change_log SET written_at = recorded_at WHERE {second}", [(2, "altered")]),
        ('UPDATE change_log SET changes = \'{{"need": [null, "x"]}}\' WHERE {second}', [(2, "altered")]),
        (
            "UPDATE change_log SET changes = '{{\"none\": [1, 2]}}' WHERE {third}",
            [(3, "altered"), (3, "state_differs")],
        ),
        ("UPDATE change_log SET hash = previous_hash WHERE {second}", [(2, "altered"), (3, "broken")]),
        ("DELETE FROM change_log WHERE {second}", [(3, "broken")]),
        ("DELETE FROM change_log WHERE {third}", [(3, "state_differs")]),
        ("DELETE FROM change_log WHERE entity_id = 'lea_1'", [(None, "no_log")]),
        ("UPDATE lead SET need = 'x' WHERE id = 'lea_1'", [(3, "state_differs")]),
        ("UPDATE lead SET version = 9 WHERE id = 'lea_1'", [(9, "state_differs")]),
        ("DELETE FROM lead WHERE id = 'lea_1'", [(None, "no_record")]),
    ],
)
def test_tampering_is_found_where_it_happened(
    full: None,
    store_engine: Engine,
    sessions: sessionmaker[Session],
    statement: str,
    expected: list[tuple[int | None, str]],
) -> None:
    places = {
        "second": "entity_id = 'lea_1' AND version = 2",
        "third": "entity_id = 'lea_1' AND version = 3",
    }
    with write_connection(store_engine) as connection:
        without_triggers(connection, statement.format(**places))
    with sessions() as session:
        found = verify(session)
    wanted = [ChainProblem("lead", "lea_1", version, code) for version, code in expected]
    assert [one for one in found if one not in wanted] in (
        [],
        [ChainProblem("lead", "lea_1", 3, "state_differs")],
    )
    assert [one for one in found if one in wanted] == wanted


@pytest.fixture
def full(sessions: sessionmaker[Session]) -> None:
    """Three leads with three versions each, an activity and a score."""
    for number in range(3):
        with transaction(sessions) as session:  # one each: a person changes no statuses in bulk
            _write_lead(session, number)
    with transaction(sessions) as session:
        session.add(Activity(**activity()))
        session.add(ScoreLog(**score()))


def _write_lead(session: Session, number: int) -> None:
    origin = {"source": "s", "external_id": str(number), "company": "甲"}
    for step, values in enumerate([origin, {"need": "试剂"}, {"status": "won"}]):
        write_record(
            session,
            "lead",
            f"lea_{number}",
            values,
            actor="user:li",
            recorded_at=T0 + timedelta(hours=step),
            now=T0 + timedelta(days=1),
        )


def activity() -> dict[str, Any]:
    return {
        "id": "act_1",
        "source": "s",
        "external_id": "1",
        "occurred_at": T0,
        "recorded_at": T0,
        "lead_id": "lea_2",
        "channel": "call",
        "direction": "out",
    }


def score() -> dict[str, Any]:
    return {
        "model": "lead_health",
        "entity_id": "lea_1",
        "value": 65.0,
        "band": "yellow",
        "source": "rules",
        "version": "1",
        "as_of": T0,
        "scored_at": T0,
        "reasons": [],
    }


def without_triggers(connection: Connection, statement: str) -> None:
    """Do what someone with the database's own powers could do."""
    if connection.dialect.name == "sqlite":
        for trigger in (
            "change_log_refuses_update",
            "change_log_refuses_delete",
            "lead_logs_update",
            "lead_refuses_delete",
        ):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
    else:
        connection.execute(text("SET session_replication_role = replica"))
    connection.execute(text(statement.replace(":", "\\:")))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = origin"))
