"""The rejects file opens in a spreadsheet, says what is wrong, runs nothing, and survives a kill."""

import csv
from pathlib import Path

import pytest

from crm_store.imports.rejects import Refused, Rejects
from crm_store.repositories.problems import Problem, StoreError

PROBLEM = Problem("required", "name", "缺少必填字段 name", "name is required")


def test_a_rejected_row_keeps_its_cells_beside_the_reason(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "new" / "rejects.csv", ["编号", "名称"])
    rejects.add([Refused(7, PROBLEM, ["1", '杭州, "某"厂\n二部'])])
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
    cells = ["=1+1", "+86", "-5", "@sum", "\tx", "＝1", "a=b", "\x00", "\ud800"]
    rejects = Rejects(tmp_path / "rejects.csv", ["=head"])
    rejects.add([Refused(2, PROBLEM, cells)])
    [header, row] = rows_of(rejects.path)
    assert header[5:] == ["'=head"]
    assert row[5:] == ["'=1+1", "'+86", "'-5", "'@sum", "'\tx", "'＝1", "a=b", "\\x00", "\\ud800"]


def test_without_rejected_rows_there_is_no_file(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "rejects.csv", ["a"])
    rejects.add([])
    assert rejects.path is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("torn", ["", "9,requ", '9,required,,"引号\n', "9,required,,,,whole\r\n"])
def test_what_a_killed_job_wrote_and_did_not_commit_is_cut_off(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "rejects.csv"
    Rejects(path, ["备注"]).add([Refused(2, PROBLEM, ['第一行\n"二"']), Refused(3, PROBLEM, ["x"])])
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(torn)
    Rejects(path, ["备注"], count=2).add([Refused(4, PROBLEM, ["y"])])
    assert [(row[0], row[5]) for row in rows_of(path)[1:]] == [("2", '第一行\n"二"'), ("3", "x"), ("4", "y")]


@pytest.mark.parametrize("content", [None, b"line,code\r\n"])
def test_a_rejects_file_that_lost_rows_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "rejects.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        Rejects(path, ["a"], count=1)
    assert caught.value.problem.code == "rejects_missing"


def rows_of(path: Path | None) -> list[list[str]]:
    assert path is not None
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))
