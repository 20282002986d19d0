"""What is hashed is one text, however fast it is written: old entries and new ones are checked alike."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_store.models.base import EPOCH
from crm_store.repositories.fields import Value, to_log
from crm_store.repositories.writes.changelog import canonical, chain, chain_text, signed, written

TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(timezones=st.just(UTC))


def either(values: st.SearchStrategy[Value]) -> st.SearchStrategy[tuple[Value, Value]]:
    return st.tuples(st.none() | values, st.none() | values)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "title": either(TEXTS),
            "amount": either(NUMBERS),
            "budget": either(NUMBERS),
            "created_at": either(MOMENTS),
            "stage": either(TEXTS),
        },
    )
)
@example(
    {"amount": (1e16, 1e-5), "budget": (9.999e-05, -1e22), "title": ("\x00\x1f\x7f\u2028", '甲"\\/\n😀')}
)
@example({"amount": (-0.0, 0.0001), "budget": (5e-324, 1.7976931348623157e308)})
@example({"created_at": (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))})
@example({"created_at": (EPOCH, EPOCH + timedelta(microseconds=1)), "amount": (3.0, 1e15)})
def test_changes_are_written_as_the_log_is_checked(changes: dict[str, tuple[Value, Value]]) -> None:
    logged = {name: [to_log(old), to_log(new)] for name, (old, new) in changes.items()}
    text = written("opportunity", changes)
    assert text.decode() == canonical(logged)
    entry = ("opportunity", 'opp_é"1', 3)
    who_when = ("user:周", '因为"', EPOCH, EPOCH + timedelta(days=20_000, microseconds=7))
    digest = chain("0" * 64, *entry, logged, *who_when)
    assert chain_text("0" * 64, *entry, text, signed(*who_when)) == digest


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**70, 10**30, 2**53 + 1])
def test_large_integers_are_written_out(number: int) -> None:
    assert (
        written("ticket", {"satisfaction": (None, number)}) == f'{{"satisfaction":[null,{number}]}}'.encode()
    )


def test_the_hash_of_an_entry_stays_what_it_was() -> None:
    changes = {
        "need": [None, "试剂"],
        "expected_volume": [None, 1e-7],
        "closed_at": ["2026-01-01T00:00:00+00:00", None],
    }
    digest = chain("0" * 64, "lead", "lea_1", 1, changes, "import:b", None, EPOCH, EPOCH)
    assert digest == "712557b41a2749ea35a5ae3eed59702e1b14099604d9e6cc4581ebc3a61cab73"
