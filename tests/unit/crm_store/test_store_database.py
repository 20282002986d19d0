"""The SQLite store keeps its promises about settings, transactions and waiting writers."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import open_engine, transaction
from crm_store.models import Identity, WebhookEndpoint

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
        session.add(endpoint("a"))
    with sqlite_sessions() as session:
        assert session.scalars(select(WebhookEndpoint.id)).all() == ["web_a"]


def test_a_transaction_that_raises_leaves_nothing(sqlite_sessions: sessionmaker[Session]) -> None:
    with pytest.raises(IntegrityError), transaction(sqlite_sessions) as session:
        session.add_all([endpoint("a"), endpoint("b", name="a")])
    with sqlite_sessions() as session:
        assert session.scalars(select(WebhookEndpoint.id)).all() == []


def test_a_reference_to_nobody_is_refused(sqlite_sessions: sessionmaker[Session]) -> None:
    identity = Identity(issuer="i", subject="s", user_id="use_nobody", created_at=NOW)
    with pytest.raises(IntegrityError), transaction(sqlite_sessions) as session:
        session.add(identity)


def test_a_second_writer_waits_for_the_first(sqlite_sessions: sessionmaker[Session]) -> None:
    """The first reads before it writes, which SQLite would refuse had it not taken the lock at once."""
    inside, order = threading.Event(), []

    def second() -> None:
        inside.wait()
        with transaction(sqlite_sessions) as session:
            session.add(endpoint("b"))
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with transaction(sqlite_sessions) as session:
        session.scalars(select(WebhookEndpoint)).all()
        inside.set()
        session.add(endpoint("a"))
        session.flush()
        order.append("first")
    thread.join()
    with sqlite_sessions() as session:
        assert sorted(session.scalars(select(WebhookEndpoint.id))) == ["web_a", "web_b"]
    assert order == ["first", "second"]


def test_moments_come_back_in_utc_to_the_microsecond(sqlite_sessions: sessionmaker[Session]) -> None:
    moment = datetime.fromisoformat("2026-03-01T08:00:00.123456+08:00")
    with transaction(sqlite_sessions) as session:
        session.add(endpoint("a", created_at=moment))
    with sqlite_sessions() as session:
        stored = session.scalars(select(WebhookEndpoint.created_at)).one()
    assert (stored, stored.tzinfo) == (moment, UTC)


def endpoint(key: str, created_at: datetime = NOW, name: str | None = None) -> WebhookEndpoint:
    return WebhookEndpoint(id=f"web_{key}", name=name or key, secret="sealed", created_at=created_at)
