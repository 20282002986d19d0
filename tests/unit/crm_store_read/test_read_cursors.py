"""A cursor leads on in the list that gave it, and nowhere else."""

import base64
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.repositories.cursors import BadCursor, decode, encode

FILTERS = ("lead_health", "red", None, None, None)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="ascii", exclude_characters="\0")),
)
def test_a_cursor_gives_back_the_very_place(rank: float, entity_id: str) -> None:
    found = decode(encode(rank, entity_id[:40], FILTERS), FILTERS)
    assert found == (rank, entity_id[:40])


@given(st.text())
def test_garbage_is_refused_with_a_code(garbage: str) -> None:
    with pytest.raises(BadCursor) as caught:
        decode(garbage, FILTERS)
    problem = caught.value.problem
    assert (problem.code, problem.field) == ("bad_cursor", "cursor")
    assert "第一页" in problem.zh
    assert "first page" in problem.en


@given(st.data())
def test_a_cursor_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    cursor = encode(61.25, "lea_1", FILTERS)
    place = data.draw(st.integers(0, len(cursor) - 2))  # the last character has bits that say nothing
    other = data.draw(st.sampled_from("abcXYZ019-_").filter(lambda letter: letter != cursor[place]))
    with pytest.raises(BadCursor):
        decode(cursor[:place] + other + cursor[place + 1 :], FILTERS)


def test_a_cursor_of_other_filters_is_refused() -> None:
    cursor = encode(61.25, "lea_1", FILTERS)
    for others in (("account_churn", *FILTERS[1:]), ("lead_health", None, *FILTERS[2:]), (*FILTERS[:4], "x")):
        with pytest.raises(BadCursor):
            decode(cursor, others)


@pytest.mark.parametrize(
    "payload", ["[]", "[1]", "7", '{"a":1}', "[true,1]", '["1","lea"]', "[NaN,1]", "[" * 200]
)
def test_well_formed_nonsense_is_refused(payload: str) -> None:
    with pytest.raises(BadCursor):
        decode(base64.urlsafe_b64encode(b"123456" + payload.encode()).decode().rstrip("="), FILTERS)


def test_an_endless_cursor_is_refused_before_it_is_read() -> None:
    deep = base64.urlsafe_b64encode(json.dumps("[" * sys.getrecursionlimit()).encode()).decode()
    with pytest.raises(BadCursor):
        decode(deep, FILTERS)
