"""What the check character catches, and what is read out of a bad copy."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum.cn import uscc

from crm_store.intake.cleaning.credit_codes import parse_credit_code
from tests.sizes import full

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@st.composite
def _codes(draw: st.DrawFn) -> str:
    area = draw(st.sampled_from(["330109", "110108", "440305", "310115", "100000"]))
    start = draw(st.sampled_from(["91", "92", "93", "12", "51", "N2", "Y1"]))
    body = start + area + draw(st.text(ALPHABET, min_size=9, max_size=9))
    return body + uscc.calc_check_digit(body)


@settings(max_examples=full(150, 2000), deadline=None)
@given(_codes(), st.sampled_from(["{}", " {} ", "税号：{}", "{}。"]))
def test_a_right_code_is_taken_however_it_is_spaced_and_cased(code: str, around: str) -> None:
    assert parse_credit_code(around.format(code)).code == code
    assert parse_credit_code(" ".join((code[:4], code[4:8], code[8:]))).code == code


@settings(max_examples=full(150, 2000), deadline=None)
@given(_codes())
def test_letters_that_a_code_cannot_have_are_read_as_digits(code: str) -> None:
    misread = code.translate(str.maketrans("01", "OI"))

    found = parse_credit_code(misread)

    assert (found.code, found.repaired) == (code, misread != code)


@settings(max_examples=full(200, 3000), deadline=None)
@given(_codes(), st.integers(8, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(code: str, at: int, other: str) -> None:
    assume(code[at] != other)

    found = parse_credit_code(code[:at] + other + code[at + 1 :])

    assert (found.code, found.problem) == (None, "credit_code_checksum")


@settings(max_examples=full(150, 3000), deadline=None)
@given(_codes(), st.integers(8, 16))
def test_two_characters_in_each_other_s_place_are_noticed(code: str, at: int) -> None:
    assume(code[at] != code[at + 1])

    assert parse_credit_code(code[:at] + code[at + 1] + code[at] + code[at + 2 :]).code is None


@settings(max_examples=full(150, 3000), deadline=None)
@given(st.text(max_size=40) | st.text(ALPHABET + "OIlo -", min_size=15, max_size=20))
def test_any_text_gives_a_right_code_or_a_problem(text: str) -> None:
    found = parse_credit_code(text)

    assert (found.code is None) == (found.problem is not None)
    if found.code is not None:
        assert found.code[-1] == uscc.calc_check_digit(found.code[:-1])
