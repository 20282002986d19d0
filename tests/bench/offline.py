"""Lead features of a million activities: one as-of against hand-written SQL, 52 weeks, and a day's refresh.

The frame is every lead feature of every lead, from Parquet to an Arrow table. ``--activities N`` is for a
smaller or larger company.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.catalog import features_of, names_of
from features.engines.ibis_engine import compute_arrow
from features.engines.refresh import refreshed
from tests.bench._feature_data import NOW_US
from tests.bench._feature_files import write_lead_sources

ACTIVITIES, WEEKS, RUNS = 1_000_000, 52, 3
_DAY_US = 86_400_000_000
_NAMES = names_of("lead")


def run(*options: str) -> dict[str, Any]:
    """Return the ratios: one as-of to SQL by hand, 52 weeks to one as-of, a day's refresh to a rebuild.

    Fails if a cell differs: from the hand-written SQL, of a week worked out alone, or of a rebuild.
    """
    activities = int(options[1].replace("_", "")) if options[:1] == ("--activities",) else ACTIVITIES
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_lead_sources(folder, activities)
        one = pq.read_table(folder / "asked.parquet")
        assert_same(compute_arrow("lead", one, folder, _NAMES), by_hand(one, folder))
        pairs = [
            (_seconds(compute_arrow, "lead", one, folder, _NAMES), _seconds(by_hand, one, folder))
            for _ in range(RUNS)
        ]
        ours = statistics.median(mine for mine, _ in pairs)
        refresh = _refresh(one, folder)
        weeks = _weeks(one, folder)
    return {
        "one_to_hand": round(statistics.median(mine / hand for mine, hand in pairs), 3),
        "weeks_to_one": round(weeks / ours, 2),
        "refresh_to_rebuild": round(refresh / ours, 3),
        "one_s": round(ours, 2),
        "by_hand_s": round(statistics.median(hand for _, hand in pairs), 2),
        "weeks_s": round(weeks, 2),
        "refresh_s": round(refresh, 2),
        "activities": activities,
        "rows": len(one) * WEEKS,
        "cells": len(one) * WEEKS * len(_NAMES),
    }


def by_hand(asked: pa.Table, folder: Path) -> pa.Table:
    """Return the same frame from one SQL statement."""
    statement = (Path(__file__).parent / "lead_features.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.register("asked", asked)
        for file in folder.glob("*_*.parquet"):
            connection.read_parquet(str(file)).create_view(file.stem)
        connection.read_parquet(str(folder / "activities.parquet")).create_view("activities")
        return connection.sql(statement).to_arrow_table()


def _weeks(one: pa.Table, folder: Path) -> float:
    """Return the seconds of 52 weeks at once; three of them must be what they are alone."""
    weeks = [_at(one, week * 7) for week in reversed(range(WEEKS))]
    every = pa.concat_tables(weeks)
    every = every.set_column(0, "row_id", pa.array(range(len(every)), pa.int64()))
    start = time.perf_counter()
    found = compute_arrow("lead", every, folder, _NAMES)
    seconds = time.perf_counter() - start
    for week in (0, 20, WEEKS - 1):
        assert_same(
            found.slice(week * len(one), len(one)), compute_arrow("lead", weeks[week], folder, _NAMES)
        )
    return seconds


def _refresh(one: pa.Table, folder: Path) -> float:
    """Return the median seconds of bringing yesterday's figures to today, and check its cells."""
    state = folder / "state.parquet"
    refreshed("lead", _at(one, 4), folder, state)
    taken = [_seconds(refreshed, "lead", _at(one, day), folder, state) for day in (3, 2, 1)]
    assert_same(refreshed("lead", one, folder, state), compute_arrow("lead", one, folder, _NAMES))
    return statistics.median(taken)


def _at(one: pa.Table, days_ago: int) -> pa.Table:
    moment = pa.scalar(NOW_US - days_ago * _DAY_US, pa.int64()).cast(pa.timestamp("us", "UTC"))
    return one.set_column(2, "as_of", pa.repeat(moment, len(one)))


def _seconds(make: Callable[..., pa.Table], *given: Any) -> float:
    start = time.perf_counter()
    make(*given)
    return time.perf_counter() - start


def assert_same(found: pa.Table, expected: pa.Table) -> None:
    """Fail unless every cell is equal; sums of floats may be added up in another order."""
    for feature in features_of("lead"):
        mine, theirs = found[feature.name].combine_chunks(), expected[feature.name].combine_chunks()
        if feature.dtype == "string":
            same = mine.equals(theirs)
        else:
            apart = pc.abs(pc.subtract(mine, theirs.cast(pa.float64())))
            bound = pc.multiply(pc.add(pc.abs(mine), 1.0), 1e-12)
            same = mine.is_null().equals(theirs.is_null()) and pc.all(pc.less_equal(apart, bound)).as_py()
        if same is False:
            raise AssertionError(feature.name)
