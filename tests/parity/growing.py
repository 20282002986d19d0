"""A log of sources from made-up rows: what is new or different since the last time becomes a piece."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crm_store.domain.sources import SOURCES
from crm_store.repositories.sources.files import (
    GONE,
    POSITION,
    TOUCHED,
    Piece,
    SourceLog,
    read_log,
    write_log,
    writing_piece,
)
from tests.parity.histories import arrow_tables

_KEYS = ("lead_id", "account_id", "rep_id", "fit_id")
_KNOWN_AT = "2026-03-01T00:00:00+00:00"

History = dict[str, list[dict[str, Any]]]


class Growing:
    """A folder with a log that is told the whole history again and again, and writes what is new of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sources"
        self._told: History = {}
        self._bases = 0

    def begin_anew(self) -> None:
        """Let the next history be a new base."""
        self._told = {}

    def tell(self, history: History) -> None:
        """Write what the history says beyond what was told, and take back what it does not say any more."""
        log = read_log(self.folder)
        at = 1 if log is None else log.position + 1
        if log is None or not self._told:
            self._bases += 1
            rows = self._write(at, arrow_tables(history))
            log = SourceLog(f"base {self._bases}", "", _KNOWN_AT, {}, (Piece(at, rows),))
        else:
            rows = self._write(at, self._news(history, at))
            log = replace(log, pieces=(*log.pieces, Piece(at, rows)))
        write_log(self.folder, log)
        self._told = {name: [dict(row) for row in rows] for name, rows in history.items()}

    def _write(self, at: int, tables: dict[str, pa.Table]) -> dict[str, int]:
        with writing_piece(self.folder, at) as part:
            for name, table in tables.items():
                pq.write_table(table, part / f"{name}.parquet")
        return {name: len(table) for name, table in tables.items()}

    def _news(self, history: History, at: int) -> dict[str, pa.Table]:
        fresh: History = {}
        gone: list[dict[str, Any]] = []
        touched: list[dict[str, Any]] = []
        for name in SOURCES:
            before, now = self._told.get(name, []), history.get(name, [])
            other = [row for row in (*before, *now) if (row in before) != (row in now)]
            ids = {row["record_id"] for row in other}
            fresh[name] = [row for row in now if row["record_id"] in ids]
            gone += [{"source": name, "record_id": one} for one in sorted(ids)]
            touched += [
                {"source": name, "key": key, "id": row[key]}
                for row in other
                for key in _KEYS
                if row.get(key) is not None
            ]
        position = pa.field(POSITION, pa.int64())
        tables = {
            name: table.append_column(position, pa.repeat(pa.scalar(at, pa.int64()), len(table)))
            for name, table in arrow_tables(fresh).items()
        }
        for name, columns, rows in (
            (GONE, ("source", "record_id"), gone),
            (TOUCHED, ("source", "key", "id"), touched),
        ):
            schema = pa.schema([*((column, pa.string()) for column in columns), position])
            tables[name] = pa.Table.from_pylist([row | {POSITION: at} for row in rows], schema)
        return tables
