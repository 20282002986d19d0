"""Cells become typed values; what is not understood is a problem of that row alone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.imports.cells import parse_column
from crm_store.imports.mapping import ColumnMapping, ColumnRule
from crm_store.models.base import from_micros


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-03-05", "2026-03-05T00:00:00+00:00"),
        ("2026-03-05 08:30", "2026-03-05T08:30:00+00:00"),
        ("2026-03-05T08:30:15.25", "2026-03-05T08:30:15.250000+00:00"),
        ("2026/3/5 8:30:15", "2026-03-05T08:30:15+00:00"),
        (" 2026.03.05 ", "2026-03-05T00:00:00+00:00"),
        ("2026-03-05T08:30:15Z", "2026-03-05T08:30:15+00:00"),
        ("2026-03-05 08:30:15+0800", "2026-03-05T00:30:15+00:00"),
        ("", None),
    ],
)
@pytest.mark.parametrize("company", [[], ["2026-01-02"], ["2026/1/2"]])
def test_moments(cell: str, moment: str | None, company: list[str]) -> None:
    """Whatever stands in the same column."""
    values, codes = parse("lead", "closed_at", [cell, *company])
    assert values[0] == (None if moment is None else datetime.fromisoformat(moment))
    assert codes == {}


@pytest.mark.parametrize(
    ("cell", "order", "moment"),
    [
        ("3/5/2026", "mdy", "2026-03-05T00:00:00+00:00"),
        ("3/5/2026", "dmy", "2026-05-03T00:00:00+00:00"),
        ("3/5/2026 2:30 PM", "mdy", "2026-03-05T14:30:00+00:00"),
        ("3/5/2026 12:05 am", "mdy", "2026-03-05T00:05:00+00:00"),
        ("2026/3/5 8:30", "mdy", "2026-03-05T08:30:00+00:00"),
        ("2026年3月5日", "ymd", "2026-03-05T00:00:00+00:00"),
        ("2026年3月5日 8时30分", "ymd", "2026-03-05T08:30:00+00:00"),
        ("2026年3月5日 8:30:15", "ymd", "2026-03-05T08:30:15+00:00"),
        ("3/5/2026", "ymd", None),
        ("13/5/2026", "mdy", None),
        ("3/5/2026 14:30 PM", "mdy", None),
    ],
)
def test_dates_in_the_order_of_another_country(cell: str, order: str, moment: str | None) -> None:
    values, _ = parse("lead", "closed_at", [cell], date_order=order)
    assert values == [None if moment is None else datetime.fromisoformat(moment)]


def test_a_moment_without_a_zone_is_in_the_mappings_zone() -> None:
    values, _ = parse("lead", "closed_at", ["2026-03-05 08:00", "2026/3/5 8:00"], timezone="Asia/Shanghai")
    assert values == [datetime(2026, 3, 5, tzinfo=UTC)] * 2


@pytest.mark.parametrize(
    "bad", ["昨天", "2026-02-30", "2026-13-01", "05.03.2026", "2026-03-05 25:00", "46000"]
)
def test_what_is_no_moment(bad: str) -> None:
    values, codes = parse("lead", "closed_at", ["2026-03-05", bad, ""])
    assert values[1:] == [None, None]
    assert codes == {1: "wrong_type"}


@pytest.mark.parametrize("bad", ["0226-03-05", "2926-03-05", "1899/12/31"])
def test_a_slip_of_the_pen_in_the_year(bad: str) -> None:
    assert parse("lead", "closed_at", ["2026-03-05", bad])[1] == {1: "date_out_of_range"}


def test_dates_can_be_bounded() -> None:
    bounds = {"not_before": "2020-01-01T00:00:00Z", "before": "2021-01-01T00:00:00Z"}
    cells = ["2019-12-31", "2020-01-01", "2020-12-31 23:59:59", "2021-01-01"]
    assert parse("lead", "closed_at", cells, **bounds)[1] == {0: "date_out_of_range", 3: "date_out_of_range"}


@pytest.mark.parametrize(
    ("cells", "values", "codes"),
    [
        (["1", "2.5", "-3e2", ""], [1.0, 2.5, -300.0, None], {}),
        (["1,200.50", "12", ".5"], [1200.5, 12.0, 0.5], {}),
        (
            ["1", "abc", "1_000", "nan", "inf", "1e999", "1,2,3"],
            [1.0, *[None] * 6],
            dict.fromkeys(range(1, 7), "wrong_type"),
        ),
    ],
)
def test_numbers(cells: list[str], values: list[float | None], codes: dict[int, str]) -> None:
    assert parse("lead", "expected_volume", cells) == (values, codes)


@pytest.mark.parametrize("alone", [True, False])
def test_not_a_number_is_no_number_even_when_all_cells_look_like_one(alone: bool) -> None:
    assert parse("lead", "expected_volume", ["nan"] if alone else ["nan", "1"])[1] == {0: "wrong_type"}


def test_whole_numbers() -> None:
    cells = ["12", "12.0", "1,200", "1.5", "9999999999", "x"]
    values, codes = parse("account", "employees", cells)
    assert values == [12, 12, 1200, None, None, None]
    assert codes == dict.fromkeys([3, 4, 5], "wrong_type")


def test_yes_and_no() -> None:
    cells = ["是", "TRUE", "yes", "1", "否", "False", "0", "", "也许"]
    values, codes = parse("document", "sealed", cells)
    assert values == [True, True, True, True, False, False, False, None, None]
    assert codes == {8: "wrong_type"}


def test_a_number_that_excel_shortened_has_lost_its_digits() -> None:
    cells = ["1.38001E+10", "9.1E+17", "13800138000", "E+10", "model 1.5E+3"]
    assert parse("lead", "phone", cells)[1] == {0: "digits_lost", 1: "digits_lost"}
    assert parse("activity", "text", cells)[1] == {}


def test_a_guard_before_a_formula_is_no_part_of_the_text() -> None:
    cells = ["'+8613800138000", "'=1+1", "''=x", "'quoted'", " 甲 ", "'-5"]
    values, _ = parse("lead", "company", cells)
    assert values == ["+8613800138000", "=1+1", "'=x", "'quoted'", "甲", "-5"]
    assert parse("lead", "budget", ["'-5"])[0] == [-5.0]


def test_bounds_and_lists_and_lengths() -> None:
    assert parse("contact", "weight", ["0", "100", "101", "-1"])[1] == {2: "out_of_range", 3: "out_of_range"}
    assert parse("lead", "status", ["won", "", "sold"])[1] == {2: "not_allowed"}
    assert parse("lead", "contact_name", ["张" * 120, "张" * 121])[1] == {1: "too_long"}


def test_cells_are_translated_first() -> None:
    values, codes = parse("activity", "channel", ["电话", "chat", "传真"], values={"电话": "call"})
    assert values[:2] == ["call", "chat"]
    assert codes == {2: "not_allowed"}


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=8), st.booleans())
def test_every_number_that_python_writes_is_read_back(numbers: list[float], with_odd_cell: bool) -> None:
    cells = [repr(number) for number in numbers] + ["1,000"] * with_odd_cell
    values, codes = parse("lead", "expected_volume", cells)
    assert values == numbers + [1000.0] * with_odd_cell
    assert codes == {}


@given(
    st.lists(
        st.integers(-2_208_000_000_000_000, 7_250_000_000_000_000).map(from_micros),
        max_size=8,
    ),
    st.booleans(),
)
def test_every_moment_that_python_writes_is_read_back(moments: list[datetime], with_odd_cell: bool) -> None:
    cells = [moment.isoformat() for moment in moments] + ["2026/3/5"] * with_odd_cell
    values, codes = parse("lead", "closed_at", cells)
    assert values == moments + [datetime(2026, 3, 5, tzinfo=UTC)] * with_odd_cell
    assert codes == {}


def parse(
    entity: str,
    field: str,
    cells: list[str],
    timezone: str = "UTC",
    date_order: str = "ymd",
    **rule: Any,
) -> tuple[list[Any], dict[int, str]]:
    """Return the values, and the code of every row with a problem."""
    rules = [{"column": "a", "field": field, **rule}, {"column": "id", "field": "external_id"}]
    mapping = ColumnMapping.model_validate(
        {
            "entity": entity,
            "source": "s",
            "columns": rules,
            "timezone": timezone,
            "date_order": date_order,
        }
    )
    values, found = parse_column(cells, ColumnRule.model_validate(rules[0]), mapping)
    return values.to_pylist(), {index: problem.code for index, problem in found}
