"""Words shared by the parts of the Ibis engine: source tables, moments as whole numbers, conditions.

A moment is an int64 of microseconds since 1970-01-01 UTC: exact, comparable, and free of any calendar. Tables
are to be given in that form, because every backend has its own fast way from a timestamp to a number.
"""

from datetime import timedelta
from functools import reduce
from operator import and_, or_
from typing import Any

import ibis

from crm_store.domain.sources import SOURCES, ColumnType
from features.expressions import (
    BUSINESS_OFFSET,
    DAY,
    WEEK,
    AtLeast,
    Condition,
    Mentions,
    OneOf,
    Present,
    StillAhead,
)

Table = Any  # an Ibis table expression; Ibis ships no usable types
Column = Any

_DTYPES: dict[ColumnType, str] = {"string": "string", "float": "float64", "moment": "int64"}
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = timedelta(days=1) // _MICROSECOND
_SINCE_MONDAY = timedelta(days=3)  # 1970-01-01 was a Thursday


def asked() -> Table:
    """Return the rows that are asked for, unbound: row_id, entity_id, as_of."""
    return ibis.table({"row_id": "int64", "entity_id": "string", "as_of": "int64"}, name="asked")


def kept(name: str, step: Table) -> Table:
    """Return the table, unbound, that keeps the result of an expression under a name."""
    return ibis.table(step.schema(), name=name)


def literal(word: str) -> Column:
    """Return a word as a column."""
    return ibis.literal(word)


def source(name: str) -> Table:
    """Return a source table, unbound, with its moments in microseconds."""
    return ibis.table({c: _DTYPES[kind] for c, kind in SOURCES[name].columns.items()}, name=name)


def length(span: timedelta) -> int:
    """Return a span in microseconds."""
    return span // _MICROSECOND


def cell(table: Table, column: str) -> Column:
    """Return a column for calculation; business day and week are whole numbers since 1970."""
    if column == DAY:
        return (table.occurred_at + length(BUSINESS_OFFSET)) // _DAY_US
    if column == WEEK:
        return (table.occurred_at + length(BUSINESS_OFFSET + _SINCE_MONDAY)) // (7 * _DAY_US)
    return table[column]


def all_of(conditions: list[Column]) -> Column:
    """Return whether all hold; true of none."""
    return reduce(and_, conditions) if conditions else ibis.literal(True)


def holds(table: Table, conditions: tuple[Condition, ...]) -> Column:
    """Return whether a row meets the conditions that do not depend on the as-of moment; never null.

    Texts are only searched where all else holds: a projection works out every part of an AND.
    """
    costly = [_true(table, c) for c in conditions if isinstance(c, Mentions)]
    cheap = all_of([_true(table, c) for c in conditions if not isinstance(c, Mentions | StillAhead)])
    return cheap.ifelse(all_of(costly), False) if costly else cheap


def _true(table: Table, condition: Condition) -> Column:
    column = table[condition.column]
    match condition:
        case OneOf(_, values):
            found = column.isin(values) if len(values) > 1 else column == values[0]
        case AtLeast(_, least):
            found = column >= least
        case Mentions(_, words):
            found = reduce(or_, [column.contains(word) for word in words])
        case Present():
            return column.notnull()
        case _:
            raise TypeError(f"not known before the as-of moment: {condition!r}")
    return found.fill_null(False)
