"""The file of rejected rows: where each stood, what is wrong with it, and its cells as they came."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from crm_store.imports.guarding import guard
from crm_store.repositories.problems import Problem, StoreError

COLUMNS = ("line", "code", "field", "reason_zh", "reason_en")
_BYTE_ORDER_MARK = "\ufeff"


class Refused(NamedTuple):
    """A row that is not loaded: its line in the file, what is wrong, and its cells as they came."""

    line: int
    problem: Problem
    cells: Sequence[str]


class Rejects:
    """Appends rejected rows; the file appears with the first. UTF-8 with a byte-order mark, for Excel.

    ``count`` rows are there already, committed with the job; what a killed job wrote behind them is cut off
    before the next row is written. Raises StoreError when the file lacks rows that it should have.
    """

    def __init__(self, path: Path, header: Sequence[str], count: int = 0) -> None:
        self.target, self._header = path, header
        self.count = count
        self._end = _end_of(path, count + 1) if count else 0

    @property
    def path(self) -> Path | None:
        """Where the rejected rows are; None while there are none."""
        return self.target if self.count else None

    def add(self, rows: Sequence[Refused]) -> None:
        """Write rows so that they outlast a power cut. Cells that a spreadsheet would run are disarmed."""
        if not rows:
            return
        self.target.parent.mkdir(parents=True, exist_ok=True)
        text = self._as_csv(rows).encode("utf-8", "backslashreplace")
        with self.target.open("r+b" if self.target.exists() else "w+b") as file:
            file.truncate(self._end)
            file.seek(self._end)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self._end += len(text)
        self.count += len(rows)

    def _as_csv(self, rows: Iterable[Refused]) -> str:
        out = io.StringIO(_BYTE_ORDER_MARK if self._end == 0 else "")
        out.seek(0, io.SEEK_END)
        writer = csv.writer(out)
        if self._end == 0:
            writer.writerow([*COLUMNS, *map(_harmless, self._header)])
        for line, problem, cells in rows:
            described = [str(line), problem.code, problem.field or "", problem.zh, problem.en]
            writer.writerow([*described, *map(_harmless, cells)])
        return out.getvalue()


def _harmless(cell: str) -> str:
    """Disarm formulas, and write NUL as text: spreadsheets end a cell at it."""
    return guard(cell.replace("\x00", "\\x00"))


def _end_of(path: Path, rows: int) -> int:
    """Return the offset at which so many CSV rows end: a line break outside quotes ends one."""
    offset = quotes = 0
    try:
        with path.open("rb") as file:
            for line in file:
                offset += len(line)
                quotes += line.count(b'"')
                rows -= quotes % 2 == 0
                if rows == 0:
                    return offset
    except OSError:
        pass
    zh = f"拒绝明细 {path.name} 缺失或不完整，请重新导入：重复导入不会产生重复数据"
    en = f"the rejects file {path.name} is missing or short: import anew, a rerun duplicates nothing"
    raise StoreError(Problem("rejects_missing", None, zh, en))
