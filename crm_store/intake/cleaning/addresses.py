"""Addresses in free text (杭州萧山) to province, city and district with the six-digit code.

A name that stands for several places is never guessed: the answer is as much as is certain, with the
candidates for a person to choose from.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crm_store.intake.cleaning.divisions import (
    CITY,
    DISTRICT,
    MUNICIPALITIES,
    PROVINCE,
    STILL_USED_SINCE,
    Division,
    Named,
    gazetteer,
)
from crm_store.intake.cleaning.text import tidy


@dataclass(frozen=True)
class Address:
    """Where an address is. ``city`` of a municipality is its name; ``detail`` is the rest of the text.

    ``adcode`` is the code of the smallest division that is certain. ``confidence`` in 0–1 falls when names
    were shortened, out of date or alone. ``problem`` is ``address_empty``, ``address_unknown``,
    ``address_ambiguous`` (``candidates`` has the full names) or ``address_conflict`` (parts that do not lie
    in one another).
    """

    province: str | None = None
    city: str | None = None
    district: str | None = None
    adcode: str | None = None
    detail: str = ""
    confidence: float = 0.0
    problem: str | None = None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chain:
    """Names that follow one another in a text, each lying in the one before, and where they end."""

    steps: tuple[Named, ...]
    end: int
    start: int = 0
    matched: int = 0

    @property
    def place(self) -> Division:
        """The smallest division of the chain."""
        return self.steps[-1].division


_LABEL = re.compile(
    r"^(?:(?:详细|公司|单位|联系|收货|注册|办公|通讯|所在|经营)*(?:地址|地区|地点|住址|位置|所在地|省市区?)\s*(?:[::是在]|为)?|"
    r"中华人民共和国|中国(?!路|街|大)|邮编|[PC]\s*:|\d{6}(?!\d)|[\s,,;:/|>·.、\-()\[\]【】]+)"
)
_BETWEEN = re.compile(
    r"(?:[\s,;:/|>·.、\-()\[\]【】]|市辖区|(?:省|自治区)直辖县级行政(?:区划|单位|区)|自治区?(?=[^区])|的)*"
)
# Before these a place is part of another name: 南京路 is in Shanghai, 中山大学 in Guangzhou.
_STREETS = r"[东西南北中]?[一二三四五六七八九十]?(?:路|街|道|大道|大街|巷|弄|胡同)|[镇乡村桥]"
_NAMED_AFTER = re.compile(
    rf"{_STREETS}|大学|学院|大厦|广场|花园|小区|公寓|家园|商城|酒店|宾馆|大楼|大桥|银行|保险|集团|公司|话|菜|人"
)
_STREET_NAMED_AFTER = re.compile(_STREETS)
_WRONG_SUFFIX = re.compile(r"[市县区](?![\u4e00-\u9fff]?[路街道])")
_BEFORE_A_PLACE = re.compile(r"(?:在|于|到|来自|位于|我是|我们是|址|:)\s*$")
# Province, city and district, each said twice. Without a limit, 杭州市杭州市杭州市… would take for ever.
_MOST_NAMES = 6
# How far into a text a place may begin: what comes first is the place, later ones are branches and suppliers.
_REACH = 40
_TRUST = {"full": 1.0, "short": 0.95, "alias": 0.9, "former": 0.85}
_ALONE = {"full": 0.9, "short": 0.7, "alias": 0.8, "former": 0.7}
_LATER_IN_TEXT = 0.9
_AMBIGUOUS, _CONFLICT = 0.4, 0.2


def parse_address(text: str | None) -> Address:
    """Return the divisions that an address names. See ``Address`` for what stands for doubt."""
    plain = _without_label(tidy(text))
    if not plain:
        return Address(problem="address_empty")
    chains = _first_chains(plain)
    if not chains:
        return Address(detail=plain, problem="address_unknown")
    detail = plain[chains[0].end :].lstrip(" ,;:/|>·.、-()[]")
    places = list(dict.fromkeys(chain.place for chain in chains))
    contrary = _contrary(plain, chains)
    if contrary:
        return _answer(_common([*places, *contrary]), detail, "address_conflict", [*places, *contrary])
    certain = _common(places)
    if certain in places:
        best = next(chain for chain in chains if chain.place == certain)
        return _answer(certain, detail, confidence=_confidence(best))
    return _answer(certain, detail, "address_ambiguous", places)


def leading_place(text: str) -> tuple[Division, int] | None:
    """Return the place that a tidy text begins with and its length in characters; None if there is no one.

    For names of companies: there a short name alone is a place only if it is that of a province or city; the
    others make good trade names (南山, 永兴, 阿里).
    """
    chains = _best(_chains(text, 0, named_after=_STREET_NAMED_AFTER))
    place = _common([chain.place for chain in chains])
    meant = [chain for chain in chains if chain.place == place and not _is_trade_name(chain)]
    return (meant[0].place, meant[0].end) if meant else None


def _without_label(text: str) -> str:
    while match := _LABEL.match(text):
        text = text[match.end() :]
    return text


def _first_chains(text: str) -> list[Chain]:
    """Return the best readings at the first position that has one."""
    for start in range(min(len(text), _REACH)):
        chains = [chain for chain in _chains(text, start) if start == 0 or _may_start_here(text, chain)]
        if chains:
            return _best(chains)
    return []


def _may_start_here(text: str, chain: Chain) -> bool:
    first = chain.steps[0]
    if len(chain.steps) > 1 or first.division.level != DISTRICT or first.kind == "full":
        return True
    return bool(_BEFORE_A_PLACE.search(text, 0, chain.start))


def _chains(
    text: str,
    start: int,
    steps: tuple[Named, ...] = (),
    named_after: re.Pattern[str] = _NAMED_AFTER,
    most: int = _MOST_NAMES,
) -> Iterator[Chain]:
    """Give every chain of names from ``start`` on, also those that could go on but stop."""
    begin = _between(text, start) if steps else start
    for length, named in gazetteer().at(text, begin):
        for each in named:
            if not _fits(text, begin + length, length, each, steps, named_after):
                continue
            # A place said twice (上海上海市) says nothing new.
            longer = steps if steps and each.division == steps[-1].division else (*steps, each)
            end = begin + length
            if each.kind != "full" and (suffix := _WRONG_SUFFIX.match(text, end)):
                end = suffix.end()
            matched = length
            yield Chain(longer, end, start, matched)
            for further in _chains(text, end, longer, named_after, most - 1) if most > 1 else ():
                yield Chain(further.steps, further.end, start, matched + further.matched)


def _between(text: str, start: int) -> int:
    match = _BETWEEN.match(text, start)
    return match.end() if match else start


def _fits(
    text: str, end: int, length: int, named: Named, steps: tuple[Named, ...], named_after: re.Pattern[str]
) -> bool:
    if steps and not _follows(named, steps[-1].division):
        return False
    if not steps and length == 2 and text[end - 1] == "区":
        return False  # 东区, 郊区: in most cities that only means a part of the town
    return named.kind == "full" or not named_after.match(text, end) or _goes_on(text, end, named.division)


def _follows(named: Named, place: Division) -> bool:
    """Tell whether the name is of a division in the place, or the place said again by today's name."""
    return named.division.within(place) and (named.division != place or named.kind != "former")


