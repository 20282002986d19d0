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

from crm_store.imports.mapping import ColumnMapping, ColumnRule
from crm_store.models.base import to_micros
from crm_store.repositories import problems
from crm_store.repositories.fields import Field
from crm_store.repositories.problems import Problem

MOMENT = pa.timestamp("us", tz="UTC")
# A year outside these is a slip of the pen, whatever the column.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_LOCAL = pa.timestamp("us")
_MOMENT_PATTERN = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)
_NUMBER_PATTERN = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?\.\d+")

Found = tuple[int, Problem]
"""A row's place in the batch, and what is wrong with it."""


def parse_column(
    cells: Iterable[str], rule: ColumnRule, mapping: ColumnMapping
) -> tuple[pa.Array, list[Found]]:
    """Return the column's values (null where empty or wrong) and the problems found, in row order."""
    field = mapping.store_field(rule.field)
    text = _trimmed(pa.array(cells, pa.string()))
    if rule.values:
        text = _translated(text, rule.values)
    values, unfit = _PARSERS[field.kind](text, mapping.timezone)
    found = [(index, problems.wrong_type(rule.field, field.kind)) for index in unfit]
    for failing, problem in _limits(values, field, rule):
        found += [(index, problem) for index in pc.indices_nonzero(failing.fill_null(False)).to_pylist()]
    return values, sorted(found, key=lambda item: item[0])


def _trimmed(text: pa.StringArray) -> pa.StringArray:
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


def _strings(text: pa.StringArray, _zone: str) -> tuple[pa.Array, list[int]]:
    return text, []


def _floats(text: pa.StringArray, _zone: str) -> tuple[pa.Array, list[int]]:
    try:
        values = text.cast(pa.float64())
    except pa.ArrowInvalid:
        return _one_by_one(text, _float, pa.float64())
    endless = pc.invert(pc.is_finite(values)).fill_null(False)
    if not pc.any(endless).as_py():
        return values, []
    return _one_by_one(text, _float, pa.float64())


def _integers(text: pa.StringArray, _zone: str) -> tuple[pa.Array, list[int]]:
    try:
        return text.cast(pa.int32()).cast(pa.int64()), []
    except pa.ArrowInvalid:
        return _one_by_one(text, _integer, pa.int64())


def _moments(text: pa.StringArray, zone: str) -> tuple[pa.Array, list[int]]:
    try:
        local = text.cast(_LOCAL)
        return pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest").cast(MOMENT), []
    except pa.ArrowInvalid:
        pass
    try:
        return text.cast(MOMENT), []
    except pa.ArrowInvalid:
        there = ZoneInfo(zone)
        return _one_by_one(text, lambda cell: _moment(cell, there), MOMENT)


def _one_by_one(
    text: pa.StringArray, parse: Callable[[str], float | int | None], wanted: pa.DataType
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


def _moment(cell: str, zone: ZoneInfo) -> int | None:
    """Return microseconds since 1970 UTC."""
    match = _MOMENT_PATTERN.fullmatch(cell)
    if match is None:
        return None
    *parts, fraction, offset = match.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    micros = int((fraction or "0").ljust(6, "0"))
    try:
        local = datetime(year, month, day, hour, minute, second, micros)  # noqa: DTZ001
        if offset is None:
            return to_micros(local.replace(tzinfo=zone))
        aware = datetime.fromisoformat(f"{local.isoformat()}{'+00:00' if offset == 'Z' else offset}")
        return to_micros(aware)
    except (ValueError, OverflowError):
        return None


_PARSERS = {"string": _strings, "float": _floats, "integer": _integers, "moment": _moments}
