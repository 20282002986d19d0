"""The SQLite store under the name that tests of either store use."""

import pytest
from sqlalchemy.orm import Session, sessionmaker


@pytest.fixture
def sessions(sqlite_sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    return sqlite_sessions
