"""Company names: what is compared of them, and in which way two of them agree or differ."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from crm_store.intake.cleaning.companies import parse_company
from crm_store.intake.duplicates.sounds import syllables

Likeness = Literal[
    "same_name",
    "same_sound",
    "like_sound",
    "slip",
    "typo_in_trade",
    "typo_in_brand",
    "short_name",
    "other_trade",
    "other_number",
    "other_name",
]

# Marks around a name, and words in brackets that say which office of it, not which company.
_AROUND = "【】「」“”\"'[] 。.,，"
_HEAD_OFFICE = re.compile(r"[（(](?:总部|总公司|本部|筹)[)）]")
# What tells 第一人民医院 from 第二人民医院, and 360 from 361.
_NUMBER = re.compile(r"第[一二三四五六七八九十百\d]+|\d+")
# A department names where in a hospital or university somebody sits, not another customer.
_DEPARTMENT = re.compile(r"(?<=医院|大学|学院)[^院学]{1,6}(科|室|处|部|组|中心)$")
# 无, 测试, 科技有限公司: what cleaning has found to name nobody.
_NO_NAME = frozenset({"company_empty", "company_placeholder", "company_no_trade_name"})
_SHORTEST_BRAND = 2


@dataclass(frozen=True, slots=True)
class Name:
    """A company's name: ``core`` is what is left without place, legal form and branch: ``brand`` + ``trade``.

    ``trade`` is empty when the core ends in no word that is known to be one.
    """

    core: str
    brand: str
    trade: str
    sound: tuple[str, ...]
    numbers: tuple[str, ...]
    branch: str


def read_name(text: str) -> tuple[Name, str | None] | None:
    """Return the parts of a name as typed, and the place in it; None when it names nobody."""
    company = parse_company(_DEPARTMENT.sub("", _HEAD_OFFICE.sub("", text.strip(_AROUND))))
    if company.problem in _NO_NAME:
        return None
    kind = _kind(company.legal_form or "")
    core = company.core.removesuffix(kind)
    if kind and core != company.core:
        core = company.trade_name or core  # the core of an institution begins with its place
    brand = _brand(core)
    return name_of(brand, core[len(brand) :] + kind, company.branch or ""), company.region


def _kind(form: str) -> str:
    """Return what kind of customer a legal form makes it: 医院, 厂; a company is a company under any form."""
    return "" if "公司" in form or "合伙" in form else form


def name_of(brand: str, trade: str, branch: str) -> Name:
    """Return the name that consists of these parts."""
    core = brand + trade
    return Name(core, brand, trade, syllables(core), tuple(_NUMBER.findall(core)), branch)


def likeness(left: Name, right: Name) -> Likeness:
    """Say how two names, apart from place, legal form and branch, agree or differ."""
    if left.core == right.core:
        return "same_name"
    if left.numbers != right.numbers:
        return "other_number"
    if left.sound == right.sound:
        return "same_sound" if _differing(left.core, right.core) == 1 else "like_sound"
    known, other = sorted((left, right), key=lambda name: (not name.trade, len(name.brand), name.core))
    if _distance(left.sound, right.sound) == 1:
        return _one_edit(known, other)
    brand = len(known.brand)
    if left.sound[:brand] != right.sound[:brand] or _differing(left.core[:brand], right.core[:brand]) > 1:
        return "other_name"
    return "short_name" if _is_short(left.sound[brand:], right.sound[brand:]) else "other_trade"


def _one_edit(known: Name, other: Name) -> Likeness:
    """Say what one wrong, missing, additional or swapped character means, by where it is.

    ``known`` is the name whose brand ends first, going by the trades that were recognised.
    """
    brand, start = len(known.brand), _shared_start(known.sound, other.sound)
    is_longer_brand = len(known.core) != len(other.core) and other.core.endswith(known.trade)
    if _is_slip(known.core, other.core) and not (start == 0 and brand <= _SHORTEST_BRAND):
        return "slip"
    if start < brand or (is_longer_brand and known.trade):
        return "typo_in_brand"
    if _differing(known.core[:brand], other.core[:brand]) > 1:
        return "other_name"
    if _is_short(known.sound[brand:], other.sound[brand:]):
        return "short_name"
    # Two trades that are both known words are two trades; a typo makes one that is none.
    return "other_trade" if len(known.brand) == len(other.brand) else "typo_in_trade"


def _is_short(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Whether a trade is the other cut short: nothing at all, 医疗 for 医疗器械, 国贸 for 国际贸易."""
    short, long = sorted((left, right), key=len)
    if not short:
        return True
    rest = iter(long)
    return short[0] == long[0] and all(one in rest for one in short)


def _is_slip(left: str, right: str) -> bool:
    """Whether two neighbours were swapped, or one character was doubled."""
    if len(left) == len(right):
        return sorted(left) == sorted(right)
    short, long = sorted((left, right), key=len)
    return any(long[at] == long[at - 1] and long[:at] + long[at + 1 :] == short for at in range(1, len(long)))


def _shared_start(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    """Return how many syllables two names begin with alike."""
    for at, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return at
    return min(len(left), len(right))


def _differing(left: str, right: str) -> int:
    return sum(one != other for one, other in zip(left, right, strict=False))


def _distance(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    """Return the number of single edits, a swap of neighbours counting as one; 2 means two or more."""
    from rapidfuzz.distance import OSA

    return OSA.distance(left, right, score_cutoff=1)


def _brand(text: str) -> str:
    """Return a name without the words of the trade that it ends in; two characters always stay."""
    words, longest = _trade_words()
    end = len(text)
    while True:
        for length in range(min(longest, end - _SHORTEST_BRAND), 1, -1):
            if text[end - length : end] in words:
                end -= length
                break
        else:
            return text[:end]


@cache
def _trade_words() -> tuple[frozenset[str], int]:
    """Return the words for trades that names end in, and the length of the longest."""
    words = frozenset(files(__package__).joinpath("trade_words.txt").read_text("utf-8").split())
    return words, max(map(len, words))
