"""The rejects file opens in a spreadsheet, says what is wrong, and runs nothing."""

import csv
from pathlib import Path

from crm_store.imports.rejects import Rejects
from crm_store.repositories.problems import Problem

PROBLEM = Problem("required", "name", "缺少必填字段 name", "name is required")


def test_a_rejected_row_keeps_its_cells_beside_the_reason(tmp_path: Path) -> None:
    with Rejects(tmp_path / "new" / "rejects.csv", ["编号", "名称"]) as rejects:
        rejects.add(7, PROBLEM, ["1", '杭州, "某"厂\n二部'])
    assert rejects.count == 1
    [header, row] = rows_of(rejects.path)
    assert header == ["line", "code", "field", "reason_zh", "reason_en", "编号", "名称"]
    assert row == [
        "7",
        "required",
        "name",
        "缺少必填字段 name",
        "name is required",
        "1",
        '杭州, "某"厂\n二部',
    ]


def test_cells_that_a_spreadsheet_would_run_are_disarmed(tmp_path: Path) -> None:
    cells = ["=1+1", "+86", "-5", "@sum", "\tx", "a=b", "\x00", "\ud800"]
    with Rejects(tmp_path / "rejects.csv", ["=head"]) as rejects:
        rejects.add(2, PROBLEM, cells)
    [header, row] = rows_of(rejects.path)
    assert header[5:] == ["'=head"]
    assert row[5:] == ["'=1+1", "'+86", "'-5", "'@sum", "'\tx", "a=b", "\\x00", "\\ud800"]


def test_without_rejected_rows_there_is_no_file(tmp_path: Path) -> None:
    with Rejects(tmp_path / "rejects.csv", ["a"]) as rejects:
        pass
    assert rejects.path is None
    assert list(tmp_path.iterdir()) == []


def rows_of(path: Path | None) -> list[list[str]]:
    assert path is not None
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))
