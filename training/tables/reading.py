"""From a file to an Arrow table: CSV of any usual separator and encoding, XLSX, Parquet.

Cells of a CSV file stay text here; ``columns`` tells what they are.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from training.tables.errors import TableRefused

SEPARATORS = (",", ";", "\t", "|", "，")
_SAMPLE = 1 << 18  # bytes that are enough to tell the separator
_TEXT = {".csv", ".tsv", ".txt", ".dat", ""}
_SHEETS = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_COLUMNS = {".parquet", ".pq"}


def read_table(path: Path) -> pa.Table:
    """Return a file's table with distinct, trimmed column names and at least one row.

    Raises TableRefused ``table_missing``, ``table_kind``, ``table_unreadable``, ``table_empty``,
    ``column_repeated``.
    """
    if not path.is_file():
        raise TableRefused("table_missing", "table", path.name)
    kind = path.suffix.lower()
    if kind in _TEXT:
        table = _read_text(path)
    elif kind in _SHEETS:
        table = _read_sheet(path)
    elif kind in _COLUMNS:
        table = _read_parquet(path)
    else:
        raise TableRefused("table_kind", "table", kind)
    return _named(table)


def table_of(frame: Any) -> pa.Table:
    """Return a data frame (pandas) as an Arrow table; cells of mixed types become text."""
    import pandas as pd

    arrays, names = [], []
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        try:
            array = pa.array(column, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            text = [None if _absent(value) else str(value) for value in column]
            array = pa.array(pd.Series(text, dtype=object), pa.string())
        arrays.append(array)
        names.append(str(name))
    return _named(pa.table(arrays, names=names))


def _absent(value: object) -> bool:
    return value is None or value != value


def _named(table: pa.Table) -> pa.Table:
    names = [name.strip().lstrip("\ufeff").strip('"') for name in table.column_names]
    # a spreadsheet's columns without a heading and without a cell are no columns
    filled = [k for k, name in enumerate(names) if name or table.column(k).null_count < table.num_rows]
    table = table.select(filled)
    names = [names[k] or f"column {k + 1}" for k in filled]
    for name, times in Counter(names).items():
        if times > 1:
            raise TableRefused("column_repeated", name)
    if table.num_rows == 0:
        raise TableRefused("table_empty", "table")
    return table.rename_columns(names)


def _read_text(path: Path) -> pa.Table:
    import pyarrow.csv as arrow_csv

    encoding = _encoding(path)
    with path.open("rb") as file:
        sample = file.read(_SAMPLE).decode(encoding, errors="replace")
    if not sample.strip():
        raise TableRefused("table_empty", "table")
    separator = _separator(sample)
    if len(separator.encode()) > 1 or "\r" in sample.replace("\r\n", "\n"):
        return _read_slowly(path, encoding, separator)
    header = next(csv.reader([line for line in sample.splitlines() if line.strip()], delimiter=separator))
    positions = [f"c{k}" for k in range(len(header))]
    try:
        table = arrow_csv.read_csv(
            path,
            arrow_csv.ReadOptions(
                encoding="utf8" if encoding == "utf-8-sig" else encoding,
                column_names=positions,
                skip_rows_after_names=1,
            ),
            arrow_csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=lambda _row: "skip"
            ),
            arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in positions}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeError):
        return _read_slowly(path, encoding, separator)
    return table.rename_columns(header)


def _read_slowly(path: Path, encoding: str, separator: str) -> pa.Table:
    """Read with the standard library what Arrow's parser refuses; rows of the wrong width are skipped."""
    try:
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter=separator) if row]
    except csv.Error as error:
        raise TableRefused("table_unreadable", "table", str(error)) from None
    header, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if not body:
        raise TableRefused("table_empty", "table")
    columns = [pa.array(column, pa.string()) for column in zip(*body, strict=True)]
    return pa.table(columns, names=header)


def _encoding(path: Path) -> str:
    """Take UTF-8 where every byte is, UTF-16 by its mark, else the Chinese encoding."""
    from crm_store.imports.reader import examine
    from crm_store.repositories.problems import StoreError

    with path.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    try:
        return examine(path).encoding
    except StoreError as error:
        raise TableRefused("table_unreadable", "table", f"{error.problem.zh} {error.problem.en}") from None


def _separator(sample: str) -> str:
    """Take the separator that cuts most lines into the same number of pieces, more than one."""
    lines = [line for line in sample.splitlines()[:200] if line.strip()]
    lines = lines[:-1] if len(lines) > 2 else lines  # the last one may be torn
    best, found = (0.0, 1), ","
    for separator in SEPARATORS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        except csv.Error:
            continue
        width = widths[0]
        agreeing = sum(each == width for each in widths) / len(widths)
        if width > 1 and (round(agreeing, 1), width) > best:
            best, found = (round(agreeing, 1), width), separator
    return found


def _read_sheet(path: Path) -> pa.Table:
    import pandas as pd

    try:
        raw = pd.read_excel(path, engine="calamine", header=None, dtype=object)
    except Exception as error:  # the reader's own errors are many and share no base
        raise TableRefused("table_unreadable", "table", type(error).__name__) from None
    raw = raw.dropna(how="all").dropna(axis=1, how="all")
    if len(raw) < 2:
        raise TableRefused("table_empty", "table")
    # a title above the table fills one cell; the header fills most of them
    filled = raw.head(10).notna().mean(axis=1)
    start = int((filled >= 0.6).to_numpy().argmax())
    names = [str(name) if not _absent(name) else "" for name in raw.iloc[start]]
    body = raw.iloc[start + 1 :].reset_index(drop=True).infer_objects()
    body.columns = pd.Index(names)
    if body.empty:
        raise TableRefused("table_empty", "table")
    return table_of(body)


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as parquet

    try:
        return parquet.read_table(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise TableRefused("table_unreadable", "table", str(error).splitlines()[0][:200]) from None
