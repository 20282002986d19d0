"""Stores of both kinds. A test that takes ``store_url``, ``store_engine`` or ``sessions`` runs on each."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import migrate, open_engine, session_factory

_BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


class PostgresServer:
    """Makes and drops databases with names of their own, so that parallel runs never meet."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._prefix = f"leadpulse_test_{uuid.uuid4().hex[:12]}"
        self._made: list[str] = []
        self._template: str | None = None

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
    name = postgres_server.create_migrated()
    yield postgres_server.url(name)
    postgres_server.drop(name)


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
