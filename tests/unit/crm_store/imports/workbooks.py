"""Workbooks for tests, good and hostile."""

import zipfile
from pathlib import Path
from typing import Any

import xlsxwriter


def workbook(path: Path, *sheets: list[list[Any]], date_format: str = "yyyy-mm-dd hh:mm:ss") -> Path:
    """Write sheets of rows; dates get a date format, everything else is as Excel would take it typed."""
    with xlsxwriter.Workbook(path, {"default_date_format": date_format}) as book:
        for rows in sheets:
            sheet = book.add_worksheet()
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path


def patched(path: Path, part: str, content: str) -> Path:
    """Replace one part of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    parts[part] = content.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def sheet_xml(*cells: str, head: str = "") -> str:
    """Return a sheet part of one row."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return (
        f'<?xml version="1.0"?>{head}<worksheet {space}><sheetData>{"".join(cells)}</sheetData></worksheet>'
    )
