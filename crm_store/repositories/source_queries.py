"""The two queries that feature sources are read with: facts as they lie, and the change log in order."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, cast, select
from sqlalchemy.orm import InstrumentedAttribute

from crm_store.domain.sources import ACTIVITIES, ORDERS, SourceTable
from crm_store.models import Activity, ChangeLog, OrderSnapshot

FACTS: dict[str, tuple[SourceTable, type[Activity] | type[OrderSnapshot]]] = {
    ACTIVITIES.name: (ACTIVITIES, Activity),
    ORDERS.name: (ORDERS, OrderSnapshot),
}


def fact_column(source: str, name: str) -> InstrumentedAttribute[Any]:
    """Return the table column behind a column of a fact source."""
    column: InstrumentedAttribute[Any] = getattr(FACTS[source][1], "id" if name == "record_id" else name)
    return column


def facts(source: str) -> Select[*tuple[Any, ...]]:
    """Return the query of a fact source: one row per fact, columns named and ordered as the source's."""
    return select(*(fact_column(source, name).label(name) for name in FACTS[source][0].columns))


def entries() -> Select[str, str, int, datetime, str]:
    """Return the query of change-log entries, each record's together and in the order of versions."""
    return select(
        ChangeLog.entity,
        ChangeLog.entity_id,
        ChangeLog.version,
        ChangeLog.recorded_at,
        cast(ChangeLog.changes, Text).label("changes"),
    ).order_by(ChangeLog.entity, ChangeLog.entity_id, ChangeLog.version)
