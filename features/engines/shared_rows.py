"""The rows that all leads share (the flow of a campaign, a channel, the market), kept counted in memory.

The plain-Python engine would read them all for every lead. Here they lie in order of time, one line for each
link and condition, and a figure is two searches in a line, less the lead's own rows and those not known yet.
"""

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from features.catalog import CATALOG
from features.expressions import Aggregate, Condition, OneOf
from features.online_rows.layout import from_us, to_us

Row = Mapping[str, Any]
_Place = tuple[str, str, tuple[Condition, ...]]


class SharedRows:
    """The shared rows of one source, for every figure of the catalog that reads them."""

    def __init__(self) -> None:
        figures = [f for feature in CATALOG.values() for f in feature.aggregates if f.selection.via]
        self._links = {(str(f.selection.via), f.selection.conditions) for f in figures}
        self._columns = sorted({f.column for f in figures if f.column and f.column != "occurred_at"})
        self._lines: dict[_Place, _Line] = {}
        self._unsettled: list[Row] = []

    def add(self, rows: Iterable[Row], now: datetime) -> None:
        """Take rows in, each once. From here on no moment before ``now`` may be asked for."""
        self._unsettled = [row for row in self._unsettled if row["recorded_at"] > now]
        for row in rows:
            if row["recorded_at"] > now:
                self._unsettled.append(row)
            for via, conditions in self._links:
                if row[via] is not None and _holds(conditions, row):
                    self._line(via, row[via], conditions).add(row)

    def figure(
        self, figure: Aggregate, key: str | None, own: Sequence[Row], lead_id: str, now: datetime
    ) -> Any:
        """Return a figure over the rows of a link, ``own`` being those of the lead that were taken in."""
        selection = figure.selection
        via = str(selection.via)
        line = self._lines.get((via, key, selection.conditions), _NOTHING) if key else _NOTHING
        start = None if figure.within is None else now - figure.within
        hidden = [row for row in own if selection.others]
        hidden += [
            row
            for row in self._unsettled
            if row["recorded_at"] > now and not (selection.others and row["lead_id"] == lead_id)
        ]
        less = [
            row
            for row in hidden
            if key is not None
            and row[via] == key
            and row["occurred_at"] <= now
            and (start is None or row["occurred_at"] > start)
            and _holds(selection.conditions, row)
        ]
        span = line.span(start, now)
        if figure.kind == "smallest":
            return line.first(span, less)
        if figure.column is None:
            return float(len(span) - len(less))
        values = [row[figure.column] for row in less if row[figure.column] is not None]
        total, known = line.sum(figure.column, span)
        if values:
            total, known = total - math.fsum(values), known - len(values)
        if figure.kind == "total":
            return total
        return total / known if known else None

    def _line(self, via: str, key: str, conditions: tuple[Condition, ...]) -> "_Line":
        place = via, key, conditions
        if place not in self._lines:
            self._lines[place] = _Line(self._columns)
        return self._lines[place]


class _Line:
    """Moments in order, in microseconds, and beside them the values that are summed, NaN for unknown."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._at = array("q")
        self._values = {name: array("d") for name in columns}
        self._sums: dict[tuple[str, range], tuple[float, int]] = {}

    def add(self, row: Row) -> None:
        moment = to_us(row["occurred_at"])
        place = bisect_right(self._at, moment)
        self._at.insert(place, moment)
        for name, values in self._values.items():
            value = row.get(name)
            values.insert(place, math.nan if value is None else value)
        self._sums.clear()

    def span(self, start: datetime | None, now: datetime) -> range:
        """Return the places of the rows behind ``start`` up to ``now``."""
        first = 0 if start is None else bisect_right(self._at, to_us(start))
        return range(first, bisect_right(self._at, to_us(now), lo=first))

    def first(self, span: range, less: Sequence[Row]) -> datetime | None:
        """Return the earliest moment, leaving rows out."""
        hidden = [to_us(row["occurred_at"]) for row in less]
        for place in span:
            if self._at[place] not in hidden:
                return from_us(self._at[place])
            hidden.remove(self._at[place])
        return None

    def sum(self, column: str, span: range) -> tuple[float, int]:
        """Return the sum of the known values and how many they are.

        The sum is exactly rounded, so that it does not depend on the order in which rows came.
        """
        if not span:
            return 0.0, 0
        if (column, span) not in self._sums:
            known = [value for value in self._values[column][span.start : span.stop] if value == value]
            self._sums[column, span] = math.fsum(known), len(known)
        return self._sums[column, span]


_NOTHING = _Line(())


def _holds(conditions: tuple[Condition, ...], row: Row) -> bool:
    for condition in conditions:
        if not isinstance(condition, OneOf):
            raise TypeError(f"no such condition on shared rows: {condition!r}")
        if row[condition.column] not in condition.values:
            return False
    return True
