"""One cluster for all Spark tests, which run in one worker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from features.store import FeatureStore
from tests.integration.spark.cluster import SHORT_LIVED, cluster
from tests.parity.histories import make_history
from tests.unit.features.conftest import write_sources


@pytest.fixture(scope="session")
def master(require: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require("java")
    pytest.importorskip("pyspark", reason="the extra leadpulse[spark] is not installed")
    from features.engines.spark_engine import session_at

    with cluster(tmp_path_factory.mktemp("cluster")) as url:
        settings = {
            "spark.sql.shuffle.partitions": "2",
            # Compiling, and planning anew after each stage, would take longer than these few rows.
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.sql.adaptive.enabled": "false",
            "spark.executor.memory": "700m",
            "spark.executor.extraJavaOptions": SHORT_LIVED,
            "spark.driver.extraJavaOptions": SHORT_LIVED,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
        }
        session = session_at(url, settings)
        yield url
        session.stop()


@pytest.fixture(scope="session")
def spark_store(master: str, tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    folder: Path = tmp_path_factory.mktemp("features")
    write_sources(folder / "sources", make_history(seed=11, size=300))
    store = FeatureStore(folder, spark=master)
    store.apply()
    return store
