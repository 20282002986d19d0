"""Tables are read as people send them: separators, encodings, dates, amounts, words for nothing."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from training.tables.columns import read_column, read_columns
from training.tables.errors import TableRefused
from training.tables.reading import read_table, table_of
from training.tables.target import read_target


def _column(*cells: str | None, name: str = "列"):
    return read_column(name, pa.chunked_array([pa.array(cells, pa.string())]))


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1,200.50", "3", "12,000"], [1200.5, 3, 12000]),
        (["¥3.5万", "￥1,200元", "800"], [35000, 1200, 800]),
        (["12%", "3.5%", "?"], [0.12, 0.035, None]),
        (["1.234,50", "7,25", "12,00"], [1234.5, 7.25, 12]),
        (["(300)", "１２", "Unknown"], [-300, 12, None]),
    ],
)
def test_numbers_as_people_write_them(cells: list[str], numbers: list[float | None]) -> None:
    column = _column(*cells)
    assert column.kind == "number"
    assert column.values.tolist() == pytest.approx(numbers, nan_ok=True) or column.values.isna().any()
    assert [None if value != value else round(value, 6) for value in column.values] == numbers


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["03/04/2024", "25/04/2024"], ["2024-04-03", "2024-04-25"]),
        (["04/03/2024", "04/25/2024"], ["2024-04-03", "2024-04-25"]),
        (["2024年3月5日", "2024年12月1日"], ["2024-03-05", "2024-12-01"]),
        (["20240305", "20241201"], ["2024-03-05", "2024-12-01"]),
        (["2024-03-05T10:00:00+08:00", "2024-12-01T00:00:00Z"], ["2024-03-05T02:00", "2024-12-01"]),
    ],
)
def test_dates_as_people_write_them(cells: list[str], days: list[str]) -> None:
    column = _column(*cells)
    assert column.kind == "moment"
    assert column.values.tolist() == [pd.Timestamp(day) for day in days]


def test_hashes_that_look_like_huge_numbers_stay_text() -> None:
    assert _column(*[f"{k}e34567890123456789" for k in range(10, 60)]).kind == "id"


def test_codes_with_leading_zeros_are_categories() -> None:
    assert _column("01529", "04195", "01529", "04195").kind == "category"


def test_gbk_with_semicolons_is_told(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes("渠道;金额;是否成交\n展会;1,5;是\n官网;2,0;否\n".encode("gbk"))
    columns = read_columns(read_table(path))
    assert {name: column.kind for name, column in columns.items()} == {
        "渠道": "category",
        "金额": "number",
        "是否成交": "category",
    }


def test_xlsx_and_parquet_give_the_same_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"day": pd.to_datetime(["2024-01-01", "2024-02-01"]), "x": [1.5, 2.5], "w": ["a", "b"]}
    )
    frame.to_excel(tmp_path / "t.xlsx", index=False, engine="xlsxwriter")
    frame.to_parquet(tmp_path / "t.parquet")
    kinds = [
        {name: column.kind for name, column in read_columns(read_table(tmp_path / name)).items()}
        for name in ("t.xlsx", "t.parquet")
    ]
    assert kinds == [{"day": "moment", "x": "number", "w": "category"}] * 2


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["Won", "Lost"], "Won"),
        (["是", "否"], "是"),
        ([0, 1], "1"),
        ([True, False], "True"),
        (["流失", "留存"], "流失"),
        (["closed lost", "open"], "open"),
    ],
)
def test_the_positive_value_is_found(values: list[object], positive: str) -> None:
    target = read_target("y", table_of(pd.DataFrame({"y": [*values, *values[:1]]})).column("y"))
    assert target.positive.casefold() == positive.casefold()


@pytest.mark.parametrize(("name", "code"), [("none.csv", "table_missing"), ("a.pdf", "table_kind")])
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(TableRefused) as refused:
        read_table(tmp_path / name)
    assert refused.value.code == code
