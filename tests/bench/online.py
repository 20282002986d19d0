"""Our packed online store against stock Feast on SQLite: 40 features, the same values, in one run.

Three ways: the direct path (a matrix in model order), Feast's own ``get_online_features`` on our store, and
the same on Feast's stock store, which is the reference. A ratio above 1 says how many times faster we are.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ENTITIES, FEATURES = 2_000, 40
NAMES = [f"f{number:02d}" for number in range(FEATURES)]
RUNS = 5
VIEW = "bench.features"


def run() -> dict[str, Any]:
    """Return ratios of medians (stock Feast to ours): one entity, 1,000 entities, materialising."""
    import numpy as np
    import pandas as pd

    from features.online_rows.layout import Layout
    from features.online_rows.matrix import read_matrix, write_frame
    from features.online_rows.sqlite_rows import SqliteRows

    now = datetime.now(UTC).replace(microsecond=0)
    values = np.random.default_rng(1).normal(size=(ENTITIES, FEATURES))
    ids = [f"lea_{number:024d}" for number in range(ENTITIES)]
    frame = pd.DataFrame(values, columns=NAMES).assign(entity_id=ids, as_of=pd.Timestamp(now))
    rows_of = [{"lead_id": entity_id} for entity_id in ids]
    refs = [f"features:{name}" for name in NAMES]
    layout = Layout.of(NAMES, [])
    with TemporaryDirectory() as folder:
        stock = _feast(Path(folder) / "stock", {"type": "sqlite", "path": "online.db"})
        packed = "features.feast_repo.online_store.PackedSqliteOnlineStore"
        ours = _feast(Path(folder) / "ours", {"type": packed, "path": "online.db"})
        direct = SqliteRows(Path(folder) / "direct.db")
        published = frame.rename(columns={"entity_id": "lead_id", "as_of": "event_timestamp"})
        write_stock = _median(lambda: stock.write_to_online_store("features", published), 3)
        write_ours = _median(lambda: write_frame(direct, VIEW, layout, frame), RUNS)
        write_feast = _median(lambda: ours.write_to_online_store("features", published), 3)
        result: dict[str, Any] = {"entities": ENTITIES, "features": FEATURES}
        for label, count, calls in (("one", 1, 200), ("thousand", 1_000, 3)):
            some = rows_of[:count]
            stock_s = _median(
                lambda n=some: stock.get_online_features(features=refs, entity_rows=n), RUNS, calls
            )
            ours_s = _median(
                lambda n=some: ours.get_online_features(features=refs, entity_rows=n), RUNS, calls
            )
            direct_s = _median(lambda n=count: read_matrix(direct, VIEW, ids[:n], NAMES), RUNS, calls * 10)
            result[f"{label}_direct"] = round(stock_s / direct_s, 1)
            result[f"{label}_through_feast"] = round(stock_s / ours_s, 2)
            result[f"{label}_direct_us"] = round(direct_s * 1e6, 1)
        direct.close()
    result["materialise_direct"] = round(write_stock / write_ours, 1)
    result["materialise_through_feast"] = round(write_stock / write_feast, 2)
    result["materialise_rows_per_s"] = round(ENTITIES / write_ours)
    return result


def _median(call: Callable[[], Any], runs: int, calls: int = 1) -> float:
    """Return the median seconds of one call, after one that warms up."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        times.append((time.perf_counter() - start) / calls)
    return statistics.median(times)


def _feast(folder: Path, online: dict[str, str]) -> Any:
    """Return a Feast store with one view of 40 numbers, online in the given way."""
    import warnings

    import yaml

    warnings.simplefilter("ignore")
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
    from feast.types import Float64, String

    folder.mkdir()
    settings = {
        "project": "bench",
        "provider": "local",
        "registry": {"registry_type": "file", "path": "registry.db"},
        "offline_store": {"type": "duckdb"},
        "online_store": online,
        "entity_key_serialization_version": 3,
    }
    (folder / "feature_store.yaml").write_text(yaml.safe_dump(settings))
    lead = Entity(name="lead", join_keys=["lead_id"], value_type=ValueType.STRING)
    view = FeatureView(
        name="features",
        entities=[lead],
        ttl=timedelta(days=30),
        schema=[Field(name="lead_id", dtype=String), *(Field(name=name, dtype=Float64) for name in NAMES)],
        source=FileSource(path=str(folder / "none.parquet"), timestamp_field="event_timestamp"),
        online=True,
    )
    store = FeatureStore(repo_path=str(folder))
    store.apply([lead, view])
    return store
