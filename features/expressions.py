"""What a feature is made of: rows chosen from a source, an aggregate over them, arithmetic on aggregates.

These are plain frozen values: the engines interpret them, the catalog hashes them, the trace reads them.
Feature modules use ``features.declare``, which builds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from crm_store.domain.sources import SOURCES

Kind = Literal["count", "distinct", "total", "mean", "largest", "smallest", "latest"]

# Columns that every source has without storing them: the business day (Asia/Shanghai, UTC+8 all year since
# 1991) and its Monday-based week, as whole numbers since 1970.
BUSINESS_OFFSET = timedelta(hours=8)
DAY, WEEK = "occurred_day", "occurred_week"


@dataclass(frozen=True)
class OneOf:
    """The column holds one of these words."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class AtLeast:
    """The number is known and not below ``value``."""

    column: str
    value: float


@dataclass(frozen=True)
class Mentions:
    """The text contains at least one of these words, written exactly so."""

    column: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Present:
    """The column is known."""

    column: str


@dataclass(frozen=True)
class StillAhead:
    """The moment in the column lies after the as-of moment."""

    column: str


Condition = OneOf | AtLeast | Mentions | Present | StillAhead


@dataclass(frozen=True)
class Unless:
    """Leaves out rows of which another row of the same ``key`` says ``condition``, e.g. that it closed."""

    key: str
    condition: OneOf


class _Hashed:
    """Remembers its hash: engines look these nested values up a hundred times for every entity."""

    def __hash__(self) -> int:
        known: int | None = self.__dict__.get("_hash")
        if known is None:
            known = hash(tuple(getattr(self, name) for name in self.__dataclass_fields__))  # type: ignore[attr-defined]
            object.__setattr__(self, "_hash", known)
        return known

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_hash"}


@dataclass(frozen=True)
class Selection(_Hashed):
    """Rows of one source that concern an entity.

    ``via`` None finds them by the entity's own key; otherwise by the value that this field of the lead's
    state has at the as-of moment ("campaign", "channel"), or by "market" (all rows). ``newest`` keeps the
    last n rows first, of which ``among`` then chooses. ``others`` leaves out the rows of the lead itself.
    """

    source: str
    via: str | None = None
    conditions: tuple[Condition, ...] = ()
    unless: Unless | None = None
    newest: int | None = None
    among: tuple[Condition, ...] = ()
    others: bool = False

    __hash__ = _Hashed.__hash__

    def where(self, *conditions: Condition, **equal: str | tuple[str, ...]) -> Selection:
        """Narrow the rows; ``channel="chat"`` and ``channel=("chat", "call")`` are short for ``OneOf``."""
        words = tuple(OneOf(c, (v,) if isinstance(v, str) else v) for c, v in equal.items())
        field = "among" if self.newest else "conditions"
        return replace(self, **{field: getattr(self, field) + conditions + words})

    def last(self, n: int) -> Selection:
        """Keep the last ``n`` rows by time; a later ``where`` chooses among those."""
        return replace(self, newest=n)

    def unless_closed(self, key: str, **equal: str | tuple[str, ...]) -> Selection:
        """Leave out rows whose ``key`` also has a row with e.g. ``event="resolved"``."""
        ((column, value),) = equal.items()
        return replace(self, unless=Unless(key, OneOf(column, (value,) if isinstance(value, str) else value)))


class Expr:
    """A number, word or moment worked out for one entity at one moment; None where it is not known."""

    def __add__(self, other: Expr | float) -> Arithmetic:
        return Arithmetic("+", self, _expr(other))

    def __sub__(self, other: Expr | float) -> Arithmetic:
        return Arithmetic("-", self, _expr(other))

    def __mul__(self, other: Expr | float) -> Arithmetic:
        return Arithmetic("*", self, _expr(other))

    def __truediv__(self, other: Expr | float) -> Arithmetic:
        return Arithmetic("/", self, _expr(other))


