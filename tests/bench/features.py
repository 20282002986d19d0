"""The catalog on DuckDB against hand-written SQL for the same cells, both from Parquet to a data frame."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from features.catalog import names_of
from features.engines.ibis_engine import asked_table, compute
from tests.bench._feature_data import NOW_US, sources

LEADS, ACCOUNTS, ACTIVITIES = 20_000, 2_000, 300_000
RUNS = 5
ENTITIES = ("lead", "account")


def run() -> dict[str, Any]:
    """Return the median of the paired ratios of time for all leads and accounts, as of now, and the seconds.

    Fails if a single cell differs.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows = _write(folder)
        for entity in ENTITIES:
            _assert_same(compute(entity, rows[entity], folder), by_hand(entity, rows[entity], folder))
        pairs = [(_seconds(compute, rows, folder), _seconds(by_hand, rows, folder)) for _ in range(RUNS)]
    return {
        "ratio": round(statistics.median(ours / hand for ours, hand in pairs), 3),
        "catalog_s": round(statistics.median(ours for ours, _ in pairs), 3),
        "by_hand_s": round(statistics.median(hand for _, hand in pairs), 3),
        "rows": LEADS + ACCOUNTS,
        "cells": sum(len(rows[entity]) * len(names_of(entity)) for entity in ENTITIES),
    }


def by_hand(entity: str, rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return the same frame as ``compute`` from one SQL statement."""
    statement = (Path(__file__).parent / f"{entity}_features.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.register("asked", asked_table(rows))
        for file in folder.glob("*.parquet"):
            connection.read_parquet(str(file)).create_view(file.stem)
        return connection.sql(statement).to_arrow_table().to_pandas()


def _write(folder: Path) -> dict[str, pd.DataFrame]:
    """Write the sources and return the rows that are asked for: every lead and account, as of now."""
    made = sources(LEADS, ACCOUNTS, ACTIVITIES)
    for name, table in made.items():
        pq.write_table(table, folder / f"{name}.parquet")
    now = pd.Timestamp(NOW_US, unit="us", tz="UTC").as_unit("us")
    keys = {"lead": made["lead_states"]["lead_id"], "account": made["account_states"]["account_id"]}
    return {
        name: pd.DataFrame({"entity_id": ids.unique().to_pandas(), "as_of": now})
        for name, ids in keys.items()
    }


def _seconds(make: Callable[..., pd.DataFrame], rows: dict[str, pd.DataFrame], folder: Path) -> float:
    start = time.perf_counter()
    for entity in ENTITIES:
        make(entity, rows[entity], folder)
    return time.perf_counter() - start


def _assert_same(ours: pd.DataFrame, hand: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(ours, hand, check_dtype=False, rtol=1e-9, atol=1e-9)
