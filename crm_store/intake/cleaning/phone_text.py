"""Finding the numbers in a cell: what people write around, in and between them. Only ``phones`` enters."""

import re
from dataclasses import dataclass
from typing import Literal

from crm_store.intake.cleaning.text import tidy

Shape = Literal["mobile", "landline", "hotline", "foreign"]

_GAP = r"[ \-.()_·]*"
_CHINA = rf"\+?{_GAP}(?:00{_GAP})?86{_GAP}"
# Carriers' cheap-call prefixes that old address books still put in front.
_DIAL_THROUGH = rf"(?:(?:17951|17911|17909|12593|10193){_GAP})?"
_AREA_AND_NUMBER = (
    rf"(?:(?:10|2\d)\)?{_GAP}[2-9](?:{_GAP}\d){{7}}|[3-9]\d\d\)?{_GAP}[2-9](?:{_GAP}\d){{6,7}})"
)
_SHAPES = (
    rf"(?:\+|00){_GAP}(?!86)(?P<foreign>[1-9](?:{_GAP}\d){{6,14}})",
    rf"{_DIAL_THROUGH}(?:{_CHINA}){{0,2}}0?(?P<mobile>1{_GAP}[3-9](?:{_GAP}\d){{9}})",
    rf"(?:{_CHINA}){{0,2}}(?P<hotline>[48]{_GAP}0{_GAP}0(?:{_GAP}\d){{7}})",
    rf"(?:(?:{_CHINA}){{1,2}}\(?0?|0){_GAP}(?P<landline>{_AREA_AND_NUMBER})"
    rf"(?:{_GAP}-{_GAP}(?P<extension>\d{{1,5}}))?",
)
_NUMBER = re.compile(rf"(?<!\d)(?:{'|'.join(_SHAPES)})(?!\d)")
# A spreadsheet that took the number for an amount dropped the 0 of the area code.
_LOST_ZERO = re.compile(rf"\D*(?P<landline>{_AREA_AND_NUMBER})\D*")

_EXTENSION = re.compile(r"(?:转接?|分机号?|ext(?:ension)?\.?|(?<=\d)\s*x|#)\s*[:.]?\s*(\d{1,6})(?!\d)", re.I)
_NOT_A_PHONE = re.compile(
    r"(?:qq号?|扣扣|传真|fax|税号|信用代码|订单号?|邮编)\s*[:号.]?\s*[\d \-()]+|[\w.+-]+@[\w.-]+", re.I
)
_MASKED = re.compile(r"\d[\s-]*[*xX×?●■]{2,}|[*xX×●■]{3,}[\s-]*\d")
_TYPED_LETTERS = re.compile(r"(?<![A-Za-z])[0-9OoIl|](?:[ \-.()]?[0-9OoIl|]){6,}(?![A-Za-z])")
_LETTER_DIGITS = str.maketrans("OoIl|", "00111")
_SPOKEN = re.compile(r"[零〇一二三四五六七八九幺](?:[ -]?[零〇一二三四五六七八九幺\d]){6,}")
_SPOKEN_DIGITS = str.maketrans("零〇一二三四五六七八九幺", "001234567891")
_RUN_TOGETHER = re.compile(r"(?<!\d)(1[3-9]\d{9})(?=1[3-9]\d{9}(?!\d))")
_SLASHED_AREA = re.compile(r"(?<!\d)(0\d{2,3}) ?/ ?(?=[2-9]\d{6,7}(?!\d))")
_AS_AMOUNT = re.compile(r"(\d(?:\.\d+)?)[eE]\+?(\d{1,2})")
_DIGITS_BEFORE = re.compile(rf"(?:\d{_GAP})+$")
_DIGITS_AFTER = re.compile(rf"{_GAP}(\d(?:{_GAP}\d)*)")
# Up to two stray digits beside a number are a slip of the finger; more are another number or a date.
_SLIP = 2


@dataclass(frozen=True)
class Found:
    """One number as written: its shape and digits (without +86 and the 0 of the area code)."""

    shape: Shape
    digits: str
    extension: str | None = None


def readable(text: str | None) -> str:
    """Return the cell with letters and words that stand for digits made digits, and without other numbers."""
    plain = _NOT_A_PHONE.sub(" ; ", _amount_as_digits(tidy(text)))
    plain = _SPOKEN.sub(lambda run: run[0].translate(_SPOKEN_DIGITS), plain)
    plain = _TYPED_LETTERS.sub(_letters_as_digits, plain)
    return _RUN_TOGETHER.sub(r"\1;", _SLASHED_AREA.sub(r"\1-", plain))


def is_masked(text: str) -> bool:
    """Tell whether digits are hidden, as in ``138****5678``."""
    return bool(_MASKED.search(text))


def numbers(text: str) -> list[Found]:
    """Return every number of a readable cell, in order; none when stray digits make one doubtful."""
    extension = _EXTENSION.search(text)
    bare = _EXTENSION.sub(";", text)
    matches = list(_NUMBER.finditer(bare))
    if not matches:
        lost = _LOST_ZERO.fullmatch(bare)
        matches = [lost] if lost else []
    if any(_is_doubtful(bare, match, matches) for match in matches):
        return []
    found = [_found(match) for match in matches]
    if extension and found and found[0].shape != "mobile":
        found[0] = Found(found[0].shape, found[0].digits, extension[1])
    return found


def _found(match: re.Match[str]) -> Found:
    groups = match.groupdict()
    for shape in ("foreign", "mobile", "hotline", "landline"):
        if groups.get(shape):
            return Found(shape, re.sub(r"\D", "", groups[shape]), groups.get("extension"))
    raise AssertionError("a number has a shape")


def _is_doubtful(text: str, match: re.Match[str], matches: list[re.Match[str]]) -> bool:
    """Tell whether digits beside a number may belong to it: ``138 1234 5678 9`` is nobody's number."""
    ends = {other.end() for other in matches}
    starts = {other.start() for other in matches}
    before = _DIGITS_BEFORE.search(
        text, max((end for end in ends if end <= match.start()), default=0), match.start()
    )
    after = _DIGITS_AFTER.match(
        text, match.end(), min((at for at in starts if at >= match.end()), default=len(text))
    )
    broken = bool(re.search(r"\d\D+\d", match[0]))
    return any(stray and (broken or len(re.sub(r"\D", "", stray[0])) <= _SLIP) for stray in (before, after))


def _letters_as_digits(run: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in run[0])
    letters = sum(character in "OoIl|" for character in run[0])
    return run[0].translate(_LETTER_DIGITS) if digits > letters else run[0]


def _amount_as_digits(text: str) -> str:
    """Undo a spreadsheet: ``13812345678.0`` and ``1.3812345678E10`` are the number, ``1.38E+10`` is lost."""
    if re.fullmatch(r"\d{7,}\.0+", text):
        return text.partition(".")[0]
    amount = _AS_AMOUNT.fullmatch(text)
    if not amount:
        return text
    digits = amount[1].replace(".", "")
    return digits if len(digits) == int(amount[2]) + 1 else ""
