"""One set of lead features by DuckDB in this process and by Spark on a cluster of two workers, by size.

Both go from Parquet to Parquet. ``--activities N …`` chooses sizes. Spark's time is without its start-up.
"""

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from features.catalog import names_of
from features.engines import ibis_engine, spark_engine
from features.engines.duckdb_tables import Room
from tests.bench._feature_files import write_lead_sources
from tests.integration.spark.cluster import cluster

SIZES = (10_000, 100_000, 1_000_000)
ROOM = Room(memory_mb=6000, threads=2, spill=Path())


def run(*options: str) -> dict[str, Any]:
    """Return seconds by size and Spark's time over DuckDB's; rows are counted on both sides."""
    sizes = [int(one.replace("_", "")) for one in options[1:]] if options[:1] == ("--activities",) else SIZES
    found: dict[str, Any] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        with cluster(folder, memory="2g") as master:
            session = spark_engine.session_at(
                master,
                {
                    "spark.executor.memory": "1600m",
                    "spark.sql.shuffle.partitions": "8",
                    "spark.driver.host": "127.0.0.1",
                    "spark.driver.bindAddress": "127.0.0.1",
                },
            )
            for size in (sizes[0], *sizes):  # the first warms both up
                found[f"{size}"] = _both(folder / str(size), size, session)
            session.stop()
    return {"spark_to_duckdb": {size: one["ratio"] for size, one in found.items()}, "seconds": found}


def _both(folder: Path, size: int, session: Any) -> dict[str, float]:
    import pyarrow.parquet as pq

    folder.mkdir(exist_ok=True)
    leads = write_lead_sources(folder, size)
    asked, names = folder / "asked.parquet", names_of("lead")
    room = Room(ROOM.memory_mb, ROOM.threads, folder)
    begun = time.perf_counter()
    ibis_engine.compute_parquet("lead", asked, folder, names, folder / "duckdb.parquet", room)
    duckdb = time.perf_counter() - begun
    begun = time.perf_counter()
    spark_engine.compute_parquet("lead", asked, folder, names, folder / "spark", session)
    spark = time.perf_counter() - begun
    for made in (folder / "duckdb.parquet", folder / "spark"):
        assert pq.read_table(made, columns=["entity_id"]).num_rows == leads
    point = {"duckdb_s": round(duckdb, 2), "spark_s": round(spark, 2), "ratio": round(spark / duckdb, 2)}
    os.write(2, (json.dumps({"activities": size, **point}) + "\n").encode())
    return point
