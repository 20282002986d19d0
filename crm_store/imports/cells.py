"""Turning a column of cells into a column of values, all at once, with a problem for every cell that fails.

Each kind is first cast as a whole by Arrow; only when some cell resists are the cells tried one by one, by
a parser that accepts a little more (Chinese spreadsheets write 2024/3/5 and 1,200.50).
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from crm_store.imports.guarding import unguard
from crm_store.imports.mapping import ColumnMapping, ColumnRule
from crm_store.models.base import to_micros
from crm_store.repositories import problems
from crm_store.repositories.fields import Field, Kind
from crm_store.repositories.problems import Problem

MOMENT = pa.timestamp("us", tz="UTC")
# A year outside these is a slip of the pen, whatever the column.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_LOCAL = pa.timestamp("us")
_CLOCK = (
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?\s*([AaPp][Mm])?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _CLOCK)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})" + _CLOCK)
# 2026年3月5日 8时30分
_IN_WORDS = str.maketrans(dict(zip("年月日时点分秒", "-- ::: ", strict=True)))
_NUMBER_PATTERN = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?\.\d+")

# What Excel leaves of a long number in a CSV file or a cell that is no text: 1.38E+10 was a phone.
_SHORTENED = r"^-?\d(\.\d+)?[eE]\+\d{2,}$"
_BOOLEANS = {
    word: value
    for value, words in {
        True: ("true", "t", "yes", "y", "1", "是", "对", "√"),
        False: ("false", "f", "no", "n", "0", "否", "错", "×"),
    }.items()
    for word in words
}

Found = tuple[int, Problem]
"""A row's place in the batch, and what is wrong with it."""


def parse_column(
    cells: Iterable[str], rule: ColumnRule, mapping: ColumnMapping, guarded: bool = True
) -> tuple[pa.Array, list[Found]]:
    """Return the column's values (null where empty or wrong) and the problems found, in row order.

    ``guarded``: the cells come from a CSV file, where an apostrophe may guard a formula.
    """
    field = mapping.store_field(rule.field)
    text = _trimmed(pa.array(cells, pa.string()), guarded)
    if rule.values:
        text = _translated(text, rule.values)
    values, unfit = _PARSERS[field.kind](text, mapping)
    found = [(index, problems.wrong_type(rule.field, field.kind)) for index in unfit]
    for failing, problem in _limits(values, field, rule):
        found += [(index, problem) for index in pc.indices_nonzero(failing.fill_null(False)).to_pylist()]
    return values, sorted(found, key=lambda item: item[0])


def _trimmed(text: pa.StringArray, guarded: bool) -> pa.StringArray:
    if guarded and pc.any(pc.starts_with(text, "'")).as_py():
        text = pa.array([unguard(cell) for cell in text.to_pylist()], pa.string())
    else:
        text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _translated(text: pa.StringArray, values: dict[str, str]) -> pa.StringArray:
    encoded = text.dictionary_encode()
    words = pa.array([values.get(word, word) for word in encoded.dictionary.to_pylist()], pa.string())
    return words.take(encoded.indices)


def _limits(values: pa.Array, field: Field, rule: ColumnRule) -> list[tuple[pa.Array, Problem]]:
    """Return, for each limit of the field, which values break it."""
    name, broken = rule.field, []
    if field.kind == "string":
        if field.allowed is not None:
            allowed = pa.array(field.allowed, pa.string())
            outside = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, allowed)))
            broken.append((outside, problems.not_allowed(name, field.allowed)))
        if field.max_length is not None and field.reference is None:
            long = pc.greater(pc.utf8_length(values), field.max_length)
            broken.append((long, problems.too_long(name, field.max_length)))
            broken.append((pc.match_substring_regex(values, _SHORTENED), _digits_lost(name)))
    if field.bounds is not None:
        low, high = field.bounds
        outside = pc.or_(pc.less(values, low), pc.greater(values, high))
        broken.append((outside, problems.out_of_range(name, low, high)))
    if field.kind == "moment":
        too_early = pc.less(values, pa.scalar(rule.not_before or _EARLIEST, MOMENT))
        too_late = pc.greater_equal(values, pa.scalar(rule.before or _LATEST, MOMENT))
        broken.append((pc.or_(too_early, too_late), _bad_date(rule)))
    return broken


def _bad_date(rule: ColumnRule) -> Problem:
    zh = f"{rule.field} 超出允许的日期范围"
    return Problem("date_out_of_range", rule.field, zh, f"{rule.field} lies outside the dates allowed")


