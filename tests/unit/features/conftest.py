"""A small company for the feature tests: exported sources in a folder, and the same as a history."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.parity.histories import ORIGIN, arrow_tables, make_history

History = dict[str, list[dict[str, Any]]]


def write_sources(folder: Path, history: History) -> None:
    """Write a history as the Parquet files that the record store exports."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in arrow_tables(history).items():
        pq.write_table(table, folder / f"{name}.parquet")


def asked(*pairs: tuple[str, datetime]) -> pd.DataFrame:
    """Return rows to ask for."""
    rows = pd.DataFrame(pairs, columns=["entity_id", "as_of"])
    rows["as_of"] = rows["as_of"].dt.as_unit("us")
    return rows


@pytest.fixture
def history() -> History:
    return make_history(seed=11, size=200)


@pytest.fixture
def lead_rows() -> pd.DataFrame:
    return asked(("L2", ORIGIN), ("L1", ORIGIN), ("nobody", ORIGIN), ("L1", ORIGIN - timedelta(days=60)))
