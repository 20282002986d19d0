"""Stores of both kinds. A test that takes ``store_url``, ``store_engine`` or ``sessions`` runs on each."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import migrate, open_engine, session_factory

_BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


# What a test wrote goes without the triggers that keep it; dropping a database would wait for a checkpoint.
_EMPTY = text("""
DO $$ DECLARE one record; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
  LOOP
    EXECUTE format('DELETE FROM %I', one.tablename);
  END LOOP;
  FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
  LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', one.sequencename);
  END LOOP;
END $$
""")
_SCHEMA = text("""
SELECT md5(string_agg(one, ',' ORDER BY one)) FROM (
  SELECT concat_ws(' ', tgname, tgrelid::regclass, tgenabled, tgfoid::regproc) AS one FROM pg_trigger
  UNION ALL SELECT concat_ws(' ', attname, attrelid::regclass, atttypid, attnotnull) FROM pg_attribute
    WHERE attrelid >= 16384 AND attnum > 0
  UNION ALL SELECT concat_ws(' ', conname, conrelid::regclass, convalidated) FROM pg_constraint
  UNION ALL SELECT concat_ws(' ', proname, md5(prosrc)) FROM pg_proc WHERE oid >= 16384
) AS all_of_it
""")
_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class PostgresServer:
    """Makes and drops databases with names of their own, so that parallel runs never meet."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._prefix = f"leadpulse_test_{uuid.uuid4().hex[:12]}"
        self._made: list[str] = []
        self._template: str | None = None
        self._schema: str | None = None
        self._empty: list[str] = []

    def create(self, template: str = "template0") -> str:
        name = f"{self._prefix}_{len(self._made)}"
        self._made.append(name)
        with self._engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        return name

    def create_migrated(self) -> str:
        if self._template is None:
            self._template = self.create()
            migrate(self.url(self._template))
        return self.create(self._template)

    def take_migrated(self) -> str:
        """Return a migrated, empty database: one that a test has left as it was, or a new one."""
        return self._empty.pop() if self._empty else self.create_migrated()

    def give_back(self, name: str) -> None:
        """Empty a database for the next test; drop one whose schema the test has changed."""
        engine = create_engine(self._url.set(database=name))
        with engine.begin() as connection:
            connection.execute(_OTHERS)
            schema = connection.scalar(_SCHEMA)
            self._schema = self._schema or self._schema_of_template()
            if schema == self._schema:
                connection.execute(_EMPTY)
                self._empty.append(name)
        engine.dispose()
        if name not in self._empty:
            self.drop(name)

    def _schema_of_template(self) -> str:
        assert self._template is not None
        engine = create_engine(self._url.set(database=self._template))
        with engine.connect() as connection:
            schema = connection.scalar(_SCHEMA)
        engine.dispose()
        return str(schema)

    def drop(self, name: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def url(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def close(self) -> None:
        for name in self._made:
            self.drop(name)
        self._engine.dispose()


@pytest.fixture(scope="session")
def postgres_server(require: Callable[[str], str]) -> Iterator[PostgresServer]:
    server = PostgresServer(require("postgres"))
    yield server
    server.close()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, migrated PostgreSQL database of this test's own."""
    name = postgres_server.take_migrated()
    yield postgres_server.url(name)
    postgres_server.give_back(name)


@pytest.fixture(params=_BOTH)
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated store, on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=_BOTH)
def empty_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a store without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def store_engine(store_url: str) -> Iterator[Engine]:
    engine = open_engine(store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(store_engine: Engine) -> sessionmaker[Session]:
    return session_factory(store_engine)