def _digits_lost(name: str) -> Problem:
    zh = f"{name} 被 Excel 缩写成科学计数，位数已丢失：请把该列设为文本后重新导出"
    en = f"Excel shortened {name} and lost digits: format the column as text and export again"
    return Problem("digits_lost", name, zh, en)


def _strings(text: pa.StringArray, _mapping: ColumnMapping) -> tuple[pa.Array, list[int]]:
    return text, []


def _floats(text: pa.StringArray, _mapping: ColumnMapping) -> tuple[pa.Array, list[int]]:
    try:
        values = text.cast(pa.float64())
    except pa.ArrowInvalid:
        return _one_by_one(text, _float, pa.float64())
    endless = pc.invert(pc.is_finite(values)).fill_null(False)
    if not pc.any(endless).as_py():
        return values, []
    return _one_by_one(text, _float, pa.float64())


def _integers(text: pa.StringArray, _mapping: ColumnMapping) -> tuple[pa.Array, list[int]]:
    try:
        return text.cast(pa.int32()).cast(pa.int64()), []
    except pa.ArrowInvalid:
        return _one_by_one(text, _integer, pa.int64())


def _booleans(text: pa.StringArray, _mapping: ColumnMapping) -> tuple[pa.Array, list[int]]:
    return _one_by_one(text, lambda cell: _BOOLEANS.get(cell.casefold()), pa.bool_())


def _moments(text: pa.StringArray, mapping: ColumnMapping) -> tuple[pa.Array, list[int]]:
    try:
        local = text.cast(_LOCAL)
        return pc.assume_timezone(local, mapping.timezone, ambiguous="earliest", nonexistent="latest").cast(
            MOMENT
        ), []
    except pa.ArrowInvalid:
        pass
    try:
        return text.cast(MOMENT), []
    except pa.ArrowInvalid:
        there = ZoneInfo(mapping.timezone)
        return _one_by_one(text, lambda cell: moment_of(cell, there, mapping.date_order), MOMENT)


def _one_by_one(
    text: pa.StringArray, parse: Callable[[str], float | int | bool | None], wanted: pa.DataType
) -> tuple[pa.Array, list[int]]:
    """Parse each distinct cell once; ``parse`` returns None for what it does not understand."""
    encoded = text.dictionary_encode()
    parsed = [parse(word) for word in encoded.dictionary.to_pylist()]
    plain = pa.int64() if wanted == MOMENT else wanted
    values = pa.array(parsed, plain).cast(wanted).take(encoded.indices)
    unfit = pc.and_(pc.is_valid(text), pc.is_null(values))
    return values, pc.indices_nonzero(unfit).to_pylist()


def _float(cell: str) -> float | None:
    if not _NUMBER_PATTERN.fullmatch(cell):
        return None
    number = float(cell.replace(",", ""))
    return number if abs(number) != float("inf") else None


def _integer(cell: str) -> int | None:
    number = _float(cell)
    if number is None or not number.is_integer() or abs(number) >= 2**31:
        return None
    return int(number)


def moment_of(cell: str, zone: ZoneInfo, order: str = "ymd") -> int | None:
    """Return the moment that a cell tells, in microseconds since 1970 UTC, or None for what is no moment."""
    cell = cell.translate(_IN_WORDS).strip(" :") if "年" in cell else cell
    match = _YEAR_FIRST.fullmatch(cell) or (_YEAR_LAST.fullmatch(cell) if order != "ymd" else None)
    if match is None:
        return None
    *parts, fraction, half, offset = match.groups()
    first, second, third, hour, minute, seconds = (int(part or 0) for part in parts)
    year, month, day = (first, second, third) if len(match[1]) == 4 else (third, first, second)
    if order == "dmy" and year == third:
        month, day = day, month
    micros = int((fraction or "0").ljust(6, "0"))
    try:
        local = datetime(year, month, day, _hour(hour, half), minute, seconds, micros)  # noqa: DTZ001
        if offset is None:
            return to_micros(local.replace(tzinfo=zone))
        aware = datetime.fromisoformat(f"{local.isoformat()}{'+00:00' if offset == 'Z' else offset}")
        return to_micros(aware)
    except (ValueError, OverflowError):
        return None


def _hour(hour: int, half: str | None) -> int:
    """Return the hour of the day; ``half`` is AM or PM."""
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if half.lower() == "pm" else 0)


_PARSERS: dict[Kind, Callable[[pa.StringArray, ColumnMapping], tuple[pa.Array, list[int]]]] = {
    "string": _strings,
    "float": _floats,
    "integer": _integers,
    "boolean": _booleans,
    "moment": _moments,
}
