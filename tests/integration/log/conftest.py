"""Several threads that start at once, and stores on a PostgreSQL cluster of these tests' own."""

import threading
from collections.abc import Callable, Iterator

import pytest
from log_helpers import Together
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import open_engine, session_factory
from tests.integration.conftest import PostgresServer
from tests.private_postgres import PrivatePostgres, binaries


@pytest.fixture
def together() -> Together:
    """Run a function in several threads that start at once, and raise what any of them raised."""

    def run(count: int, work: Callable[[int], object]) -> None:
        start, errors = threading.Barrier(count), []

        def one(number: int) -> None:
            start.wait()
            try:
                work(number)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    return run


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_sessions(postgres_engine: Engine) -> sessionmaker[Session]:
    return session_factory(postgres_engine)


@pytest.fixture(scope="session")
def postgres_server(require: Callable[[str], str]) -> Iterator[PostgresServer]:
    """A cluster without other tests' open transactions, which would hold the feed and the seals back."""
    given = require("postgres")
    cluster = PrivatePostgres(durable=False) if binaries() else None
    server = PostgresServer(cluster.url if cluster else given)
    yield server
    server.close()
    if cluster:
        cluster.close()
