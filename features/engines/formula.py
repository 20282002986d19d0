"""From figures to features: the arithmetic of the declarations, once the figures are columns."""

from collections.abc import Mapping
from typing import Any

import ibis

from features.declare import Feature
from features.engines.columns import length
from features.expressions import (
    BUSINESS_OFFSET,
    Aggregate,
    Arithmetic,
    Calendar,
    Constant,
    Elapsed,
    Expr,
    Now,
)

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US


class Formula:
    """Turns an expression into a column, once the figures are columns."""

    def __init__(self, table: Any, names: Mapping[Aggregate, str]) -> None:
        self._table, self._names, self._now = table, names, table.as_of

    def feature(self, feature: Feature) -> Any:
        """Return the feature's value; numbers are float64."""
        column = self._column(feature.value)
        return column.cast("float64") if feature.dtype == "float64" else column

    def _column(self, expr: Expr) -> Any:
        match expr:
            case Aggregate(kind):
                column = self._table[self._names[expr]]
                return column.fill_null(0) if kind in ("count", "distinct", "total") else column
            case Now():
                return self._now
            case Constant(value):
                return ibis.literal(value)
            case Arithmetic(op, left, right):
                return self._arithmetic(op, self._column(left), self._column(right))
            case Elapsed(start, end, unit):
                return (self._column(end) - self._column(start)) / ibis.literal(float(length(unit)))
            case Calendar(part, given):
                return self._column(given).isnull().ifelse(ibis.null("int64"), self._calendar(part))
        raise TypeError(f"no such expression: {expr!r}")

    def _arithmetic(self, op: str, left: Any, right: Any) -> Any:
        if op == "/":
            return left.cast("float64") / right.cast("float64").nullif(0.0)
        return {"+": left + right, "-": left - right, "*": left * right}[op]

    def _calendar(self, part: str) -> Any:
        there = self._now + length(BUSINESS_OFFSET)
        if part == "weekday":  # day 0 of 1970 was a Thursday, day 4
            return (there // _DAY_US + 3) % 7 + 1
        return (there // _SECOND_US).as_timestamp("s").month()
