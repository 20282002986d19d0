"""A record as the search for duplicates sees it: read and cleaned once, compared many times."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from crm_store.intake.cleaning.addresses import parse_address
from crm_store.intake.cleaning.phones import parse_number
from crm_store.intake.cleaning.text import tidy
from crm_store.intake.duplicates.names import Name, read_name

# 王经理 and 李先生 could be many people, and so could a single character.
_VAGUE = re.compile(r"^.$|(经理|总监|主任|科长|院长|处长|部长|工程师|老师|先生|女士|小姐|老板|医生|总|工)$")
# What intake has cleaned is a mobile number of mainland China as it stands.
_CLEAN_MOBILE = re.compile(r"\+861[3-9]\d{9}")
_DIGEST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """What two records are compared by; None, or "" for the place, where a record says nothing usable.

    Of telephone, credit code and e-mail only digests are kept: they are either the same or not. ``place`` is
    the beginning of a GB/T 2260 code: 32 for Jiangsu, 3205 for Suzhou.
    """

    mobile: str | None = None
    landline: str | None = None
    credit_code: str | None = None
    email: str | None = None
    person: str | None = None
    company: Name | None = None
    place: str = ""

    @property
    def is_vague(self) -> bool:
        """Whether the person's name is only a surname with a title."""
        return self.person is not None and _VAGUE.search(self.person) is not None

    @property
    def province(self) -> str:
        """The two digits of the province, or ""."""
        return self.place[:2]


def read_profile(fields: Mapping[str, Any]) -> Profile:
    """Return the profile of a lead's or an account's fields. About 0.2 ms."""
    name = fields.get("company") or fields.get("name")
    read = read_name(name) if name else None
    number, is_mobile = _phone(fields.get("phone"))
    code, email, person = (tidy(fields.get(field)) for field in ("credit_code", "email", "contact_name"))
    return Profile(
        mobile=digest(number) if number and is_mobile else None,
        landline=digest(number) if number and not is_mobile else None,
        credit_code=digest(code.replace(" ", "").upper()) if code else None,
        email=digest(email.lower()) if "@" in email else None,
        person=person.replace(" ", "").lower() or None,
        company=read[0] if read else None,
        place=_place(fields, read[1] if read else None),
    )


def digest(text: str) -> str:
    """Return 16 hex digits that stand for a text: two texts in 10^19 have the same."""
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _phone(text: str | None) -> tuple[str | None, bool]:
    """Return a number in E.164, and whether it is a mobile's."""
    if not text:
        return None, False
    if _CLEAN_MOBILE.fullmatch(text):
        return text, True
    number, kind = parse_number(text)
    return number, kind == "mobile"


def _place(fields: Mapping[str, Any], region: str | None) -> str:
    """Return the finest place that is known; what the name says goes before where somebody sits."""
    named = _place_code(region or "")
    entered = _place_code(fields.get("city") or fields.get("region") or "")
    return entered if entered.startswith(named) else named


@lru_cache(maxsize=8_192)
def _place_code(text: str) -> str:
    """Return the digits of a place's code that say something; "" for 华东 and 中国."""
    code = parse_address(text).adcode if text else None
    return re.sub("(00)+$", "", code or "")
