"""The queries that feature sources are read with: facts, with how long they held, and the change log."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.sql.functions import GenericFunction

from crm_store.domain.sources import ACTIVITIES, KNOWN_UNTIL, ORDERS, SourceTable
from crm_store.models import Activity, ChangeLog, OrderSnapshot
from crm_store.models.base import UtcMoment

FACTS: dict[str, tuple[SourceTable, type[Activity] | type[OrderSnapshot]]] = {
    ACTIVITIES.name: (ACTIVITIES, Activity),
    ORDERS.name: (ORDERS, OrderSnapshot),
}
ORDER_REVISION_MARK = "@"
"""Stands in an order's outside id between its number and the moment of this state of it."""


def fact_column(source: str, name: str) -> InstrumentedAttribute[Any]:
    """Return the table column behind a column of a fact source."""
    column: InstrumentedAttribute[Any] = getattr(FACTS[source][1], "id" if name == "record_id" else name)
    return column


def facts(source: str, *which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Return the query of a fact source: one row per fact, columns named and ordered as the source's."""
    return _QUERIES[source](*which)


def _columns(source: str, known_until: ColumnElement[Any]) -> list[ColumnElement[Any]]:
    return [
        (known_until if name == KNOWN_UNTIL else fact_column(source, name)).label(name)
        for name in FACTS[source][0].columns
    ]


def _activities(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """An entry holds until the first entry that corrects it was recorded."""
    correction = aliased(Activity)
    corrected = (
        select(func.min(correction.recorded_at, type_=UtcMoment()))
        .where(correction.corrects_id == Activity.id)
        .scalar_subquery()
    )
    return select(*_columns("activities", corrected)).where(*which)


def _orders(*which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """A state of an order holds until its next state was recorded."""
    next_recorded = func.lead(OrderSnapshot.recorded_at, type_=UtcMoment()).over(
        partition_by=(OrderSnapshot.source, order_number(OrderSnapshot.external_id)),
        order_by=(OrderSnapshot.recorded_at, OrderSnapshot.id),
    )
    return select(*_columns("orders", next_recorded)).where(*which)


_QUERIES: dict[str, Callable[..., Select[*tuple[Any, ...]]]] = {
    "activities": _activities,
    "orders": _orders,
}


class order_number(GenericFunction[str]):  # noqa: N801 - written like the SQL functions beside it
    """The part of an order's outside id before the mark, or all of it."""

    type = Text()
    inherit_cache = True


@compiles(order_number, "postgresql")
def _split(element: Any, compiler: Any, **options: Any) -> str:
    return f"split_part({compiler.process(element.clauses, **options)}, '{ORDER_REVISION_MARK}', 1)"


@compiles(order_number, "sqlite")
def _cut(element: Any, compiler: Any, **options: Any) -> str:
    text, mark = compiler.process(element.clauses, **options), ORDER_REVISION_MARK
    return f"substr({text}, 1, instr({text} || '{mark}', '{mark}') - 1)"


def entries() -> Select[str, str, int, datetime, str]:
    """Return the query of change-log entries, each record's together and in the order of versions."""
    return select(
        ChangeLog.entity,
        ChangeLog.entity_id,
        ChangeLog.version,
        ChangeLog.recorded_at,
        cast(ChangeLog.changes, Text).label("changes"),
    ).order_by(ChangeLog.entity, ChangeLog.entity_id, ChangeLog.version)
