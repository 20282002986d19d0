"""One small company whose every dependency can be made to fail."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from sqlalchemy import make_url

from tests.integration.dependencies.company import Company, file_rows, redis_rows
from tests.integration.dependencies.proxy import Proxy
from tests.integration.models.conftest import two_bundles
from training.bundle import Bundle
from training.bundle.hazard import PERIOD
from training.calibration import Calibrator
from training.encoding import Encoding

__all__ = ["two_bundles"]
REDIS_PORT, POSTGRES_PORT = 6379, 5432


@pytest.fixture(scope="session")
def hazard(two_bundles: tuple[Bundle, Bundle]) -> Bundle:
    """Who chats little is lost when the contract has ended."""
    generator = np.random.default_rng(7)
    rows = generator.uniform(-60, 60, (400, 2 + len(PERIOD)))
    labels = (rows[:, 0] < 0) & (rows[:, 3] < 0)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 20}
    features = ("account_chats_30d", "account_days_to_expiry", *PERIOD)
    data = lightgbm.Dataset(rows, labels.astype(float), feature_name=list(features))
    booster = lightgbm.train(settings, data, 5)
    return replace(
        two_bundles[0],
        model="account_renewal",
        version="renewal",
        entity="account",
        meaning="health",
        encoding=Encoding(features, {}),
        calibrator=Calibrator("platt", (1.0, -2.0)),
        booster=booster.model_to_string(),
        weeks=26,
    )


@pytest.fixture
def models(two_bundles: tuple[Bundle, Bundle], hazard: Bundle, tmp_path: Path) -> Path:
    """A models folder with two versions of what scores leads, and one of every other model."""
    folder = tmp_path / "models"
    others = [
        replace(two_bundles[0], model="account_churn", version="churn", entity="account", meaning="health"),
        replace(two_bundles[0], model="lead_match", version="match", entity="pair"),
    ]
    for bundle in (*two_bundles, *others, hazard):
        bundle.save(folder / bundle.model / bundle.version)
    return folder


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
