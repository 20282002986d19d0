"""The only producer of feature sources: in bulk as Parquet, or for one entity as plain values.

Both are made by the same queries and folds, so a set computed from files and an entity computed now see
the same rows. See ``crm_store.domain.sources`` for the columns.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Text, cast, select
from sqlalchemy.orm import Session

from crm_store.domain.sources import KNOWN_UNTIL, SOURCES
from crm_store.models import Activity, ChangeLog, Contract, OrderSnapshot, Ticket
from crm_store.repositories import source_queries
from crm_store.repositories.aliases import aliases
from crm_store.repositories.masking import mask_changes
from crm_store.repositories.source_rows import FOLDS, Entry, Row, versions

EntityName = Literal["lead", "account"]

# What each entity's features are computed from. A lead's flow is that of its campaign, its channel and the
# market, which together is every lead's: leave it out where nothing needs it.
HISTORY_SOURCES: dict[str, tuple[str, ...]] = {
    "lead": ("lead_states", "activities", "lead_flow"),
    "account": ("account_states", "activities", "orders", "ticket_events", "contract_events"),
}

# The ids that source_rows gives: record@version, and #event behind it.
_ENTRY_ID = re.compile(r"(?P<record>[^\0]+)@(?P<version>[1-9][0-9]{0,8})(#[a-z]+)?")

_EVENT_RECORDS: dict[str, tuple[str, type[Ticket] | type[Contract]]] = {
    "ticket_events": ("ticket", Ticket),
    "contract_events": ("contract", Contract),
}


def export_sources(
    engine: Engine, folder: Path, progress: Callable[[str, int], None] | None = None
) -> dict[str, int]:
    """Write every feature source to ``folder/<source>.parquet`` and return the rows of each.

    Columns are string, float64 and timestamp[us, UTC]. All sources are of one moment (one read
    transaction); the old files are replaced when all the new ones are complete, and stay as they were if
    anything fails. ``progress`` gets a source's name and its rows so far. Memory is bounded by batches of
    50,000 rows.
    """
    from crm_store.repositories.source_export import export  # Arrow takes its time to import

    return export(engine, folder, progress)


def entity_history(
    session: Session, entity: EntityName, entity_id: str, sources: Iterable[str] | None = None
) -> dict[str, list[Row]]:
    """Return the source rows that concern one lead or account: source → rows, in order of time.

    Rows equal those of ``export_sources``: every column present, moments in UTC, numbers as float, None
    where empty. ``sources`` limits what is read (default: all of ``HISTORY_SOURCES``). An id that is not
    there has empty lists. Raises KeyError for a source the entity does not have.
    """
    wanted = HISTORY_SOURCES[entity] if sources is None else tuple(sources)
    history = {}
    for name in wanted:
        if name not in HISTORY_SOURCES[entity]:
            raise KeyError(f"{entity} has no source {name}")
        columns = SOURCES[name].columns
        rows = [
            {column: row.get(column) for column in columns} for row in _rows(session, name, entity, entity_id)
        ]
        rows.sort(key=lambda row: (row["occurred_at"], row["recorded_at"], row["record_id"]))
        history[name] = rows
    return history


def _rows(session: Session, source: str, entity: str, entity_id: str) -> Iterable[Row]:
    key = f"{entity}_id"
    if KNOWN_UNTIL in SOURCES[source].values:
        rows = _own_rows(session, source, key, entity_id)
        for alias in aliases(session, entity):
            if alias.survivor_id == entity_id:
                before = _own_rows(session, source, key, alias.merged_id)
                rows += [row for old in before if (row := alias.row(old, key)) is not None]
        return rows
    if source == "lead_flow":
        return _folded(session, source, ChangeLog.entity == "lead")
    return _folded(session, source, ChangeLog.entity == entity, ChangeLog.entity_id == entity_id)


def _own_rows(session: Session, source: str, key: str, entity_id: str) -> list[Row]:
    """Return the facts or events filed under this very id."""
    if source in source_queries.FACTS:
        column = source_queries.fact_column(source, key)
        found = session.execute(source_queries.facts(source, column == entity_id))
        return [dict(row) for row in found.mappings()]
    of_account = _folded(session, source, _belonging(source, entity_id))
    return [row for row in of_account if row["account_id"] == entity_id]


def _folded(session: Session, source: str, *which: ColumnElement[bool]) -> list[Row]:
    found = session.execute(source_queries.entries().where(*which))
    states = versions(Entry(*row) for row in found)
    return [row for version in states for row in FOLDS[version.entity][source](version)]


def _belonging(source: str, account_id: str) -> ColumnElement[bool]:
    """Match the history of records that are, or ever were, the account's.

    An event stays with the account that the record had at the time, so one that moved away still counts.
    """
    entity, model = _EVENT_RECORDS[source]
    now_its = select(model.id).where(model.account_id == account_id)
    # A move names both accounts. Looking for one reads every later entry of that kind of record.
    moved = (ChangeLog.version > 1) & cast(ChangeLog.changes, Text).contains(account_id, autoescape=True)
    once_its = select(ChangeLog.entity_id).where(ChangeLog.entity == entity, moved)
    return (ChangeLog.entity == entity) & ChangeLog.entity_id.in_(now_its.union(once_its))


def raw_record(session: Session, source: str, record_id: str, reveal: bool = False) -> dict[str, Any] | None:
    """Return the raw record behind a source row, for a person to read, or None when there is none.

    A fact: its columns. A state or an event: the change-log entry that made it known, with ``who``,
    ``recorded_at``, ``written_at``, ``why`` and ``changes`` (field → [old, new]); phones are masked unless
    ``reveal``. Raises KeyError for an unknown source.
    """
    table = SOURCES[source]
    if table.name in source_queries.FACTS:
        return _fact_record(session, source_queries.FACTS[table.name][1], record_id)
    found = _ENTRY_ID.fullmatch(record_id)
    if found is None:
        return None
    entity = next(entity for entity, folds in FOLDS.items() if source in folds)
    return _entry_record(session, entity, found["record"], int(found["version"]), reveal)


def _fact_record(
    session: Session, model: type[Activity] | type[OrderSnapshot], record_id: str
) -> dict[str, Any] | None:
    columns = (getattr(model, column.name) for column in model.__table__.columns)
    found = session.execute(select(*columns).where(model.id == record_id)).mappings().one_or_none()
    return None if found is None else {"kind": model.__tablename__, **found}


def _entry_record(
    session: Session, entity: str, entity_id: str, version: int, reveal: bool
) -> dict[str, Any] | None:
    entry = session.scalars(
        select(ChangeLog).where(
            ChangeLog.entity == entity, ChangeLog.entity_id == entity_id, ChangeLog.version == version
        )
    ).one_or_none()
    if entry is None:
        return None
    return {
        "kind": entity,
        "id": entity_id,
        "version": version,
        "who": entry.actor,
        "recorded_at": entry.recorded_at,
        "written_at": entry.written_at,
        "why": entry.reason,
        "changes": dict(entry.changes) if reveal else mask_changes(entry.changes),
    }