def _goes_on(text: str, end: int, place: Division) -> bool:
    """Tell whether a division of the place follows: 哈尔滨道里 is no 哈尔滨道."""
    following = (each.division for _, named in gazetteer().at(text, end) for each in named)
    return any(division != place and division.within(place) for division in following)


def _best(chains: Iterable[Chain]) -> list[Chain]:
    """Keep the chains that account for most of the text, without those that nobody would mean."""
    ordered = list(chains)
    most = max((chain.matched for chain in ordered), default=0)
    longest = [chain for chain in ordered if chain.matched == most]
    today = [chain for chain in longest if _is_in_use(chain)] or longest
    return [chain for chain in today if not _is_overshadowed(chain, today)]


def _is_in_use(chain: Chain) -> bool:
    return all(step.ended is None or step.ended >= STILL_USED_SINCE for step in chain.steps)


def _is_overshadowed(chain: Chain, others: list[Chain]) -> bool:
    """Tell whether a bare name means a larger place: 海南 the province, 中山 the city.

    A district of a municipality is as well known as a city: 朝阳 may be Beijing's.
    """
    levels = {other.place.level for other in others}
    if len(chain.steps) > 1 or chain.place.level == PROVINCE:
        return False
    if PROVINCE in levels:
        return True
    rivals = {other.place for other in others if other.place.level == DISTRICT}
    well_known = any(rival.code.startswith(MUNICIPALITIES) for rival in rivals)
    return chain.place.level == DISTRICT and CITY in levels and not well_known


def _contrary(text: str, chains: list[Chain]) -> list[Division]:
    """Return the place named next if it lies elsewhere: 广东省萧山区 is no place."""
    place, begin = chains[0].place, _between(text, chains[0].end)
    if place.level == DISTRICT:
        return []
    for length, named in gazetteer().at(text, begin):
        told = [
            each.division
            for each in named
            if _fits(text, begin + length, length, each, (), _NAMED_AFTER)
            and ((each.kind == "full" and length > 2) or each.division.level != DISTRICT)
        ]
        if told:
            return [] if any(division.within(place) for division in told) else told
    return []


def _common(places: list[Division]) -> Division | None:
    """Return the smallest division that holds all of the places."""
    shared = None
    for line in zip(*(place.line for place in places), strict=False):
        if len(set(line)) > 1:
            break
        shared = line[0]
    return shared


def _is_trade_name(chain: Chain) -> bool:
    first = chain.steps[0]
    of_a_city = first.division.level == PROVINCE or first.division.name.endswith("市")
    return len(chain.steps) == 1 and first.kind != "full" and not of_a_city


def _confidence(chain: Chain) -> float:
    trust = min(_TRUST[step.kind] for step in chain.steps)
    if len(chain.steps) == 1 and chain.place.level == DISTRICT:
        trust = _ALONE[chain.steps[0].kind]
    return round(trust * (_LATER_IN_TEXT if chain.start else 1.0), 2)


def _answer(
    place: Division | None,
    detail: str,
    problem: str | None = None,
    candidates: Iterable[Division] = (),
    confidence: float | None = None,
) -> Address:
    names = {division.level: division.name for division in place.line} if place else {}
    if place and place.code.startswith(MUNICIPALITIES):
        names[CITY] = names[PROVINCE]
    doubt = _CONFLICT if problem == "address_conflict" else _AMBIGUOUS
    return Address(
        province=names.get(PROVINCE),
        city=names.get(CITY),
        district=names.get(DISTRICT),
        adcode=place.code if place else None,
        detail=detail,
        confidence=doubt if confidence is None else confidence,
        problem=problem,
        candidates=tuple(dict.fromkeys(division.full_name for division in candidates)),
    )
