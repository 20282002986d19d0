"""Phone numbers as people type them: the number, what kind it is, and who gave it out where.

Numbering plan, carriers and places come from ``phonenumbers`` (Google's libphonenumber), offline.
"""

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Literal, NamedTuple

from crm_store.intake.cleaning.addresses import parse_address
from crm_store.intake.cleaning.phone_places import place_of
from crm_store.intake.cleaning.phone_text import Found, is_masked, numbers, readable

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

Kind = Literal["mobile", "landline", "other"]

_CHINA = 86
# Parts of the country with a code of their own; of other countries the number says enough.
_BY_COUNTRY_CODE = {852: "香港特别行政区", 853: "澳门特别行政区", 886: "台湾省"}
# Numbers that resellers without a network of their own give out (工信部 allotments 162, 165, 167, 170, 171).
_VIRTUAL = ("162", "165", "167", "170", "171")
_PLACEHOLDERS = ("13800138000", "13900139000", "13000000000")
_PREFERRED = {"mobile": 0, "landline": 1, "other": 2}


@dataclass(frozen=True)
class Phone:
    """What a cell says about reaching someone by phone.

    ``e164`` is the number to store and compare (``+8613812345678``), ``national`` the one to show.
    ``kind`` is ``other`` for 400 and 800 numbers, hotlines, and for what is no number. ``carrier`` is
    移动, 联通, 电信, 广电 or 虚拟 (a reseller); ``region`` a Chinese place such as 浙江省杭州市. Both are
    of the day when the number was given out. ``others`` are further numbers of the cell (E.164).
    ``problem`` is a stable code, and then ``e164`` is None.
    """

    e164: str | None
    national: str | None
    kind: Kind
    carrier: str | None = None
    region: str | None = None
    extension: str | None = None
    others: tuple[str, ...] = ()
    problem: str | None = None


def parse_phone(text: str | None) -> Phone:
    """Return the number to reach someone by: the first mobile of the cell, else the first number.

    Never guesses digits: a cell that could be read in two ways gets a ``problem`` (``phone_empty``,
    ``phone_masked``, ``phone_placeholder``, ``phone_area_code_missing``, ``phone_short_code``,
    ``phone_wrong_length``, ``phone_invalid``).
    """
    valid, problem = _read(text)
    if problem:
        kind: Kind = valid[0].kind if valid else "other"
        return Phone(e164=None, national=None, kind=kind, problem=problem)
    best, *rest = valid
    others = dict.fromkeys(number.e164 for number in rest if number.e164 != best.e164)
    return replace(_phone(best), others=tuple(others))


def parse_number(text: str | None) -> tuple[str | None, Kind]:
    """Return ``e164`` and ``kind`` as ``parse_phone`` does, and look nothing else up."""
    valid, problem = _read(text)
    kind: Kind = valid[0].kind if valid else "other"
    return None if problem else valid[0].e164, kind


def warm() -> None:
    """Load the libraries' tables (about a second, once a process), so that the first caller need not wait."""
    parse_phone("13900000001")


class _Number(NamedTuple):
    """A number that the numbering plan has."""

    e164: str
    kind: Kind
    extension: str | None
    parsed: "PhoneNumber"


def _read(text: str | None) -> tuple[list[_Number], str | None]:
    """Return the numbers of a cell, the one to reach someone by first, and why that one is none to use."""
    plain = readable(text)
    if is_masked(plain):
        return [], "phone_masked"
    valid = [number for found in numbers(plain) if (number := _number(found))]
    if not valid:
        return [], _why_not(plain, text)
    best = min(valid, key=lambda number: _PREFERRED[number.kind])
    return [best, *valid], "phone_placeholder" if _is_placeholder(best.e164) else None


@lru_cache(maxsize=4096)
def _number(found: Found) -> _Number | None:
    library = _library()
    parsed = _parsed(found)
    type_ = library.PhoneNumberType.UNKNOWN if parsed is None else library.number_type(parsed)
    if parsed is None or type_ == library.PhoneNumberType.UNKNOWN:
        return None
    e164 = library.format_number(parsed, library.PhoneNumberFormat.E164)
    return _Number(e164, _kind(type_), found.extension, parsed)


def _phone(number: _Number) -> Phone:
    library = _library()
    in_china = number.parsed.country_code == _CHINA
    shown = library.PhoneNumberFormat.NATIONAL if in_china else library.PhoneNumberFormat.INTERNATIONAL
    return Phone(
        e164=number.e164,
        national=library.format_number(number.parsed, shown),
        kind=number.kind,
        carrier=_carrier(number.parsed) if in_china and number.kind == "mobile" else None,
        region=_region(number.parsed) if number.kind != "other" else None,
        extension=number.extension,
    )


def _parsed(found: Found) -> "PhoneNumber | None":
    library = _library()
    try:
        number: PhoneNumber = library.parse(
            f"+{found.digits}" if found.shape == "foreign" else f"+86{found.digits}"
        )
    except library.NumberParseException:
        return None
    return number


def _kind(type_: int) -> Kind:
    library = _library()
    kinds: dict[int, Kind] = {
        library.PhoneNumberType.MOBILE: "mobile",
        library.PhoneNumberType.FIXED_LINE_OR_MOBILE: "mobile",
        library.PhoneNumberType.FIXED_LINE: "landline",
    }
    return kinds.get(type_, "other")


def _carrier(number: "PhoneNumber") -> str | None:
    from phonenumbers import carrier

    if str(number.national_number).startswith(_VIRTUAL):
        return "虚拟"
    return str(carrier.name_for_number(number, "zh")).removeprefix("中国") or None


def _region(number: "PhoneNumber") -> str | None:
    if number.country_code is not None and number.country_code != _CHINA:
        return _BY_COUNTRY_CODE.get(number.country_code)
    place = place_of(str(number.national_number))
    return _place(place) if place else None


@lru_cache(maxsize=1024)
def _place(described: str) -> str | None:
    """Return province and city in their official names; the tables write them in several ways."""
    address = parse_address(described.partition("、")[0])
    if address.province is None:
        return None
    city = address.city or ""
    return address.province if city == address.province else f"{address.province}{city}"


def _is_placeholder(e164: str) -> bool:
    digits = e164.removeprefix("+86")
    return digits in _PLACEHOLDERS or digits.endswith("0" * 8)


def _why_not(plain: str, text: str | None) -> str:
    digits = "".join(character for character in plain if character.isdigit())
    if not digits:
        return "phone_invalid" if text and text.strip() else "phone_empty"
    if digits.startswith(("95", "96", "10", "11", "12")) and len(digits) <= 6:
        return "phone_short_code"
    if len(digits) in (7, 8) and digits[0] in "23456789":
        return "phone_area_code_missing"
    return "phone_invalid" if len(digits) == 11 else "phone_wrong_length"


@cache
def _library() -> ModuleType:
    import phonenumbers

    return phonenumbers
