"""How the time and memory of one as-of grow from a million activities to fifty million, within 8 GB.

Each size runs in a process of its own, so that its peak memory is its own. Processor seconds are told beside
those of the clock, which a busy machine stretches. ``--largest N`` stops at N.
"""

import json
import multiprocessing
import os
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from features.catalog import names_of
from features.engines.duckdb_tables import Room
from features.engines.ibis_engine import compute_parquet
from tests.bench._feature_files import write_lead_sources

SIZES = (1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000)
MEMORY_MB = 8_000
# DuckDB counts what its buffers hold; Parquet writers, Python and Arrow need room beside it.
_DUCKDB_MB = 5_500
_THREADS = 2
CURVE = Path("docs/images/offline-scale.png")


def run(*options: str) -> dict[str, Any]:
    """Return seconds and peak memory per size, and the exponent of time in size; draw the curve.

    Fails if a size takes more memory than allowed, or loses a row.
    """
    largest = int(options[1].replace("_", "")) if options[:1] == ("--largest",) else SIZES[-1]
    points = [_apart(size) for size in SIZES if size <= largest]
    if not all(point["peak_mb"] <= MEMORY_MB for point in points):
        raise AssertionError(f"more than {MEMORY_MB} MB: {points}")
    _draw(points)
    sizes, seconds = ([point[key] for point in points] for key in ("activities", "seconds"))
    cpu = [point["cpu_s"] for point in points]
    per_million = [round(point["cpu_s"] / point["activities"] * 1e6, 2) for point in points]
    return {
        "exponent": _exponent(sizes, seconds),
        "cpu_exponent": _exponent(sizes, cpu),
        "ratio": round(per_million[-1] / per_million[0], 3),
        "cpu_s_per_million": per_million,
        "peak_mb": [point["peak_mb"] for point in points],
        "points": points,
    }


def _exponent(sizes: list[int], seconds: list[float]) -> float | None:
    """Return b of the best seconds = a · size^b; 1 is linear."""
    if len(sizes) < 2:
        return None
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)


def _apart(size: int) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool, TemporaryDirectory() as name:
        pool.apply(write_lead_sources, (Path(name), size))
        pool.close()
        pool.join()
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            return fresh.apply(measured, (name, size))


def measured(name: str, size: int) -> dict[str, Any]:
    """Work every lead's features out as of now, from Parquet to Parquet; in a process of its own."""
    import pyarrow.parquet as pq

    folder = Path(name)
    room = Room(_DUCKDB_MB, _THREADS, folder / "spill")
    start, cpu = time.perf_counter(), time.process_time()
    compute_parquet("lead", folder / "asked.parquet", folder, names_of("lead"), folder / "out.parquet", room)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    rows = pq.read_metadata(folder / "out.parquet").num_rows
    if rows != pq.read_metadata(folder / "asked.parquet").num_rows:
        raise AssertionError(f"{rows} rows")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    point = {
        "activities": size,
        "rows": rows,
        "seconds": round(seconds, 2),
        "cpu_s": round(cpu_seconds, 2),
        "peak_mb": peak,
    }
    os.write(2, (json.dumps(point) + "\n").encode())
    return point


def _draw(points: list[dict[str, Any]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    millions = [point["activities"] / 1e6 for point in points]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    left.plot(millions, [point["seconds"] for point in points], "o-", label="on the clock")
    left.plot(millions, [point["cpu_s"] for point in points], "s-", label="of the processors")
    slope = points[0]["cpu_s"] / millions[0]
    left.plot(millions, [slope * million for million in millions], "--", color="grey", label="linear")
    left.set(xlabel="million activities", ylabel="seconds", title="Every lead feature, one as-of")
    left.legend()
    right.plot(millions, [point["peak_mb"] / 1000 for point in points], "o-")
    right.axhline(MEMORY_MB / 1000, linestyle="--", color="grey")
    right.set(xlabel="million activities", ylabel="GB", title="Peak memory (limit 8 GB)", ylim=(0, 9))
    figure.savefig(CURVE, dpi=110)
    pyplot.close(figure)
