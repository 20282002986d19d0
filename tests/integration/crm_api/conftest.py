"""The interface over a fresh store."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from tests.integration.crm_api.office import Api, api_over


@pytest.fixture
def api(store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path) -> Api:
    """The interface over a fresh store, on SQLite and on PostgreSQL."""
    return api_over(store_engine, sessions, tmp_path)


@pytest.fixture
def sqlite_api(sqlite_engine: Engine, sqlite_sessions: sessionmaker[Session], tmp_path: Path) -> Api:
    """The interface over a fresh SQLite store, for what does not depend on the store."""
    return api_over(sqlite_engine, sqlite_sessions, tmp_path)
