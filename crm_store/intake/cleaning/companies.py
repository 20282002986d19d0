"""Company names: one spelling of a name, what it is made of, and whether it is a full one.

A registered name is place, trade name (字号), trade and legal form: 杭州 永盛 机械制造 有限公司.
"""

import re
from dataclasses import dataclass

from crm_store.intake.cleaning.addresses import leading_place
from crm_store.intake.cleaning.company_text import (
    COMPANY_FORMS,
    INSTITUTION_FORMS,
    is_foreign,
    names_nobody,
    names_two,
    split_branch,
    split_form,
    without_remarks,
)
from crm_store.intake.cleaning.divisions import short_name
from crm_store.intake.cleaning.industries import says_nothing, trade_words_start
from crm_store.intake.cleaning.text import tidy


@dataclass(frozen=True)
class Company:
    """A company's name taken apart.

    ``name`` is the canonical spelling (simplified characters, full-width brackets), ``core`` what is left
    without place, legal form, 集团 and branch: two spellings of one company have one core. ``trade_name``
    is the core without words of the trade (字号), which may be empty. ``branch`` is e.g. 杭州分公司.
    ``is_full`` tells a name as it would be registered from a fragment; if it is not, ``problem`` says why:
    ``company_empty``, ``company_placeholder``, ``company_two``, ``company_no_form`` (华为技术),
    ``company_no_place`` (永盛螺丝厂) or ``company_no_trade_name`` (科技有限公司).
    """

    name: str
    core: str
    trade_name: str
    is_full: bool
    legal_form: str | None = None
    region: str | None = None
    branch: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class _Parts:
    """A name before its legal form: the place it begins with as people say it, and the rest."""

    region: str | None
    place: str
    core: str
    trade_name: str


_NATION = re.compile(r"(?:中国|中华人民共和国|中华|全国|国家)")
_GROUP = re.compile(r"\((?:集团|控股|股份)\)|(?:集团|控股|股份)+$|^\((?:中国|集团)\)")
_ORDINAL = re.compile(r"第?[一二三四五六七八九十]+")
_OF_A_UNIVERSITY = re.compile(r"..+大学.+")
_IN_BRACKETS = re.compile(r"\(([^()]*)\)")
_MARKS = re.compile(r"[^\w\u4e00-\u9fff]+")
_LOOSE_BRACKETS = str.maketrans("[]{}【】〔〕「」", "()()()()()")
_FULL_WIDTH = str.maketrans("()", "（）")


def parse_company(text: str | None) -> Company:
    """Return a company's name taken apart, also when it fails the check for a full one."""
    name = without_remarks(tidy(text).translate(_LOOSE_BRACKETS))
    if not name:
        return Company("", "", "", is_full=False, problem="company_empty")
    parent, branch = split_branch(name)
    before, form = split_form(parent)
    keeps_place = form in INSTITUTION_FORMS
    parts = _parts(parent if keeps_place else before, keeps_place=keeps_place)
    problem = _problem(name, parts, form)
    return Company(
        name=name.translate(_FULL_WIDTH),
        core=parts.core,
        trade_name=parts.trade_name,
        is_full=problem is None,
        legal_form=form,
        region=parts.region,
        branch=branch,
        problem=problem,
    )


def _parts(before: str, *, keeps_place: bool) -> _Parts:
    region, place, rest = _place(before)
    inner = [leading_place(inside) for inside in _IN_BRACKETS.findall(rest)]
    if region is None and inner and inner[0]:
        region = inner[0][0].full_name
    core = _letters(_without_group(rest))
    trade_name = core[: trade_words_start(core)]
    if keeps_place or not trade_name or _ORDINAL.fullmatch(trade_name):
        # 杭州银行, 中国石化, 上海第一建筑: here the place is part of the name.
        core = f"{place}{core}"
    return _Parts(region, place, core, trade_name)


def _place(before: str) -> tuple[str | None, str, str]:
    """Return the full name of the place at the start, its short name, and the text after it."""
    nation = _NATION.match(before)
    if nation and nation.end() < len(before):
        return "中国", "中国", before[nation.end() :]
    found = leading_place(before)
    if found:
        division, length = found
        return division.full_name, short_name(division.name), before[length:]
    return None, "", before


def _without_group(text: str) -> str:
    """Drop 集团 and 股份, and places in brackets: 阿里巴巴（中国）."""
    plain = _GROUP.sub("", text)
    return _IN_BRACKETS.sub(lambda inside: "" if _is_place(inside[1]) else inside[1], plain)


def _is_place(text: str) -> bool:
    found = leading_place(text)
    return bool(_NATION.fullmatch(text)) or bool(found and found[1] == len(text))


def _letters(text: str) -> str:
    return _MARKS.sub("", text).casefold()


def _problem(name: str, parts: _Parts, form: str | None) -> str | None:
    if names_nobody(name):
        return "company_placeholder"
    if names_two(name):
        return "company_two"
    if form is None:
        return "company_no_form"
    if is_foreign(form) or form == "大学":
        return None if len(parts.core) > 1 else "company_no_trade_name"
    own = parts.core.removeprefix(parts.place)
    if form not in COMPANY_FORMS:
        if parts.region is None and not _OF_A_UNIVERSITY.match(name):
            return "company_no_place"
        return None if own or form in INSTITUTION_FORMS else "company_no_trade_name"
    nameless = not parts.trade_name and (parts.region is None or says_nothing(own))
    return "company_no_trade_name" if nameless or len(own) < 2 else None
