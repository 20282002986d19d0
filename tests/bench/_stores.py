"""Fresh, migrated stores of both kinds for benches of the record store."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, create_engine, make_url, text

from crm_store.database import migrate, open_engine

POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


@contextmanager
def sqlite_store() -> Iterator[Engine]:
    """Give a store in a temporary folder."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        migrate(url)
        engine = open_engine(url)
        yield engine
        engine.dispose()


@contextmanager
def postgres_store() -> Iterator[Engine]:
    """Give a database of its own."""
    server = make_url(_url())
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"leadpulse_bench_{uuid.uuid4().hex[:12]}"
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    url = server.set(database=name).render_as_string(hide_password=False)
    migrate(url)
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


def stores() -> dict[str, object]:
    """Return the makers of stores by name; PostgreSQL only where it answers."""
    found: dict[str, object] = {"sqlite": sqlite_store}
    engine = create_engine(_url(), connect_args={"connect_timeout": 3})
    try:
        with engine.connect():
            found["postgres"] = postgres_store
    except Exception:
        if "LEADPULSE_TEST_POSTGRES" in os.environ:
            raise
    finally:
        engine.dispose()
    return found


def without_triggers(engine: Engine, table: str) -> None:
    """Take the log's triggers off a record table: for the reference, which writes no log."""
    with engine.begin() as connection:
        names = ["logs_insert", "logs_update"]
        on = ""
        if engine.dialect.name == "postgresql":
            names.append("raises_version")
            on = f" ON {table}"
        for name in names:
            connection.execute(text(f"DROP TRIGGER {table}_{name}{on}"))


def analyzed(engine: Engine) -> None:
    """Let PostgreSQL plan by what is there, as its own housekeeping does after a while."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("ANALYZE"))


def _url() -> str:
    return os.environ.get("LEADPULSE_TEST_POSTGRES", POSTGRES).replace(
        "postgresql://", "postgresql+psycopg://"
    )