@dataclass(frozen=True)
class Aggregate(_Hashed, Expr):
    """One figure over the selected rows with ``t - within < occurred_at <= t`` and ``recorded_at <= t``.

    Of no rows, ``count``, ``distinct`` and ``total`` are 0 and the others None. ``latest`` is the value on
    the last row, by occurred_at, then version, then record_id. Moments stay moments, for ``Elapsed`` only.
    """

    kind: Kind
    selection: Selection
    column: str | None = None
    within: timedelta | None = None

    __hash__ = _Hashed.__hash__

    def __post_init__(self) -> None:
        chosen = self.selection
        if chosen.source not in SOURCES:
            raise ValueError(f"unknown source {chosen.source!r}")
        if chosen.newest and self.within:
            raise ValueError("the last n rows have no window")
        if chosen.via is None and chosen.others:
            raise ValueError("an entity's own rows are its own")
        if chosen.via is not None:
            self._check_flow()

    def _check_flow(self) -> None:
        """Shared rows are counted by running sums (engines/flow.py), which allow no more than this."""
        chosen = self.selection
        first = self.kind == "smallest" and self.within is None and not chosen.others
        plain = chosen.newest is None and chosen.unless is None
        still = not any(isinstance(c, StillAhead) for c in chosen.conditions)
        if not (plain and still and (first or self.kind in ("count", "total", "mean"))):
            raise ValueError(f"not available via {chosen.via}: {self.kind}")


@dataclass(frozen=True)
class Now(Expr):
    """The as-of moment itself."""


@dataclass(frozen=True)
class Constant(Expr):
    """A number that is part of a formula."""

    value: float


@dataclass(frozen=True)
class Arithmetic(Expr):
    """Two numbers joined; None if either is None, and for division by 0."""

    op: Literal["+", "-", "*", "/"]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Elapsed(Expr):
    """From ``start`` to ``end`` in ``unit``s; negative when the end comes first."""

    start: Expr
    end: Expr
    unit: timedelta


@dataclass(frozen=True)
class Calendar(Expr):
    """A part of the as-of moment on a wall in Shanghai: weekday 1 (Monday) to 7, month 1 to 12.

    None unless ``given`` is known, i.e. unless the record existed.
    """

    part: Literal["weekday", "month"]
    given: Aggregate


@dataclass(frozen=True)
class Input(Expr):
    """The value of another feature, or a fact of the request, by name; for composed features only."""

    name: str


@dataclass(frozen=True)
class Same(Expr):
    """1 if two words are the same, else 0; None where one is not known."""

    left: Expr
    right: Expr


@dataclass(frozen=True)
class Clock(Expr):
    """A part of the request's moment on a wall in Shanghai: hour 0 to 24, weekday 1 to 7.

    ``working`` is 1 from Monday to Friday, 08:30 to 18:30, else 0.
    """

    part: Literal["hour", "weekday", "working"]


def _expr(value: Expr | float) -> Expr:
    return value if isinstance(value, Expr) else Constant(float(value))


def arithmetic(op: str, left: float | None, right: float | None) -> float | None:
    """Return two numbers joined; None if either is None, and for division by 0."""
    if left is None or right is None:
        return None
    if op == "/":
        return left / right if right != 0 else None
    return {"+": left + right, "-": left - right, "*": left * right}[op]


def inputs_of(expr: Expr) -> Iterator[str]:
    """Yield the name of every input in the expression, left to right; ``now`` for the request's moment."""
    match expr:
        case Input(name):
            yield name
        case Arithmetic(_, left, right) | Same(left, right):
            yield from inputs_of(left)
            yield from inputs_of(right)
        case Clock():
            yield "now"


def aggregates_of(expr: Expr) -> Iterator[Aggregate]:
    """Yield every aggregate in the expression, left to right."""
    match expr:
        case Aggregate():
            yield expr
        case Arithmetic(_, left, right):
            yield from aggregates_of(left)
            yield from aggregates_of(right)
        case Elapsed(start, end, _):
            yield from aggregates_of(start)
            yield from aggregates_of(end)
        case Calendar(_, given):
            yield given
