"""Turning one sheet of an XLSX workbook into CSV, in a process of its own that may use only so much.

``reader`` starts it; nobody else enters. Calamine decompresses and holds the whole sheet, so a workbook made
to swell must not do so beside the service: here memory and time end where the limits say, and a crash is an
exit code. Each CSV row begins with the row's number in the sheet.
"""

import csv
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO

# Five million cells are a sheet of 500,000 rows and 10 columns, and take Calamine about half a gigabyte.
MAX_CELLS = 5_000_000
MAX_ROWS = 1_048_576  # what Excel itself can hold
MAX_COLUMNS = 500
MAX_SHEETS = 200
MAX_PARTS = 5_000
MAX_EXPANDED = 400 << 20
"""Bytes of XML after decompression, as the archive states them; one that lies meets the memory limit."""
MAX_CELL_TEXT = 32_767  # Excel's own limit, in characters
MEMORY_LIMIT = 1536 << 20
CPU_SECONDS = 180

# Integers from here on may have lost digits in Excel, which keeps fifteen: they are written as it shows them.
_EXACT = 10**15

BROKEN, TOO_LARGE, NO_SHEET, LOCKED, EMPTY = 3, 4, 5, 6, 7
"""Exit codes. Any other but 0 means that a limit of the process ended it."""


class Refused(Exception):
    """The workbook cannot be read; ``code`` is the exit code that says why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def main() -> int:
    """``python -m crm_store.imports.workbook XLSX CSV [SHEET]``; SHEET is a name, by default the first."""
    _limit_this_process()
    source, target, *sheet = sys.argv[1:]
    try:
        with Path(target).open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
            told = convert(Path(source), out, sheet[0] if sheet else None)
    except Refused as refused:
        return refused.code
    print(json.dumps(told))  # noqa: T201 - the answer to the process that asked
    return 0


def convert(path: Path, out: TextIO, sheet: str | None = None) -> dict[str, Any]:
    """Write the cells of a sheet as CSV; return its last row's number and the names of all sheets."""
    _check_archive(path)
    book = _workbook(path)
    names = _sheets(book)
    writer, last = csv.writer(out), 0
    for number, row in _rows(book, sheet if sheet is not None else next(iter(names), "")):
        cells = [_text(cell) for cell in row]
        if any(len(cell) > MAX_CELL_TEXT for cell in cells):
            raise Refused(TOO_LARGE)
        if any(cells):
            writer.writerow([number, *cells])
            last = number
    if not last:
        raise Refused(EMPTY)
    return {"rows": last, "sheets": names}


def _sheets(workbook: Any) -> list[str]:
    """Return the sheets with cells, those that a person sees first."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    cells = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    return [sheet.name for sheet in sorted(cells, key=lambda one: one.visible != SheetVisibleEnum.Visible)]


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Refused(BROKEN) from error
    if any(part.flag_bits & 1 for part in parts):
        raise Refused(LOCKED)
    markup = [part for part in parts if part.filename.lower().endswith((".xml", ".rels"))]
    if len(parts) > MAX_PARTS or sum(part.file_size for part in markup) > MAX_EXPANDED:
        raise Refused(TOO_LARGE)


def _workbook(path: Path) -> Any:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        workbook = _no_panic(lambda: CalamineWorkbook.from_path(path))
    except PasswordError as error:
        raise Refused(LOCKED) from error
    except (CalamineError, OSError, ValueError, KeyError) as error:
        raise Refused(BROKEN) from error
    if len(workbook.sheet_names) > MAX_SHEETS:
        raise Refused(TOO_LARGE)
    return workbook


def _rows(workbook: Any, name: str) -> Iterator[tuple[int, list[Any]]]:
    from python_calamine import CalamineError, WorksheetNotFound

    try:
        sheet = _no_panic(lambda: workbook.get_sheet_by_name(name))
    except WorksheetNotFound as error:
        raise Refused(NO_SHEET) from error
    except (CalamineError, OSError, ValueError, KeyError) as error:
        raise Refused(BROKEN) from error
    if sheet.start is None:
        raise Refused(EMPTY)
    too_many = sheet.total_height > MAX_ROWS or sheet.total_width > MAX_COLUMNS
    if too_many or sheet.height * sheet.width > MAX_CELLS:
        raise Refused(TOO_LARGE)
    return enumerate(sheet.iter_rows(), start=1)


def _no_panic(step: Any) -> Any:
    """Run a step of Calamine; its panics are no ordinary exceptions."""
    try:
        return step()
    except Exception:
        raise
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":
            raise
        raise Refused(BROKEN) from panic


def _text(cell: Any) -> str:
    """Write a typed cell as a person would: no exponents where there were digits, dates in ISO form."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return str(int(cell))
    if isinstance(cell, int | float):
        return f"{cell:.14E}" if abs(cell) >= _EXACT else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, date | time) else _duration(cell)


def _duration(cell: timedelta) -> str:
    return str(round(cell.total_seconds(), 3))


def _limit_this_process() -> None:
    """Bound memory and CPU time where the system can (not on Windows); a lower limit that exists stays."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    # Nothing is left to clean up, and freeing half a gigabyte of cells would only take time.
    status = main()
    sys.stdout.flush()
    os._exit(status)
