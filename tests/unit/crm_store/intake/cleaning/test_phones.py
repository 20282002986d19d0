"""Properties of phone numbers that hold for every number, whatever is typed around it."""

import random

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_store.intake.cleaning.phone_places import place_of
from crm_store.intake.cleaning.phones import parse_number, parse_phone
from tests.sizes import FULL, full

MOBILES = st.from_regex(r"1(3[0-9]|5[0-35-9]|8[0-9])[0-9]{7}[1-9]", fullmatch=True)
PREFIXES = st.sampled_from(["", "+86", "0086 ", "86-", "手机：", "Tel. ", "王经理 ", "(+86) "])
GAPS = st.sampled_from(["", " ", "-", ".", "  "])
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


@settings(max_examples=full(100, 2000), deadline=None)
@given(MOBILES, PREFIXES, GAPS, st.booleans())
def test_a_mobile_is_one_number_however_it_is_written(number: str, prefix: str, gap: str, wide: bool) -> None:
    written = gap.join((number[:3], number[3:7], number[7:]))

    found = parse_phone(prefix + (written.translate(FULL_WIDTH) if wide else written))

    assert (found.e164, found.kind, found.problem) == (f"+86{number}", "mobile", None)


@settings(max_examples=full(100, 2000), deadline=None)
@given(MOBILES)
def test_what_cleaning_gives_it_takes_again(number: str) -> None:
    first = parse_phone(number)

    assert parse_phone(first.e164) == first
    assert parse_phone(first.national) == first


@settings(max_examples=full(100, 2000), deadline=None)
@given(MOBILES, st.integers(0, 10))
def test_a_mobile_that_lost_a_digit_is_refused(number: str, at: int) -> None:
    found = parse_phone(number[:at] + number[at + 1 :])

    assert found.kind != "mobile"


@settings(max_examples=full(200, 4000), deadline=None)
@given(st.text(max_size=60) | st.text("0123456789 +-()/转x*Oo手机:", max_size=40))
def test_any_text_gives_a_number_or_a_problem(text: str) -> None:
    found = parse_phone(text)

    assert (found.e164 is None) == (found.problem is not None)
    assert found.e164 not in found.others
    assert parse_number(text) == (found.e164, found.kind)


@pytest.mark.skipif(
    not FULL, reason="the library's reader takes seconds and 95 MB to load: LEADPULSE_TEST_FULL=1"
)
def test_places_are_those_that_the_library_s_own_reader_gives() -> None:
    from phonenumbers import geocoder

    chance = random.Random(7)
    mobiles = (f"1{chance.choice('35789')}{chance.randrange(10**9):09d}" for _ in range(10_000))
    landlines = (
        f"{chance.randrange(10, 1000)}{chance.randrange(2 * 10**7, 9 * 10**7)}" for _ in range(10_000)
    )
    compared = 0
    for digits in (*mobiles, *landlines):
        number = phonenumbers.parse(f"+86{digits}")
        if phonenumbers.is_valid_number(number):
            compared += 1
            assert (place_of(digits) or "中国") == geocoder.description_for_number(number, "zh")

    assert compared > 10_000
