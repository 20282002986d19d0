"""One company for a module of tests, on each store; a test that writes to it takes care of the others."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_store.database import open_engine, session_factory, transaction
from tests.integration.policy.company import Company, fill

_BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="module", params=_BOTH)
def company(
    request: pytest.FixtureRequest, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    name = None
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("company") / "store.db"
        shutil.copyfile(migrated_sqlite, path)
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgres_server")
        name = server.create_migrated()
        url = server.url(name)
    engine = open_engine(url)
    made = Company(session_factory(engine))
    with transaction(made.sessions) as session:
        fill(session)
    yield made
    engine.dispose()
    if name is not None:
        server.drop(name)
