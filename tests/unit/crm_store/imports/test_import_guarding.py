"""What is disarmed is read back as it was; what never was keeps its meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.imports.guarding import FORMULA_STARTS, guard, unguard

TRICKY = st.text(
    st.sampled_from(["'", "=", "+", "-", "@", "＝", "\t", "\r", "\n", " ", "8", "甲"]), max_size=6
)


@given(st.one_of(TRICKY, st.text(max_size=20)))
def test_a_guarded_cell_is_read_back_as_it_was(cell: str) -> None:
    assert unguard(guard(cell)) == cell


@given(st.one_of(TRICKY, st.text(max_size=20)))
def test_a_guarded_cell_begins_no_formula(cell: str) -> None:
    assert not guard(cell).lstrip(" \u3000").startswith(FORMULA_STARTS)


@pytest.mark.parametrize("cell", ["杭州", "O'Neill", "'quoted'", "1-2", "a=b", ""])
def test_harmless_cells_stay_as_they_are(cell: str) -> None:
    assert guard(cell) == cell
    assert unguard(f" {cell} ") == cell
