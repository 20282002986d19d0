"""The only producer of feature sources: in bulk as Parquet, or for one entity as plain values.

Both are made by the same queries and folds, so a set computed from files and an entity computed now see
the same rows. See ``crm_store.domain.sources`` for the columns.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from crm_store.domain.sources import SOURCES
from crm_store.models import Activity, ChangeLog, OrderSnapshot
from crm_store.repositories.sight.masking import mask_changes
from crm_store.repositories.sources import queries as source_queries
from crm_store.repositories.sources.histories import EntityName, flow, histories
from crm_store.repositories.sources.rows import FOLDS
from crm_store.repositories.sources.versions import Row

if TYPE_CHECKING:
    from crm_store.repositories.sources.growth import Kept

# What each entity's features are computed from. A lead's flow is that of its campaign, its channel and the
# market, which together is every lead's: leave it out where nothing needs it.
HISTORY_SOURCES: dict[str, tuple[str, ...]] = {
    "lead": ("lead_states", "activities", "lead_flow"),
    "account": ("account_states", "activities", "orders", "ticket_events", "contract_events"),
}

# The ids that source_rows gives: record@version, and #event behind it.
_ENTRY_ID = re.compile(r"(?P<record>[^\0]+)@(?P<version>[1-9][0-9]{0,8})(#[a-z]+)?")


def export_sources(
    engine: Engine, folder: Path, progress: Callable[[str, int], None] | None = None
) -> dict[str, int]:
    """Write every feature source to ``folder/<source>.parquet`` and return the rows of each.

    Columns are string, float64 and timestamp[us, UTC]. All sources are of one moment (one read
    transaction); the old files are replaced when all the new ones are complete, and stay as they were if
    anything fails. ``progress`` gets a source's name and its rows so far. Memory is bounded by batches of
    50,000 rows.
    """
    from crm_store.repositories.sources.export import export  # Arrow takes its time to import

    return export(engine, folder, progress)


def keep_sources(
    engine: Engine,
    folder: Path,
    form: str,
    now: datetime,
    progress: Callable[[str, int], None] | None = None,
    *,
    whole: bool = False,
) -> "Kept":
    """Bring the log of feature sources in a folder up to the store, and tell what was written for that.

    Only what is new since the last time is read and written (``source_growth``); a folder without a log, one
    of another ``form`` (whatever the rows' meaning depends on), or with ``whole``, gets a new base.
    ``now`` is a moment before the call: everything committed by then is in the log afterwards. Killed at any
    moment, the log is as it was or as it should be.
    """
    from crm_store.repositories.sources.growth import keep_up  # as above

    return keep_up(engine, folder, form, now, progress, whole=whole)


def entity_history(
    session: Session, entity: EntityName, entity_id: str, sources: Iterable[str] | None = None
) -> dict[str, list[Row]]:
    """Return the source rows that concern one lead or account: source → rows, in order of time.

    Rows equal those of ``export_sources``: every column present, moments in UTC, numbers as float, None
    where empty. ``sources`` limits what is read (default: all of ``HISTORY_SOURCES``). An id that is not
    there has empty lists. Raises KeyError for a source the entity does not have.
    """
    wanted = HISTORY_SOURCES[entity] if sources is None else tuple(sources)
    for name in wanted:
        if name not in HISTORY_SOURCES[entity]:
            raise KeyError(f"{entity} has no source {name}")
    found = histories(session, entity, [entity_id], (name for name in wanted if name != "lead_flow"))
    every_leads = {"lead_flow": flow(session)} if "lead_flow" in wanted else {}
    history = found[entity_id] | every_leads
    return {name: history[name] for name in wanted}


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
