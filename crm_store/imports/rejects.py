"""The file of rejected rows: where each stood, what is wrong with it, and its cells as they came."""

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from crm_store.repositories.problems import Problem

COLUMNS = ("line", "code", "field", "reason_zh", "reason_en")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Rejects:
    """Writes rejected rows; the file appears with the first one. UTF-8 with a byte-order mark, for Excel."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._target, self._header = path, header
        self._file: IO[str] | None = None
        self.count = 0

    @property
    def path(self) -> Path | None:
        """Where the rejected rows are; None while there are none."""
        return self._target if self.count else None

    def add(self, line: int, problem: Problem, cells: Sequence[str]) -> None:
        """Write one row. A cell that a spreadsheet would run as a formula gets a quote mark before it."""
        if self._file is None:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._target.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")
            csv.writer(self._file).writerow([*COLUMNS, *map(_harmless, self._header)])
        described = [str(line), problem.code, problem.field or "", problem.zh, problem.en]
        csv.writer(self._file).writerow([*described, *map(_harmless, cells)])
        self.count += 1

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def _harmless(cell: str) -> str:
    """Disarm formulas, and write NUL as text: spreadsheets end a cell at it."""
    cell = cell.replace("\x00", "\\x00")
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
