"""Reading a sheet of an XLSX workbook, through the process that ``workbook`` is."""

import csv
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crm_store.imports import workbook
from crm_store.imports.headers import LOOKAHEAD, header_place
from crm_store.imports.reader import CHUNK_ROWS, Cells, Chunk, no_header
from crm_store.repositories import problems
from crm_store.repositories.problems import Problem, StoreError

# A date whose cell lost its format is its day number: five digits from 1927 to 2173.
_SERIAL = re.compile(r"[1-9]\d{4}(\.\d+)?")
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's dates have no zone
_PATIENCE_S = 600
"""How long the other process may take, waiting for a busy machine included."""


class SheetRows:
    """The rows of one sheet, as ``CsvRows`` gives those of a CSV file. Closes with the ``with``.

    ``moments`` are headers of columns of moments. Raises StoreError for a workbook that cannot be read, or
    not within the limits of ``workbook``.
    """

    guarded = False
    encoding = "utf-8"

    def __init__(
        self,
        path: Path,
        sheet: str | None = None,
        wanted: Collection[str] = (),
        moments: Collection[str] = (),
    ) -> None:
        self._folder = TemporaryDirectory(prefix="leadpulse-sheet-")
        try:
            spool = Path(self._folder.name) / "rows.csv"
            told = _converted(path, spool, sheet)
            self.sheets: tuple[str, ...] = tuple(told["sheets"])
            self.lines: int = told["rows"]
            self.sha256 = fingerprint(path)
            self._file = spool.open(encoding="utf-8", newline="")
        except BaseException:
            self._folder.cleanup()
            raise
        self._rows = csv.reader(self._file)
        first = list(islice(self._rows, LOOKAHEAD))
        place = header_place([row[1:] for row in first], wanted)
        self.header_line = int(first[place][0])
        self.header = [name.strip() for name in first[place][1:]]
        if not any(self.header):
            self.__exit__()
            raise no_header()
        self._ahead = first[place + 1 :]
        self._moments = [index for index, name in enumerate(self.header) if name in moments]

    def __enter__(self) -> "SheetRows":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._folder.cleanup()

    def chunks(self, size: int = CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the rows in order, ``size`` at a time. Lines are the sheet's row numbers."""
        rows = chain(self._ahead, self._rows)
        while block := list(islice(rows, size)):
            yield self._chunk(block)

    def _chunk(self, block: list[Cells]) -> Chunk:
        chunk = Chunk()
        for number, *cells in block:
            if any("\x00" in cell for cell in cells):
                chunk.unreadable.append((int(number), problems.bad_character("cell"), cells))
                continue
            for index in self._moments:
                cells[index] = _dated(cells[index])
            chunk.lines.append(int(number))
            chunk.rows.append(cells)
        return chunk


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dated(cell: str) -> str:
    if not _SERIAL.fullmatch(cell):
        return cell
    moment = _DAY_ZERO + timedelta(seconds=round(float(cell) * 86_400))
    return moment.isoformat(" ")


def _converted(path: Path, spool: Path, sheet: str | None) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", workbook.__name__, str(path), str(spool)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [*command, *([] if sheet is None else [sheet])],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StoreError(_PROBLEMS[workbook.TOO_LARGE]) from error
    if done.returncode:
        raise StoreError(_PROBLEMS.get(done.returncode, _BEYOND_LIMITS))
    return json.loads(done.stdout)  # type: ignore[no-any-return]


_TOO_LARGE = Problem(
    "workbook_too_large",
    None,
    f"工作簿过大：最多 {workbook.MAX_CELLS:,} 个单元格、{workbook.MAX_COLUMNS} 列；请另存为 CSV 后导入",
    f"the workbook is too large: at most {workbook.MAX_CELLS:,} cells and {workbook.MAX_COLUMNS} columns; "
    "save it as CSV and import that",
)
_PROBLEMS = {
    workbook.BROKEN: Problem(
        "workbook_unreadable",
        None,
        "无法读取该工作簿：文件损坏，或不是 XLSX",
        "the workbook cannot be read: it is damaged, or no XLSX",
    ),
    workbook.TOO_LARGE: _TOO_LARGE,
    workbook.NO_SHEET: Problem(
        "no_such_sheet", None, "工作簿中没有该工作表", "the workbook has no such sheet"
    ),
    workbook.LOCKED: Problem(
        "workbook_locked",
        None,
        "工作簿有密码保护，请取消密码后再导入",
        "the workbook has a password: remove it first",
    ),
    workbook.EMPTY: Problem("no_header", None, "工作表是空的", "the sheet is empty"),
}
_BEYOND_LIMITS = Problem(
    "workbook_beyond_limits",
    None,
    "读取该工作簿超出了内存或时间限制，已拒绝；请另存为 CSV 后导入",
    "reading the workbook exceeded the limits of memory or time: refused; save it as CSV and import that",
)
