"""Opening a file of rows, whichever kind it is; what its first bytes say counts, not its name."""

from collections.abc import Collection
from pathlib import Path

from crm_store.imports.headers import plain
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.reader import CsvRows, examine
from crm_store.imports.sheets import SheetRows
from crm_store.imports.suggesting import wanted_headers
from crm_store.repositories.problems import Problem, StoreError

Rows = CsvRows | SheetRows

_ZIP = b"PK"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_DELIMITERS = (",", "\t", ";")


def open_mapped(path: Path, mapping: ColumnMapping) -> Rows:
    """Open a file whose columns are known. Raises StoreError when it cannot be read at all."""
    names = {name for rule in mapping.columns for name in (rule.column, *rule.join)}
    moments = {rule.column for rule in mapping.columns if mapping.kind(rule) == "moment"}
    wanted = {plain(name) for name in names}
    return _open(path, mapping.encoding, mapping.delimiter, mapping.sheet, wanted, moments)


def open_unknown(path: Path, entity: str, sheet: str | None = None) -> tuple[Rows, str]:
    """Open a file whose columns are still to be understood; return it and its delimiter."""
    delimiter = _delimiter(path)
    return _open(path, None, delimiter, sheet, wanted_headers(entity), ()), delimiter


def open_rows(path: Path, wanted: Collection[str]) -> Rows:
    """Open a file in which columns of these plain names are looked for."""
    return _open(path, None, _delimiter(path), None, wanted, ())


def _open(
    path: Path,
    encoding: str | None,
    delimiter: str,
    sheet: str | None,
    wanted: Collection[str],
    moments: Collection[str],
) -> Rows:
    try:
        if _is_workbook(path):
            return SheetRows(path, sheet, wanted, moments)
        return CsvRows(path, examine(path, encoding), delimiter, wanted)
    except OSError as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> StoreError:
    zh, en = f"无法打开文件 {path.name}", f"cannot open {path.name}"
    return StoreError(Problem("file_unreadable", None, zh, en))


def _is_workbook(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(4)
    if start == _OLD_OFFICE:
        zh = "这是旧版 XLS 或加密的工作簿，请另存为不带密码的 XLSX"
        en = "this is an old XLS or a workbook with a password: save it as XLSX without one"
        raise StoreError(Problem("workbook_old", None, zh, en))
    return start.startswith(_ZIP) and start[2:4] in (b"\x03\x04", b"\x05\x06", b"\x07\x08")


def _delimiter(path: Path) -> str:
    """Return the delimiter that occurs most in the first lines; it is ASCII in every encoding we read."""
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
    except OSError as error:
        raise _unreadable(path) from error
    return max(_DELIMITERS, key=lambda one: start.count(one.encode()))
