"""Engines, transactions and migrations for both stores. Whoever wires the parts together enters here."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 30_000
"""How long a SQLite writer waits for the one before it."""

# Recursive triggers make INSERT OR REPLACE fire the triggers that refuse deletes. A batch touches more pages
# than the 2 MB that SQLite keeps by itself; it would write them out and read them again before the commit.
_SQLITE_SETTINGS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA cache_size=-16384",
)
_WRITES = {"sqlite_begin": "IMMEDIATE"}
# Compiling a query takes a second or two, and starts when a page of a narrowed list is guessed to be dear.
_POSTGRES_SETTINGS = "-c timezone=UTC -c synchronous_commit=on -c jit=off"
# Seconds, and milliseconds of what was sent and not received: a connection whose other end is gone ends.
_POSTGRES_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def open_engine(url: str) -> Engine:
    """Open a store by its URL: ``sqlite:///file`` or ``postgresql://…`` (always through psycopg 3, in UTC).

    Raises ValueError for any other kind of store.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(url)
    if backend == "postgresql":
        options = f"{parsed.query.get('options', '')} {_POSTGRES_SETTINGS}".strip()
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            connect_args={
                **{name: value for name, value in _POSTGRES_PATIENCE.items() if name not in parsed.query},
                "options": options,
            },
            pool_pre_ping=True,
        )
    raise ValueError(f"no such kind of store: {backend}")


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Return the maker of sessions. What a session has read stays readable after its commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(factory: sessionmaker[Session]) -> Iterator[Session]:
    """Give a session that may write, commit it once at the end, and roll it back when anything raises.

    On SQLite it takes the write lock at once: a transaction that reads first and writes later would be
    refused, without waiting, when another writer came between. For reading only, use ``factory()``.
    """
    with factory() as session, session.begin():
        session.connection(execution_options=_WRITES)
        yield session


@contextmanager
def write_connection(engine: Engine) -> Iterator[Connection]:
    """Give a connection in one write transaction, for bulk work below the ORM."""
    with engine.connect() as connection:
        connection = connection.execution_options(**_WRITES)
        with connection.begin():
            yield connection


def migrate(url: str, revision: str = "head") -> None:
    """Bring the store's schema forward to ``revision``. Safe to call from several processes at once."""
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Take the store's schema back to ``revision``; ``base`` removes every table and its rows."""
    _run(url, lambda config: command.downgrade(config, revision))


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Turn the driver's implicit transactions off, so that DDL and reads are in ours, and apply settings."""
    connection.isolation_level = None
    for setting in _SQLITE_SETTINGS:
        connection.execute(setting).close()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _run(url: str, step: Any) -> None:
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                # Batch migrations drop and recreate tables, which foreign keys would refuse; outside a
                # transaction, because SQLite ignores this setting within one.
                connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection.execution_options(**_WRITES)
            step(config)
    finally:
        engine.dispose()
