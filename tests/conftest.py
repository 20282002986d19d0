"""Fixtures for every test: services that a machine may lack, and a fresh SQLite store."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import migrate, open_engine, session_factory

os.environ["TZ"] = "UTC"
os.environ["GOMP_SPINCOUNT"] = "1000"  # as ``import_lightgbm`` has it; some tests import LightGBM
# A busy machine is no failure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

_VARIABLES = {
    "postgres": "LEADPULSE_TEST_POSTGRES",
    "redis": "LEADPULSE_TEST_REDIS",
    "chromium": "LEADPULSE_TEST_CHROMIUM",
    "libreoffice": "LEADPULSE_TEST_LIBREOFFICE",
    "olist": "LEADPULSE_TEST_OLIST",
    "java": "LEADPULSE_TEST_JAVA",
}
_PROGRAMS = {"chromium": "chromium", "libreoffice": "soffice", "java": "java"}
# Public data is no service: it is absent wherever its licence keeps it out. Spark is an optional extra.
_MAY_ALWAYS_LACK = {"olist", "java"}


def require_service(name: str) -> str:
    """Return where a service is (a URL or a path). Without it, skip; or fail, where services are required."""
    variable = _VARIABLES[name]
    found = os.environ.get(variable) or shutil.which(_PROGRAMS.get(name, ""))
    if found:
        return found
    reason = f"no {name}: set {variable}"
    if os.environ.get("LEADPULSE_REQUIRE_SERVICES") == "1" and name not in _MAY_ALWAYS_LACK:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """``require("redis")`` gives the service's URL or ends the test as ``require_service`` says."""
    return require_service


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated, empty SQLite store, to be copied and never opened."""
    path = tmp_path_factory.mktemp("store") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated SQLite store of this test's own."""
    path = tmp_path / "store.db"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_sessions(sqlite_engine: Engine) -> sessionmaker[Session]:
    return session_factory(sqlite_engine)
