"""The local registry, and a store to keep its answers in."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from crm_store.intake.registry.breaker import CircuitBreaker
from crm_store.intake.registry.enrich import Enricher, Limits
from tests.integration.registry.local_registry import Clock, Registry


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.patience.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def enricher(registry: Registry, sessions: sessionmaker[Session], clock: Clock) -> Enricher:
    return Enricher(sessions, registry.provider(), CircuitBreaker(clock), Limits(look_ups_a_day=10))
