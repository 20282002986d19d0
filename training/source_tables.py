"""Reading the exported sources: the tables of ``crm_store.domain.sources``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crm_store.domain.sources import SOURCES

if TYPE_CHECKING:
    import pandas as pd


class SourceMissing(Exception):
    """An exported source file isn't there; ``code`` is stable, ``args`` are its messages."""

    code = "source_missing"

    def __init__(self, name: str) -> None:
        self.field = name
        super().__init__(f"缺少数据源 {name}，请先导出 · source {name} is missing: export the sources first")


def read_source(folder: Path, name: str, columns: Sequence[str], now: datetime) -> pd.DataFrame:
    """Return the named columns of a source, only rows recorded by ``now``; moments in UTC to the µs.

    Raises KeyError for a name or column that the source doesn't declare, SourceMissing without its file.
    """
    import pandas as pd

    from crm_store.repositories.sources.files import read_rows

    declared = SOURCES[name].columns
    moments = [column for column in columns if declared[column] == "moment"]
    try:
        table: pd.DataFrame = read_rows(folder, name, columns).to_pandas()
    except FileNotFoundError:
        raise SourceMissing(name) from None
    table[moments] = table[moments].astype("datetime64[us, UTC]")
    return table[table.recorded_at <= pd.Timestamp(now)].reset_index(drop=True)
