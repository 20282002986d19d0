"""An export shows what it holds, in the reader's language, and streams."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_store.exports import xlsx_file
from crm_store.exports.csv_file import export_csv
from crm_store.exports.xlsx_file import export_xlsx
from crm_store.imports.sheets import SheetRows
from crm_store.repositories.problems import StoreError

FIELDS = ("external_id", "company", "phone", "budget", "created_at")
LEAD: dict[str, Any] = {
    "external_id": "1",
    "company": "杭州，某厂",
    "phone": "+8613800138000",
    "budget": -1200.5,
    "created_at": datetime(2026, 3, 1, 16, tzinfo=UTC),
}


def test_a_csv_file_opens_in_excel_with_its_chinese_intact() -> None:
    whole = b"".join(export_csv("lead", [LEAD], FIELDS))
    assert whole.startswith(b"\xef\xbb\xbf")
    assert whole.decode("utf-8-sig").splitlines() == [
        "编号,公司,电话,预算,创建时间",
        "1,杭州，某厂,'+8613800138000,-1200.5,2026-03-02 00:00:00",
    ]


def test_headers_are_chinese_or_english_and_never_twice_the_same() -> None:
    english = b"".join(export_csv("lead", [], FIELDS, language="en")).decode("utf-8-sig")
    assert english.strip() == "External ID,Company,Phone,Budget,Created at"
    for entity in ("lead", "ticket", "order_snapshot", "document", "device"):
        header = b"".join(export_csv(entity, [])).decode("utf-8-sig").strip().split(",")
        assert len(header) == len(set(header))


def test_rows_are_asked_for_as_they_go_out() -> None:
    asked, told = 0, []

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal asked
        for _ in range(2_500):
            asked += 1
            yield LEAD

    pieces = export_csv("lead", rows(), FIELDS, progress=told.append)
    next(pieces)
    assert asked == 1_000
    assert sum(piece.count(b"\n") for piece in pieces) == 1_500
    assert told == [1_000, 2_000, 2_500]


@pytest.mark.parametrize(("entity", "fields"), [("lead", ["password"]), ("lead", ["tier"]), ("nobody", None)])
def test_a_field_that_is_none_is_refused_before_anything_goes_out(entity: str, fields: Any) -> None:
    with pytest.raises(StoreError) as caught:
        export_csv(entity, [], fields)
    assert caught.value.problem.code == "unknown_field"


def test_a_workbook_has_typed_cells(tmp_path: Path) -> None:
    done = export_xlsx("lead", [LEAD, {"external_id": "2"}], tmp_path / "leads.xlsx", FIELDS)
    assert (done.rows, done.cells_cut) == (2, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["leads.xlsx"]
    with SheetRows(done.path) as rows:
        assert rows.header == ["编号", "公司", "电话", "预算", "创建时间"]
        [chunk] = rows.chunks()
    assert chunk.rows == [
        ["1", "杭州，某厂", "+8613800138000", "-1200.5", "2026-03-02"],
        ["2", "", "", "", ""],
    ]


def test_what_a_sheet_cannot_hold_goes_to_the_next_and_long_texts_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_file, "SHEET_ROWS", 3)
    rows = [{"external_id": str(number), "company": "长" * 40_000} for number in range(3)]
    done = export_xlsx("lead", rows, tmp_path / "a.xlsx", ["external_id", "company"], language="en")
    assert (done.rows, done.cells_cut) == (3, 3)
    with SheetRows(done.path, "Data 2") as second:
        assert second.header == ["External ID", "Company"]
        [chunk] = second.chunks()
    [[number, text]] = chunk.rows
    assert number == "2"
    assert text.endswith("export CSV for all)")


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield LEAD
        raise RuntimeError("the store went away")

    with pytest.raises(RuntimeError):
        export_xlsx("lead", rows(), tmp_path / "a.xlsx", FIELDS)
    assert list(tmp_path.iterdir()) == []
