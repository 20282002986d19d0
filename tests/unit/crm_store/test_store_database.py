"""The SQLite store keeps its promises about settings, transactions and waiting writers."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import open_engine, transaction
from crm_store.models import Account, Team

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
def test_every_connection_has_the_settings(sqlite_engine: Engine, setting: str, value: object) -> None:
    with sqlite_engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {setting}").scalar() == value


def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(ValueError, match="mysql"):
        open_engine("mysql://localhost/leads")


def test_a_transaction_commits_once_at_its_end(sqlite_sessions: sessionmaker[Session]) -> None:
    with transaction(sqlite_sessions) as session:
        session.add(team("a"))
    with sqlite_sessions() as session:
        assert session.scalars(select(Team.id)).all() == ["tea_a"]


def test_a_transaction_that_raises_leaves_nothing(sqlite_sessions: sessionmaker[Session]) -> None:
    with pytest.raises(IntegrityError), transaction(sqlite_sessions) as session:
        session.add_all([team("a"), team("b", external_id="a")])
    with sqlite_sessions() as session:
        assert session.scalars(select(Team.id)).all() == []


def test_a_reference_to_nobody_is_refused(sqlite_sessions: sessionmaker[Session]) -> None:
    account = Account(
        id="acc_1",
        source="s",
        external_id="1",
        created_at=NOW,
        updated_at=NOW,
        name="甲",
        owner_id="rep_none",
    )
    with pytest.raises(IntegrityError), transaction(sqlite_sessions) as session:
        session.add(account)


def test_a_second_writer_waits_for_the_first(sqlite_sessions: sessionmaker[Session]) -> None:
    """The first reads before it writes, which SQLite would refuse had it not taken the lock at once."""
    inside, order = threading.Event(), []

    def second() -> None:
        inside.wait()
        with transaction(sqlite_sessions) as session:
            session.add(team("b"))
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with transaction(sqlite_sessions) as session:
        session.scalars(select(Team)).all()
        inside.set()
        session.add(team("a"))
        session.flush()
        order.append("first")
    thread.join()
    with sqlite_sessions() as session:
        assert sorted(session.scalars(select(Team.id))) == ["tea_a", "tea_b"]
    assert order == ["first", "second"]


def test_moments_come_back_in_utc_to_the_microsecond(sqlite_sessions: sessionmaker[Session]) -> None:
    moment = datetime.fromisoformat("2026-03-01T08:00:00.123456+08:00")
    with transaction(sqlite_sessions) as session:
        session.add(team("a", created_at=moment))
    with sqlite_sessions() as session:
        stored = session.scalars(select(Team.created_at)).one()
    assert (stored, stored.tzinfo) == (moment, UTC)


def team(name: str, created_at: datetime = NOW, external_id: str | None = None) -> Team:
    return Team(
        id=f"tea_{name}",
        source="s",
        external_id=external_id or name,
        created_at=created_at,
        updated_at=NOW,
        name=name,
    )
