"""Putting the rows of a large file in the order of their times, on disk.

A record's change log only grows, so its versions must be written from the oldest on, however far apart they
stand in the file. Sorted runs are spilled and merged; memory is bounded by one run and one row of each.
"""

import csv
import heapq
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from crm_store.imports.cells import parse_column
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.reader import Cells, Chunk
from crm_store.repositories.problems import Problem

RUN_ROWS = 100_000
# Rows whose time cannot be read come first; they will be refused.
_UNDATED = -(2**63)

_Item = tuple[int, int, Cells]


class Ordered:
    """The rows of a file by time and line; rows that could not be read come before all others."""

    def __init__(
        self, chunks: Iterator[Chunk], mapping: ColumnMapping, place: list[int], guarded: bool
    ) -> None:
        self._mapping, self._place, self._guarded = mapping, place[0], guarded
        self._rule = next(rule for rule in mapping.columns if rule.field == "recorded_at")
        self._folder = TemporaryDirectory(prefix="leadpulse-order-")
        self._runs: list[Path] = []
        self._unreadable = Path(self._folder.name) / "unreadable"
        with self._unreadable.open("w", encoding="utf-8", errors="surrogatepass", newline="") as spool:
            writer = csv.writer(spool)
            for chunk in chunks:
                for line, problem, cells in chunk.unreadable:
                    writer.writerow([line, problem.code, problem.field or "", problem.zh, problem.en, *cells])
                self._spill(chunk)

    def __enter__(self) -> "Ordered":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the rows, ``size`` at a time."""
        with self._unreadable.open(encoding="utf-8", errors="surrogatepass", newline="") as spool:
            rows = csv.reader(spool)
            while block := list(islice(rows, size)):
                yield Chunk([], [], [_refused(row) for row in block])
        merged = heapq.merge(*map(_read, self._runs), key=itemgetter(0, 1))
        while items := list(islice(merged, size)):
            yield Chunk([line for _, line, _ in items], [cells for _, _, cells in items])

    def _spill(self, chunk: Chunk) -> None:
        for start in range(0, len(chunk.lines), RUN_ROWS):
            stop = start + RUN_ROWS
            rows = chunk.rows[start:stop]
            moments = self._moments(rows)
            items = sorted(zip(moments, chunk.lines[start:stop], rows, strict=True), key=itemgetter(0, 1))
            path = Path(self._folder.name) / str(len(self._runs))
            with path.open("w", encoding="utf-8", newline="") as run:
                csv.writer(run).writerows([moment, line, *cells] for moment, line, cells in items)
            self._runs.append(path)

    def _moments(self, rows: list[Cells]) -> list[int]:
        cells = [row[self._place] for row in rows]
        values, _ = parse_column(cells, self._rule, self._mapping, self._guarded)
        return [_UNDATED if value is None else value for value in values.cast(pa.int64()).to_pylist()]


def _read(path: Path) -> Iterator[_Item]:
    with path.open(encoding="utf-8", newline="") as run:
        for moment, line, *cells in csv.reader(run):
            yield int(moment), int(line), cells


def _refused(row: Cells) -> tuple[int, Problem, Cells]:
    line, code, field, zh, en, *cells = row
    return int(line), Problem(code, field or None, zh, en), cells
