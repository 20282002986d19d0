"""Features of a million activities: one as-of against hand-written SQL, for leads and accounts, and 52 weeks.

The frame is every feature of every lead, or of every account with its orders, tickets and contracts, from
Parquet to an Arrow table. Ratios are told by the clock and by processor time, which a busy machine stretches
less. ``--activities N`` is for a smaller or larger company.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.catalog import features_of, names_of
from features.engines.ibis_engine import compute_arrow
from tests.bench._feature_data import NOW_US, sources
from tests.bench._feature_files import write_lead_sources

ACTIVITIES, WEEKS, RUNS = 1_000_000, 52, 3
_DAY_US = 86_400_000_000
_NAMES = names_of("lead")


class Taken(NamedTuple):
    """Seconds of the clock and of the processors."""

    clock: float
    cpu: float


def run(*options: str) -> dict[str, Any]:
    """Return the ratios: one as-of to SQL by hand, of leads and of accounts, and 52 weeks to one as-of.

    Fails if a cell differs: from the hand-written SQL, or of a week worked out alone.
    """
    activities = int(options[1].replace("_", "")) if options[:1] == ("--activities",) else ACTIVITIES
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_lead_sources(folder, activities)
        one = pq.read_table(folder / "asked.parquet")
        leads = _to_hand("lead", one, folder)
        weeks = _weeks(one, folder)
    with TemporaryDirectory() as name:
        accounts = _to_hand("account", _write_accounts(Path(name), activities), Path(name))
    return {
        "one_to_hand": leads["ratio"],
        "accounts_to_hand": accounts["ratio"],
        "weeks_to_one": round(weeks.clock / leads["ours_s"], 2),
        "weeks_to_one_cpu": round(weeks.cpu / leads["ours_cpu_s"], 2),
        "leads": leads,
        "accounts": accounts,
        "weeks_s": round(weeks.clock, 2),
        "activities": activities,
        "rows": len(one) * WEEKS,
        "cells": len(one) * WEEKS * len(_NAMES),
    }


def _to_hand(entity: str, asked: pa.Table, folder: Path) -> dict[str, float]:
    """Return the median of the paired ratios of time to SQL by hand, and the seconds."""
    names = names_of(entity)
    assert_same(compute_arrow(entity, asked, folder, names), by_hand(entity, asked, folder), entity)
    pairs = [
        (_taken(compute_arrow, entity, asked, folder, names), _taken(by_hand, entity, asked, folder))
        for _ in range(RUNS)
    ]
    return {
        "ratio": round(statistics.median(mine.clock / hand.clock for mine, hand in pairs), 3),
        "cpu_ratio": round(statistics.median(mine.cpu / hand.cpu for mine, hand in pairs), 3),
        "ours_s": round(statistics.median(mine.clock for mine, _ in pairs), 2),
        "ours_cpu_s": round(statistics.median(mine.cpu for mine, _ in pairs), 2),
        "by_hand_s": round(statistics.median(hand.clock for _, hand in pairs), 2),
        "rows": len(asked),
    }


def _write_accounts(folder: Path, activities: int) -> pa.Table:
    """Write a company that is mostly accounts, and return who is asked for: all, as of now."""
    made = sources(max(activities // 1000, 1), max(activities // 20, 1), activities)
    for name, table in made.items():
        pq.write_table(table, folder / f"{name}.parquet")
    ids = pc.unique(made["account_states"]["account_id"])
    moment = pa.scalar(NOW_US, pa.int64()).cast(pa.timestamp("us", "UTC"))
    return pa.table({"row_id": range(len(ids)), "entity_id": ids, "as_of": pa.repeat(moment, len(ids))})


def by_hand(entity: str, asked: pa.Table, folder: Path) -> pa.Table:
    """Return the same frame from one SQL statement."""
    statement = (Path(__file__).parent / f"{entity}_features.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.register("asked", asked)
        for file in folder.glob("*.parquet"):
            if file.stem != "asked":
                connection.read_parquet(str(file)).create_view(file.stem)
        return connection.sql(statement).to_arrow_table()


def _weeks(one: pa.Table, folder: Path) -> Taken:
    """Return what it takes to work out 52 weeks at once; three of them must be what they are alone."""
    weeks = [_at(one, week * 7) for week in reversed(range(WEEKS))]
    every = pa.concat_tables(weeks)
    every = every.set_column(0, "row_id", pa.array(range(len(every)), pa.int64()))
    clock, cpu = time.perf_counter(), time.process_time()
    found = compute_arrow("lead", every, folder, _NAMES)
    taken = Taken(time.perf_counter() - clock, time.process_time() - cpu)
    for week in (0, 20, WEEKS - 1):
        assert_same(
            found.slice(week * len(one), len(one)), compute_arrow("lead", weeks[week], folder, _NAMES)
        )
    return taken


def _at(one: pa.Table, days_ago: int) -> pa.Table:
    moment = pa.scalar(NOW_US - days_ago * _DAY_US, pa.int64()).cast(pa.timestamp("us", "UTC"))
    return one.set_column(2, "as_of", pa.repeat(moment, len(one)))


def _taken(make: Callable[..., pa.Table], *given: Any) -> Taken:
    clock, cpu = time.perf_counter(), time.process_time()
    make(*given)
    return Taken(time.perf_counter() - clock, time.process_time() - cpu)


def assert_same(found: pa.Table, expected: pa.Table, entity: str = "lead") -> None:
    """Fail unless every cell is equal; sums of floats may be added up in another order."""
    for feature in features_of(entity):
        mine, theirs = found[feature.name].combine_chunks(), expected[feature.name].combine_chunks()
        if feature.dtype == "string":
            same = mine.equals(theirs)
        else:
            apart = pc.abs(pc.subtract(mine, theirs.cast(pa.float64())))
            bound = pc.multiply(pc.add(pc.abs(mine), 1.0), 1e-12)
            same = mine.is_null().equals(theirs.is_null()) and pc.all(pc.less_equal(apart, bound)).as_py()
        if same is False:
            raise AssertionError(feature.name)
