"""A second database, which is the ERP: of the same kind as the store, and cleared between tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine


@pytest.fixture(scope="session")
def postgres_erp(request: pytest.FixtureRequest) -> Iterator[str]:
    server = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def erp_url(request: pytest.FixtureRequest, store_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database beside the store."""
    if store_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'erp.db'}"
        return
    url = request.getfixturevalue("postgres_erp")
    yield url
    engine, tables = create_engine(url), MetaData()
    tables.reflect(engine)
    tables.drop_all(engine)
    engine.dispose()
