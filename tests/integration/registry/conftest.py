"""The local registry, and a store to keep its answers in."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from crm_store.intake.registry.breaker import CircuitBreaker
from crm_store.intake.registry.enrich import Enricher, Limits
from tests.integration.registry.local_registry import Clock, Registry, serving


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def enricher(registry: Registry, sessions: sessionmaker[Session], clock: Clock) -> Enricher:
    return Enricher(sessions, registry.provider(), CircuitBreaker(clock), Limits(look_ups_a_day=10))
