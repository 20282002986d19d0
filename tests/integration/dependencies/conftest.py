"""One small company whose every dependency can be made to fail."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.integration.dependencies.company import Company, file_rows, redis_rows
from tests.integration.dependencies.proxy import Proxy
from tests.integration.models.conftest import models, two_bundles

__all__ = ["models", "two_bundles"]
REDIS_PORT, POSTGRES_PORT = 6379, 5432


@pytest.fixture
def on_files(models: Path, sqlite_url: str, tmp_path: Path) -> Iterator[Company]:
    """Both stores in files."""
    with Company.opened(sqlite_url, file_rows(tmp_path), models) as company:
        yield company


@pytest.fixture
def store_proxy(postgres_url: str) -> Iterator[Proxy]:
    url = make_url(postgres_url)
    proxy = Proxy((url.host or "127.0.0.1", url.port or POSTGRES_PORT))
    yield proxy
    proxy.close()


@pytest.fixture
def online_proxy(require: Callable[[str], str]) -> Iterator[Proxy]:
    url = make_url(require("redis"))
    proxy = Proxy((url.host or "127.0.0.1", url.port or REDIS_PORT))
    yield proxy
    proxy.close()


@pytest.fixture
def on_servers(models: Path, postgres_url: str, store_proxy: Proxy, online_proxy: Proxy) -> Iterator[Company]:
    """The record store on PostgreSQL, the online features in Redis, each behind its proxy."""
    store = make_url(postgres_url).set(host="127.0.0.1", port=store_proxy.port)
    online = make_url(os.environ["LEADPULSE_TEST_REDIS"]).set(host="127.0.0.1", port=online_proxy.port)
    rows = redis_rows(online.render_as_string(hide_password=False))
    with Company.opened(store.render_as_string(hide_password=False), rows, models) as company:
        yield company
        store_proxy.close()  # what still hangs there ends, before anybody waits for it
        online_proxy.close()
