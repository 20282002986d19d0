"""One set of lead features by DuckDB in this process and by Spark on a cluster of two workers, by size.

Both go from Parquet to Parquet. Seconds are of the clock and of all processors, which a busy machine
stretches less; Spark's are without its start-up. ``--activities N …`` chooses sizes.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from features.catalog import names_of
from features.engines import ibis_engine, spark_engine
from features.engines.duckdb_tables import Room
from tests.bench._feature_files import write_lead_sources
from tests.integration.spark.cluster import cluster

SIZES = (10_000, 100_000, 1_000_000)
ROOM = Room(memory_mb=6000, threads=2, spill=Path())


def run(*options: str) -> dict[str, Any]:
    """Return seconds by size, Spark's over DuckDB's, what each takes a million rows, and where they meet.

    ``crossing`` is the size from which on Spark takes less processor time, None if that grows faster than
    DuckDB's. Rows are counted on both sides.
    """
    sizes = [int(one.replace("_", "")) for one in options[1:]] if options[:1] == ("--activities",) else SIZES
    found: dict[int, Any] = {}
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
                found[size] = _both(folder / str(size), size, session)
            session.stop()
    lines = {engine: _line(found, engine) for engine in ("duckdb", "spark")}
    return {
        "spark_to_duckdb": {size: one["ratio"] for size, one in found.items()},
        "spark_to_duckdb_cpu": {size: one["cpu_ratio"] for size, one in found.items()},
        "cpu_s_a_million": {engine: round(slope, 2) for engine, (slope, _) in lines.items()},
        "crossing": _crossing(*lines["duckdb"], *lines["spark"]),
        "seconds": found,
    }


def _both(folder: Path, size: int, session: Any) -> dict[str, float]:
    import pyarrow.parquet as pq

    folder.mkdir(exist_ok=True)
    leads = write_lead_sources(folder, size)
    asked, names = folder / "asked.parquet", names_of("lead")
    room = Room(ROOM.memory_mb, ROOM.threads, folder)
    duckdb = _taken(
        ibis_engine.compute_parquet, "lead", asked, folder, names, folder / "duckdb.parquet", room
    )
    spark = _taken(spark_engine.compute_parquet, "lead", asked, folder, names, folder / "spark", session)
    for made in (folder / "duckdb.parquet", folder / "spark"):
        assert pq.read_table(made, columns=["entity_id"]).num_rows == leads
    point = {
        "duckdb_s": duckdb[0],
        "spark_s": spark[0],
        "ratio": round(spark[0] / duckdb[0], 2),
        "duckdb_cpu_s": duckdb[1],
        "spark_cpu_s": spark[1],
        "cpu_ratio": round(spark[1] / duckdb[1], 2),
    }
    os.write(2, (json.dumps({"activities": size, **point}) + "\n").encode())
    return point


def _taken(call: Callable[..., None], *given: Any) -> tuple[float, float]:
    """Return the seconds of the clock, and those of the processors in this process and all below it."""
    clock, cpu = time.perf_counter(), _cpu()
    call(*given)
    return round(time.perf_counter() - clock, 2), round(_cpu() - cpu, 2)


def _cpu() -> float:
    """Add up what the living processes from this one down have taken (Linux)."""
    below: dict[int, list[int]] = {}
    taken: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        process = int(file.parent.name)
        below.setdefault(int(fields[1]), []).append(process)
        taken[process] = int(fields[11]) + int(fields[12])
    every = [os.getpid()]
    for process in every:
        every += below.get(process, [])
    return sum(taken.get(process, 0) for process in every) / os.sysconf("SC_CLK_TCK")


def _line(found: dict[int, Any], engine: str) -> tuple[float, float]:
    """Return processor seconds a million rows more, and of none, by the least squares of relative errors."""
    sizes = np.array([size / 1e6 for size in found])
    seconds = np.array([one[f"{engine}_cpu_s"] for one in found.values()])
    slope, fixed = np.polyfit(sizes, seconds, 1, w=1 / seconds) if len(found) > 1 else (np.nan, np.nan)
    return float(slope), float(fixed)


def _crossing(slope: float, fixed: float, spark_slope: float, spark_fixed: float) -> int | None:
    return round(1e6 * (spark_fixed - fixed) / (slope - spark_slope)) if spark_slope < slope else None
