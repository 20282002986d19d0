"""Exports as XLSX, row by row: every text is a text cell, so that nothing in it is ever a formula."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_store.exports.cells import as_text, local
from crm_store.exports.columns import columns_of, headers
from crm_store.exports.csv_file import BATCH, Progress
from crm_store.imports.headers import Language

SHEET_ROWS = 1_048_576
"""What a sheet can hold, the header included; further rows go to further sheets."""
CELL_CHARACTERS = 32_767
_CUT = {
    "zh": "…（超出单元格上限，全文请导出 CSV）",
    "en": "… (longer than a cell may be: export CSV for all)",
}
_FIRST_MOMENT = datetime(1900, 3, 1)  # noqa: DTZ001 - before it, Excel counts a day that never was
_LAST_EXACT = 10**15
_SHEETS = {"zh": "数据", "en": "Data"}


@dataclass(frozen=True)
class Exported:
    """What an export wrote; ``cells_cut`` counts texts longer than a cell may be."""

    path: Path
    rows: int
    cells_cut: int


def export_xlsx(
    entity: str,
    rows: Iterable[Mapping[str, Any]],
    path: Path,
    fields: Sequence[str] | None = None,
    language: Language = "zh",
    progress: Progress | None = None,
) -> Exported:
    """Write records to ``path``; a file appears there only when it is whole. Memory holds one row.

    ``rows`` are field → value, moments become sheet dates in China's time. Raises StoreError for a field
    that the kind does not have.
    """
    import xlsxwriter

    columns = columns_of(entity, fields)
    temporary = path.with_name(f".{path.name}.part")
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    try:
        with xlsxwriter.Workbook(temporary, options) as book:
            sheets = _Sheets(book, headers(entity, columns, language), language)
            done = 0
            for done, row in enumerate(rows, start=1):
                sheets.write([row.get(name) for name in columns])
                if progress is not None and done % BATCH == 0:
                    progress(done)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if progress is not None:
        progress(done)
    return Exported(path, done, sheets.cells_cut)


class _Sheets:
    """The sheets of one workbook, each with the header on top."""

    def __init__(self, book: Any, header: Sequence[str], language: Language) -> None:
        self._book, self._header, self._language = book, header, language
        # A text stays one when somebody edits its cell: a phone keeps its plus, a number its zeros.
        self._text = book.add_format({"num_format": "@"})
        self._bold = book.add_format({"bold": True, "num_format": "@"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._count = 0
        self.cells_cut = 0
        self._begin()

    def write(self, values: Sequence[Any]) -> None:
        """Write one row."""
        if self._line == SHEET_ROWS:
            self._begin()
        for place, value in enumerate(values):
            self._cell(place, value)
        self._line += 1

    def _begin(self) -> None:
        self._count += 1
        name = _SHEETS[self._language]
        self._sheet = self._book.add_worksheet(name if self._count == 1 else f"{name} {self._count}")
        self._sheet.freeze_panes(1, 0)
        for place, above in enumerate(self._header):
            self._sheet.write_string(0, place, above, self._bold)
        self._line = 1

    def _cell(self, place: int, value: Any) -> None:
        if value is None:
            return
        if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) >= _LAST_EXACT):
            self._string(place, as_text(value, self._language))
        elif isinstance(value, int | float):
            self._sheet.write_number(self._line, place, value)
        elif isinstance(value, datetime) and local(value) >= _FIRST_MOMENT and not value.microsecond % 1000:
            self._sheet.write_datetime(self._line, place, local(value), self._moment)
        else:
            self._string(place, as_text(value, self._language))

    def _string(self, place: int, text: str) -> None:
        if len(text) > CELL_CHARACTERS:
            cut = _CUT[self._language]
            text = text[: CELL_CHARACTERS - len(cut)] + cut
            self.cells_cut += 1
        self._sheet.write_string(self._line, place, text, self._text)
