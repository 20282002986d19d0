"""A CSV file as people send it: every row is read with its line, or refused with a reason; none is lost."""

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.imports import reader
from crm_store.imports.reader import CsvRows, examine
from crm_store.repositories.problems import StoreError

HEADER = "编号,公司,备注\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    rows, refused = read(tmp_path, (HEADER + "1,杭州某厂,急\n").encode(encoding))
    assert rows == [(2, ["1", "杭州某厂", "急"])]
    assert refused == []


def test_one_damaged_line_does_not_change_the_encoding(tmp_path: Path) -> None:
    good = "".join(f"{number},公司,好\n" for number in range(5))
    rows, refused = read(tmp_path, (HEADER + good).encode() + b"5,\xff\xfe\xff,x\n" + "6,乙,好\n".encode())
    assert [cells[0] for _, cells in rows] == ["0", "1", "2", "3", "4", "6"]
    assert refused == [(7, "bad_encoding")]


def test_a_character_cut_off_at_the_end_of_the_file_is_damage(tmp_path: Path) -> None:
    rows, refused = read(tmp_path, (HEADER + "1,甲,x\n2,乙,好").encode()[:-1])
    assert [line for line, _ in rows] == [2]
    assert refused == [(3, "bad_encoding")]


def test_a_nul_byte_spoils_its_row_only(tmp_path: Path) -> None:
    rows, refused = read(tmp_path, (HEADER + "1,a\x00b,x\n2,乙,y\n").encode())
    assert rows == [(3, ["2", "乙", "y"])]
    assert refused == [(2, "bad_encoding")]


@pytest.mark.parametrize("row", ["1,甲", "1,甲,x,y", "only"])
def test_a_wrong_number_of_cells_is_refused(tmp_path: Path, row: str) -> None:
    rows, refused = read(tmp_path, f"{HEADER}{row}\n2,乙,y\n".encode())
    assert rows == [(3, ["2", "乙", "y"])]
    assert refused == [(2, "wrong_cell_count")]


@pytest.mark.parametrize("torn", ['1,"甲,x', '1,甲,"x', '1,"甲"乙,x', '"'])
@pytest.mark.parametrize("after", ["2,乙,y\n3,丙,z\n", '2,"乙",y\n3,"丙\n二",z\n', "2,乙,y\n3,丙,z"])
def test_a_torn_quote_takes_no_good_row_with_it(tmp_path: Path, torn: str, after: str) -> None:
    rows, refused = read(tmp_path, f"{HEADER}{torn}\n{after}".encode())
    assert [cells[0] for _, cells in rows] == ["2", "3"]
    assert [line for line, _ in rows] == [3, 4]
    assert refused == [(2, "torn_quotes")]


def test_quoted_line_breaks_belong_to_their_cell_and_count_as_lines(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, f'{HEADER}1,"甲\n乙",x\r\n\r\n2,"say ""hi""",y\n'.encode())
    assert rows == [(2, ["1", "甲\n乙", "x"]), (5, ["2", 'say "hi"', "y"])]


def test_rows_come_in_chunks_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("id\n" + "".join(f"{number}\n" for number in range(25)))
    with CsvRows(path, examine(path)) as rows:
        sizes = [len(chunk.rows) for chunk in rows.chunks(10)]
    assert sizes == [10, 10, 5]


@given(
    cells=st.lists(st.tuples(*[st.text(st.sampled_from('ab",\n 杭'), max_size=4)] * 2), max_size=12),
    block=st.integers(1, 5),
)
def test_what_a_csv_writer_wrote_is_read_back_in_blocks_of_any_size(
    cells: list[tuple[str, str]], block: int
) -> None:
    text, lines = io.StringIO(), []
    writer = csv.writer(text, lineterminator="\n")
    for row in [("编号", "备注"), *cells]:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(text.getvalue().encode())
        with CsvRows(path, examine(path)) as file:
            chunks = list(file.chunks(block))
    assert [tuple(row) for chunk in chunks for row in chunk.rows] == cells
    assert [line for chunk in chunks for line in chunk.lines] == lines[1:]
    assert [chunk.unreadable for chunk in chunks] == [[] for _ in chunks]


@pytest.mark.parametrize("title", ["三月报表,,\n", "报表\n导出时间,2026-04-01\n\n", '"两行的\n标题"\n'])
def test_the_header_may_stand_below_a_title(tmp_path: Path, title: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"{title}{HEADER}1,甲,x\n" + "2,乙,y\n" * 30)
    with CsvRows(path, examine(path), wanted={"编号", "公司"}) as rows:
        above = title.count("\n")
        assert (rows.header_line, rows.header) == (above + 1, ["编号", "公司", "备注"])
        chunks = list(rows.chunks(10))
    assert [line for chunk in chunks for line in chunk.lines] == list(range(above + 2, above + 33))


def test_a_chunk_holds_no_more_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By characters as by rows: a file of long rows takes no more memory than one of short rows."""
    monkeypatch.setattr(reader, "CHUNK_CHARACTERS", 10_000)
    path = tmp_path / "file.csv"
    path.write_text("id,text\n" + "".join(f"{number},{'x' * 900}\n" for number in range(200)))
    with CsvRows(path, examine(path)) as rows:
        sizes = [len(chunk) for chunk in rows.chunks()]
    assert sizes == [50, 50, 50, 50]


def test_a_cell_that_is_too_long_says_so(tmp_path: Path) -> None:
    rows, refused = read(tmp_path, f"{HEADER}1,{'x' * 140_000},y\n2,乙,y\n".encode())
    assert [line for line, _ in rows] == [3]
    assert refused == [(2, "cell_too_long")]


@given(st.integers(0, 12), st.integers(1, 5))
def test_what_follows_some_rows_is_the_same_whatever_the_blocks(skip: int, block: int) -> None:
    """Readable or not: so a job that was stopped goes on at the right row."""
    lines = ["1,a", "2", '3,"b', "4,d", "5,e,f", "6,g", "7", "8,h", "9,i", "10,j", "11,k", "12"]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_text("id,x\n" + "\n".join(lines) + "\n")
        left, seen = skip, []
        with CsvRows(path, examine(path)) as rows:
            for chunk in rows.chunks(block):
                rest, left = (chunk.after(min(left, len(chunk))), max(left - len(chunk), 0))
                seen += sorted([*rest.lines, *(line for line, _, _ in rest.unreadable)])
    assert seen == list(range(2 + skip, 14))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no_header"),
        ("编号,a\n1,2\n".encode("utf-16"), "encoding_unsupported"),
        (b"a,b\n" + b"x" * (3 << 20), "line_too_long"),
        (b"a" + b",a" * 2_000, "too_many_columns"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_so(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(StoreError) as caught:
        read(tmp_path, content)
    assert caught.value.problem.code == code


def read(folder: Path, content: bytes) -> tuple[list[tuple[int, list[str]]], list[tuple[int, str]]]:
    """Return (line, cells) of the rows read, and (line, code) of those refused."""
    path = folder / "file.csv"
    path.write_bytes(content)
    rows: list[tuple[int, list[str]]] = []
    refused: list[tuple[int, str]] = []
    with CsvRows(path, examine(path)) as file:
        for chunk in file.chunks():
            rows += zip(chunk.lines, chunk.rows, strict=True)
            refused += [(line, problem.code) for line, problem, _ in chunk.unreadable]
    return rows, refused
