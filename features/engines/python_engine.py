"""The catalog worked out for one entity in plain Python: the online recompute, and the oracle of the other.

A history maps the name of a source to its rows (dicts with the columns of ``crm_store.domain.sources``,
moments as aware datetimes). Rows of other entities may be among them; they are left out here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_store.domain.sources import KNOWN_UNTIL
from features.catalog import entity_named, features_of
from features.declare import Entity, Feature, Value
from features.expressions import (
    BUSINESS_OFFSET,
    DAY,
    WEEK,
    Aggregate,
    Arithmetic,
    AtLeast,
    Calendar,
    Condition,
    Constant,
    Elapsed,
    Expr,
    Mentions,
    Now,
    OneOf,
    Present,
    Selection,
    StillAhead,
    arithmetic,
)

Row = Mapping[str, Any]
History = Mapping[str, Sequence[Row]]

_UNKNOWN = object()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MONDAY = datetime(1969, 12, 29, tzinfo=UTC)  # of the week of 1970-01-01


Shared = Callable[[Aggregate, str | None], Any]
"""A figure over the rows that a link's value (of a campaign, a channel, the market) stands for."""


def evaluate(
    entity: str,
    history: History,
    entity_id: str,
    as_of: datetime,
    features: Iterable[str] | None = None,
    shared: Shared | None = None,
) -> dict[str, Value]:
    """Return the features of one entity as of a moment, by name in catalog order (or as asked for).

    ``shared`` answers for the rows of links, which are then not looked for in the history. Numbers are
    floats; None where nothing is known. Raises FeatureError ``unknown_entity`` or ``unknown_feature``.
    """
    chosen = features_of(entity, features)
    return Evaluation(entity_named(entity), history, entity_id, as_of, shared).values(chosen)


def behind(entity: str, feature: Feature, history: History, entity_id: str, as_of: datetime) -> list[Row]:
    """Return the rows that a feature's value was made of, oldest first, each once."""
    found = Evaluation(entity_named(entity), history, entity_id, as_of)
    rows = {
        (figure.selection.source, row["record_id"], row.get("version"), row.get("event")): row
        for figure in feature.aggregates
        for row in found.rows(figure)
    }
    return sorted(rows.values(), key=lambda row: (row["occurred_at"], str(row["record_id"])))


