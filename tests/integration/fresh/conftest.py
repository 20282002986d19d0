from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.fresh.fresh_home import Home


@pytest.fixture
def home(tmp_path: Path, store_url: str) -> Iterator[Home]:
    home = Home(tmp_path / "home", store_url)
    yield home
    home.close()


@pytest.fixture
def sqlite_home(tmp_path: Path, sqlite_url: str) -> Iterator[Home]:
    home = Home(tmp_path / "home", sqlite_url)
    yield home
    home.close()
