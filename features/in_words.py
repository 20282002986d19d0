"""What a declaration computes, read aloud: filter, function and window of every figure in a formula."""

from datetime import timedelta

from features.expressions import (
    Aggregate,
    Arithmetic,
    AtLeast,
    Calendar,
    Clock,
    Condition,
    Constant,
    Elapsed,
    Expr,
    Input,
    Mentions,
    Now,
    OneOf,
    Present,
    Same,
    Selection,
    StillAhead,
)

_UNITS = {timedelta(hours=1): "hours", timedelta(days=1): "days", timedelta(seconds=1): "seconds"}


def formula(expr: Expr) -> str:
    """Return an expression as a formula over figures, e.g. ``count(activities: channel = chat, 30 d)``."""
    match expr:
        case Aggregate():
            return _figure(expr)
        case Arithmetic(op, left, right):
            return f"({formula(left)} {op} {formula(right)})"
        case Elapsed(start, end, unit):
            return f"{_UNITS[unit]}({formula(start)} → {formula(end)})"
        case Calendar(part, given):
            return f"{part}(as of in Shanghai, given {formula(given)})"
        case Constant(value):
            return f"{value:g}"
        case Input(name):
            return name
        case Same(left, right):
            return f"({formula(left)} = {formula(right)})"
        case Clock(part):
            return f"{part}(request in Shanghai)"
        case Now():
            return "as of"
    raise TypeError(f"no such expression: {expr!r}")


def window(span: timedelta | None) -> str:
    """Return a window's length; None is all time."""
    if span is None:
        return "all time"
    days = span / timedelta(days=1)
    return f"{days:g} d" if days >= 1 else f"{span / timedelta(hours=1):g} h"


def _figure(figure: Aggregate) -> str:
    column = f"{figure.column} of " if figure.column else ""
    return f"{figure.kind}({column}{_rows(figure.selection)}, {window(figure.within)})"


def _rows(chosen: Selection) -> str:
    said = [_condition(condition) for condition in chosen.conditions]
    if chosen.via:
        said.append(f"of the same {chosen.via}")
    if chosen.others:
        said.append("of others")
    if chosen.unless:
        closed = _condition(chosen.unless.condition)
        said.append(f"no row of the {chosen.unless.key} with {closed}")
    if chosen.newest:
        among = [_condition(condition) for condition in chosen.among]
        said.append(" and ".join([f"last {chosen.newest}", *among]))
    return f"{chosen.source}: {' and '.join(said)}" if said else chosen.source


def _condition(condition: Condition) -> str:
    match condition:
        case OneOf(column, values):
            return f"{column} = {' | '.join(values)}"
        case AtLeast(column, value):
            return f"{column} ≥ {value:g}"
        case Mentions(column, words):
            return f"{column} mentions {' | '.join(words)}"
        case Present(column):
            return f"{column} known"
        case StillAhead(column):
            return f"{column} after as of"
