"""Columns as an audit reads them: a value that was made illegible comes as empty and does not end the audit.

Either store can be given what its driver then cannot read: a moment beyond the calendar, JSON that is none.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Table, case, func

from crm_store.models.base import UtcMoment

# The ends of Python's calendar. Both stores tell moments in UTC, so that no time zone crosses them.
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@cache
def legible(table: Table, names: tuple[str, ...] | None = None, *, sqlite: bool) -> list[ColumnElement[Any]]:
    """Return the table's columns, or those named, under their own names."""
    wanted = table.c if names is None else [table.c[name] for name in names]
    return [_safe(column, sqlite).label(column.name) for column in wanted]


def _safe(column: Column[Any], sqlite: bool) -> ColumnElement[Any]:
    if isinstance(column.type, UtcMoment):
        return case((column.between(_FIRST, _LAST), column))
    if isinstance(column.type, JSON) and sqlite:
        return case((func.json_valid(column) == 1, column))
    return column
