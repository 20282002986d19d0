"""Rows of name → value become the matrix cell by cell, however they are read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from training.encoding import Encoding

ENCODING = Encoding(("visits", "channel", "urgent", "city"), {"channel": ("官网", "展会"), "city": ("1",)})
ROWS: list[Mapping[str, object]] = [
    {"visits": 3, "channel": "展会", "urgent": True, "city": "1", "unread": "x"},
    {"visits": None, "channel": None, "urgent": None, "city": None},
    {"visits": float("nan"), "channel": float("nan"), "urgent": False, "city": float("nan")},
    {"visits": np.float32(0.5), "channel": "never seen", "urgent": np.True_, "city": 1},
    {"visits": Decimal("2.25"), "channel": "", "urgent": 10**15, "city": True},
    {"visits": "1.5", "channel": "官网", "urgent": float("inf"), "city": "1"},
]
NAN = float("nan")
MATRIX = [
    [3, 1, 1, 0],
    [NAN, NAN, NAN, NAN],
    [NAN, NAN, 0, NAN],
    [0.5, NAN, 1, NAN],
    [2.25, NAN, 1e15, NAN],
    [1.5, 0, np.inf, 0],
]


def test_every_kind_of_cell_has_its_number():
    np.testing.assert_array_equal(ENCODING.matrix(ROWS), MATRIX)


def test_a_name_that_is_missing_is_a_missing_value():
    bare = [{name: value for name, value in row.items() if value is not None} for row in ROWS]
    np.testing.assert_array_equal(ENCODING.matrix(bare), MATRIX)


@pytest.mark.parametrize("features", [("visits",), ("channel",), ("channel", "city")])
def test_one_feature_or_categories_alone_are_read_too(features: tuple[str, ...]):
    few = Encoding(features, {name: ENCODING.categories[name] for name in features if name != "visits"})
    places = [ENCODING.features.index(name) for name in features]
    np.testing.assert_array_equal(few.matrix(ROWS), np.array(MATRIX)[:, places])


def test_no_rows_give_no_rows_of_the_matrix():
    assert ENCODING.matrix([]).shape == (0, 4)


def test_text_where_a_number_belongs_is_refused():
    with pytest.raises(ValueError, match="could not convert"):
        ENCODING.matrix([{**ROWS[0], "visits": "many"}])


def test_a_moment_where_a_number_belongs_is_refused():
    with pytest.raises(TypeError):
        ENCODING.matrix([{**ROWS[0], "visits": datetime(2024, 1, 1, tzinfo=UTC)}])
