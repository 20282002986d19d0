"""A workbook is read cell by cell as a person sees it, within limits of memory and time."""

import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from workbooks import patched, sheet_xml, workbook

from crm_store.imports import workbook as limits
from crm_store.imports.sheets import SheetRows
from crm_store.repositories.problems import StoreError

SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (13800138000, "13800138000"),
        (0.5, "0.5"),
        (-5, "-5"),
        (1e-7, "1e-07"),
        (True, "true"),
        ("0012", "0012"),
        ("+86 138 0013 8000", "+86 138 0013 8000"),
        (" 杭州\n二部", " 杭州\n二部"),
        (date(2026, 3, 5), "2026-03-05"),
        (datetime(2026, 3, 5, 8, 30, 15), "2026-03-05 08:30:15"),  # noqa: DTZ001
        ("=1+1", "0"),
    ],
)
def test_cells_as_a_person_sees_them(tmp_path: Path, typed: Any, text: str) -> None:
    [(line, [cell, _])] = read(workbook(tmp_path / "a.xlsx", [["值", "x"], [typed, "y"]]))
    assert (line, cell) == (2, text)


def test_digits_that_excel_has_lost_already_are_not_made_up(tmp_path: Path) -> None:
    [(_, [cell])] = read(workbook(tmp_path / "a.xlsx", [["信用代码"], [912345678901234567]]))
    assert cell == "9.12345678901235E+17"


def test_a_date_without_its_format_is_still_a_date_where_dates_are_wanted(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["时间", "数量"], [46086.354166666664, 46086], ["46086 号", 1]])
    with SheetRows(path, moments={"时间"}) as rows:
        [chunk] = rows.chunks()
    assert chunk.rows == [["2026-03-05 08:30:00", "46086"], ["46086 号", "1"]]


def test_the_header_may_stand_below_a_title(tmp_path: Path) -> None:
    rows = [
        ["三月线索报表"],
        ["导出时间", "2026-04-01"],
        [],
        ["编号", "公司", ""],
        [1, "甲", "旁注"],
        [],
        [2, "乙"],
    ]
    path = workbook(tmp_path / "a.xlsx", rows)
    with SheetRows(path, wanted={"编号", "公司"}) as opened:
        assert (opened.header_line, opened.header) == (4, ["编号", "公司", ""])
        [chunk] = opened.chunks()
    assert chunk.lines == [5, 7]
    assert chunk.rows == [["1", "甲", "旁注"], ["2", "乙", ""]]


def test_the_first_sheet_is_read_unless_another_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["a"], [1]], [["b"], [2]])
    assert read(path) == [(2, ["1"])]
    assert read(path, "Sheet2") == [(2, ["2"])]
    assert refusal(path, "Sheet3") == "no_such_sheet"


def test_rows_come_in_chunks(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["n"], *([number] for number in range(1, 26))])
    with SheetRows(path) as rows:
        assert rows.lines == 26
        assert [len(chunk) for chunk in rows.chunks(10)] == [10, 10, 5]


def test_a_cell_that_no_store_can_keep_spoils_its_row_only(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["a"], ["a\x00b"], ["c"]])
    with SheetRows(path) as rows:
        [chunk] = rows.chunks()
    assert chunk.rows == [["c"]]
    assert [(line, problem.code) for line, problem, _ in chunk.unreadable] == [(2, "bad_character")]


def test_what_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    for content in (b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x00" * 100):
        path.write_bytes(content)
        assert refusal(path) == "workbook_unreadable"


def test_an_empty_sheet_has_no_header(tmp_path: Path) -> None:
    assert refusal(workbook(tmp_path / "a.xlsx", [])) == "no_header"
    assert refusal(workbook(tmp_path / "b.xlsx", [["", " "]])) == "no_header"


def test_entities_in_its_xml_are_refused_and_never_expanded(tmp_path: Path) -> None:
    head = "<!DOCTYPE z [" + "".join(
        f'<!ENTITY e{level} "{f"&e{level - 1};" * 10 if level else "ha" * 50}">' for level in range(9)
    )
    cell = '<row r="1"><c r="A1" t="inlineStr"><is><t>&e8;</t></is></c></row>'
    path = patched(workbook(tmp_path / "a.xlsx", [["a"]]), SHEET, sheet_xml(cell, head=head + "]>"))
    assert refusal(path) in ("workbook_unreadable", "no_header")


def test_two_cells_in_opposite_corners_do_not_fill_the_memory_between_them(tmp_path: Path) -> None:
    cells = [
        '<row r="1"><c r="A1"><v>1</v></c></row>',
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
    ]
    path = patched(workbook(tmp_path / "a.xlsx", [["a"]]), SHEET, sheet_xml(*cells))
    assert refusal(path) in ("workbook_too_large", "workbook_beyond_limits", "workbook_unreadable")


def test_a_zip_bomb_is_refused_by_what_it_says_of_itself(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["a"]])
    blank = b" " * (1 << 20)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/worksheets/sheet2.xml", "w", force_zip64=True) as part,
    ):
        for _ in range((limits.MAX_EXPANDED >> 20) + 1):
            part.write(blank)
    assert path.stat().st_size < 5 << 20
    assert refusal(path) == "workbook_too_large"


def test_one_string_told_in_every_cell_meets_the_memory_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shared string of a megabyte in thousands of cells is gigabytes once it is in each of them."""
    path = workbook(tmp_path / "a.xlsx", [["a"]])
    cells = (f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 4_000))
    patched(path, SHEET, sheet_xml(*cells))
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    patched(path, "xl/sharedStrings.xml", f'<sst {space} count="1"><si><t>{"x" * (1 << 20)}</t></si></sst>')
    assert refusal(path) == "workbook_beyond_limits"


def read(path: Path, sheet: str | None = None) -> list[tuple[int, list[str]]]:
    with SheetRows(path, sheet) as rows:
        return [one for chunk in rows.chunks() for one in zip(chunk.lines, chunk.rows, strict=True)]


def refusal(path: Path, sheet: str | None = None) -> str:
    with pytest.raises(StoreError) as caught, SheetRows(path, sheet):
        pass
    problem = caught.value.problem
    assert problem.zh
    assert problem.en
    return problem.code