class Evaluation:
    """One entity at one moment; remembers what it has worked out, so that a figure is worked out once."""

    def __init__(
        self,
        entity: Entity,
        history: History,
        entity_id: str,
        as_of: datetime,
        shared: Shared | None = None,
    ) -> None:
        self._entity, self._history, self._id, self._now = entity, history, entity_id, as_of
        self._shared = shared
        self._known: dict[tuple[str, str | None], list[Row]] = {}
        self._selected: dict[Selection, list[Row]] = {}
        self._figures: dict[Aggregate, Any] = {}

    def values(self, features: Iterable[Feature]) -> dict[str, Value]:
        """Return each feature's value by name."""
        return {feature.name: self._finished(feature) for feature in features}

    def rows(self, figure: Aggregate) -> list[Row]:
        """Return the rows that count for a figure."""
        rows = self._chosen(figure.selection)
        if figure.kind == "latest":
            return rows[-1:]
        if figure.within is not None:
            start = self._now - figure.within
            rows = [row for row in rows if row["occurred_at"] > start]
        return rows if figure.column is None else [r for r in rows if _cell(r, figure.column) is not None]

    def _finished(self, feature: Feature) -> Value:
        value = self._value(feature.value)
        return float(value) if feature.dtype == "float64" and value is not None else value

    def _value(self, expr: Expr) -> Any:
        match expr:
            case Aggregate():
                found = self._figures.get(expr, _UNKNOWN)
                if found is _UNKNOWN:
                    found = self._figures[expr] = self._worked_out(expr)
                return found
            case Now():
                return self._now
            case Constant(value):
                return value
            case Arithmetic(op, left, right):
                return arithmetic(op, self._value(left), self._value(right))
            case Elapsed(start, end, unit):
                return _elapsed(self._value(start), self._value(end), unit)
            case Calendar(part, given):
                return None if self._value(given) is None else _calendar(part, self._now)
        raise TypeError(f"no such expression: {expr!r}")

    def _worked_out(self, figure: Aggregate) -> Any:
        via = figure.selection.via
        if via is not None and self._shared is not None:
            return self._shared(figure, self._link(via))
        return _figure(figure, self.rows(figure))

    def _chosen(self, selection: Selection) -> list[Row]:
        """Return the selected rows known at the moment, in order of time, over all windows."""
        if selection not in self._selected:
            known = self._linked(selection.source, selection.via)
            rows = self._where(selection.conditions, known)
            if selection.others:
                rows = [row for row in rows if row["lead_id"] != self._id]
            if selection.unless is not None:
                key, closing = selection.unless.key, selection.unless.condition
                closed = {row[key] for row in known if _one_of(closing, row)}
                rows = [row for row in rows if row[key] is None or row[key] not in closed]
            if selection.newest is not None:
                rows = self._where(selection.among, rows[-selection.newest :])
            self._selected[selection] = rows
        return self._selected[selection]

    def _linked(self, source: str, via: str | None) -> list[Row]:
        """Return the rows of a source that concern the entity and exist at the moment, in order of time."""
        if (source, via) not in self._known:
            column, key = (self._entity.key, self._id) if via is None else (via, self._link(via))
            self._known[source, via] = sorted(
                (
                    row
                    for row in self._history.get(source, ())
                    if row["recorded_at"] <= self._now
                    and row["occurred_at"] <= self._now
                    and _still_known(row, self._now)
                    and key is not None
                    and row[column] == key
                ),
                key=_order,
            )
        return self._known[source, via]

    def _link(self, via: str) -> str | None:
        if via == "market":
            return "all"
        found: str | None = self._value(Aggregate("latest", Selection("lead_states"), via))
        return found

    def _where(self, conditions: tuple[Condition, ...], rows: list[Row]) -> list[Row]:
        for condition in conditions:
            if isinstance(condition, OneOf):  # most are: no call for each row
                column, values = condition.column, condition.values
                rows = [row for row in rows if row[column] in values]
            else:
                rows = [row for row in rows if self._true(condition, row)]
        return rows

    def _true(self, condition: Condition, row: Row) -> bool:
        value = row[condition.column]
        if value is None:
            return False
        match condition:
            case OneOf():
                return _one_of(condition, row)
            case AtLeast(_, least):
                return bool(value >= least)
            case Mentions(_, words):
                return any(word in value for word in words)
            case Present():
                return True
            case StillAhead():
                return bool(value > self._now)


def _still_known(row: Row, now: datetime) -> bool:
    until = row.get(KNOWN_UNTIL)
    return until is None or until > now


def _one_of(condition: OneOf, row: Row) -> bool:
    return row[condition.column] in condition.values


def _order(row: Row) -> tuple[datetime, float, str]:
    return row["occurred_at"], row.get("version") or 0.0, row["record_id"]


def _cell(row: Row, column: str) -> Any:
    if column not in (DAY, WEEK):
        return row[column]
    start, length = (_EPOCH, 1) if column == DAY else (_MONDAY, 7)
    return (row["occurred_at"] + BUSINESS_OFFSET - start) // timedelta(days=length)


def _figure(figure: Aggregate, rows: Sequence[Row]) -> Any:
    if figure.column is None:
        return float(len(rows))
    cells = [_cell(row, figure.column) for row in rows]
    match figure.kind:
        case "distinct":
            return float(len(set(cells)))
        case "total":
            return float(sum(cells))
        case "mean":
            return sum(cells) / len(cells) if cells else None
        case "largest":
            return max(cells, default=None)
        case "smallest":
            return min(cells, default=None)
        case _:
            return cells[0] if cells else None


def _elapsed(start: datetime | None, end: datetime | None, unit: timedelta) -> float | None:
    if start is None or end is None:
        return None
    return ((end - start) // _MICROSECOND) / (unit // _MICROSECOND)


def _calendar(part: str, moment: datetime) -> float:
    there = moment.astimezone(UTC) + BUSINESS_OFFSET
    return float(there.isoweekday() if part == "weekday" else there.month)
