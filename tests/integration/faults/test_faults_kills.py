"""Killed at any moment, the application and the database lose nothing acknowledged and do nothing twice."""

import random
import threading
from collections.abc import Callable, Iterator
from multiprocessing import get_context

import fault_steps
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from crm_store.database import migrate, open_engine, session_factory
from tests.private_postgres import PrivatePostgres, binaries
from tests.sizes import full

APP_KILLS = full(8, 100)
DATABASE_KILLS = full(4, 100)


def test_a_killed_application_keeps_its_word(store_url: str, store_engine: Engine) -> None:
    """A client with a ledger; its process is killed after some steps, and the next one goes on from there."""
    fault_steps.prepare(session_factory(store_engine))
    processes = get_context("forkserver")
    processes.set_forkserver_preload(["crm_store.repositories.writes.records"])
    chance, next_step = random.Random(1), 0
    for _ in range(APP_KILLS):
        ledger, writing = processes.Pipe(duplex=False)
        client = processes.Process(target=fault_steps.work, args=(store_url, next_step, writing))
        client.start()
        writing.close()
        for _ in range(chance.randrange(1, 15)):
            next_step = ledger.recv() + 1
        client.kill()
        client.join()
        try:
            while True:  # acknowledged before the kill, and not yet read
                next_step = ledger.recv() + 1
        except EOFError:
            ledger.close()
    fault_steps.check(store_engine, next_step)


@pytest.mark.postgres
def test_a_killed_database_keeps_its_word(cluster: PrivatePostgres) -> None:
    """The client goes on asking for the step that failed until the database is there again."""
    engine = open_engine(cluster.url)
    sessions = session_factory(engine)
    fault_steps.prepare(sessions)
    stop, moved, done = threading.Event(), threading.Condition(), [0]

    def client() -> None:
        while not stop.is_set():
            try:
                fault_steps.step(sessions, done[0])
            except DBAPIError:
                continue
            with moved:
                done[0] += 1
                moved.notify()

    chance = random.Random(2)
    worker = threading.Thread(target=client)
    worker.start()
    for _ in range(DATABASE_KILLS):
        with moved:
            goal = done[0] + chance.randrange(1, 40)
            assert moved.wait_for(lambda goal=goal: done[0] >= goal, timeout=60)
        cluster.crash()
        cluster.start()
    stop.set()
    worker.join()
    fault_steps.check(engine, done[0])
    engine.dispose()


@pytest.mark.postgres
def test_a_commit_on_postgres_waits_for_the_disk(cluster: PrivatePostgres) -> None:
    engine = open_engine(cluster.url)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"
        assert connection.scalar(text("SHOW fsync")) == "on"
    engine.dispose()


@pytest.fixture(scope="module")
def _running(require: Callable[[str], str]) -> Iterator[PrivatePostgres]:
    require("postgres")
    if binaries() is None:
        pytest.skip("no pg_ctl to start a cluster with")
    cluster = PrivatePostgres()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(_running: PrivatePostgres) -> PrivatePostgres:
    """A cluster of our own to kill, with an empty store in it."""
    engine = open_engine(_running.url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    migrate(_running.url)
    return _running
