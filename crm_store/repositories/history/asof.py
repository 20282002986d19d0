"""What a record was at any moment, and its whole history: read from its own log entries, and only those."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from operator import attrgetter
from typing import Any, Literal

from sqlalchemy import Result, Row, Table, select
from sqlalchemy.orm import Session

from crm_store.models import ChangeLog
from crm_store.repositories import cursors
from crm_store.repositories.fields import FACTS, FIELDS, RECORDS, Value, from_log
from crm_store.repositories.history.events import Event, change_event, fact_event
from crm_store.repositories.problems import StoreError, not_allowed

Clock = Literal["recorded", "written"]
_LOG: Table = ChangeLog.__table__  # type: ignore[assignment]
MAX_PAGE = 500


@dataclass(frozen=True)
class StateAsOf:
    """A record or fact as it was: every field's value, the version, and when that was known and written.

    ``deleted`` tells that it had been deleted by then. A fact has no version and no ``written_at``.
    """

    entity: str
    id: str
    fields: Mapping[str, Value]
    version: int | None
    recorded_at: datetime
    written_at: datetime | None
    deleted: bool


@dataclass(frozen=True)
class HistoryPage:
    """Events of one record, newest first; ``next_cursor`` leads to older ones, None when there are none."""

    items: list[Event]
    next_cursor: str | None


def as_of(
    session: Session, entity: str, record_id: str, moment: datetime, by: Clock = "recorded"
) -> StateAsOf | None:
    """Return a record as it was known at ``moment``, None before it existed.

    By ``recorded``: what the business knew by then, which is what features are computed from. By ``written``:
    what this store held then, for audits; history imported later was not in it. A fact is written when it is
    recorded. Raises StoreError ``not_allowed`` for an unknown kind. Cost: the record's entries up to then.
    """
    if entity in FACTS:
        return _fact(session, entity, record_id, moment)
    entries = _entries_until(session, _known(entity), record_id, moment, by)
    if not entries:
        return None
    state: dict[str, Value] = dict.fromkeys(FIELDS[entity])
    logged = {name: new for entry in entries for name, (_, new) in entry.changes.items()}
    state |= {name: from_log(FIELDS[entity][name], value) for name, value in logged.items()}
    last = entries[-1]
    deleted = state["deleted_at"] is not None
    return StateAsOf(entity, record_id, state, last.version, last.recorded_at, last.written_at, deleted)


def history(
    session: Session, entity: str, record_id: str, limit: int = 100, cursor: str | None = None
) -> HistoryPage:
    """Return the events of one record or fact, newest first, at most ``limit`` (1 to 500).

    Raises StoreError ``not_allowed`` for an unknown kind, BadCursor for another record's cursor.
    """
    if entity in FACTS:
        fact = _fact_row(session, entity, record_id)
        return HistoryPage([] if fact is None else [fact_event(entity, fact)], None)
    mine = ("history", _known(entity), record_id)
    query = select(_LOG).where(_LOG.c.entity == entity, _LOG.c.entity_id == record_id)
    if cursor is not None:
        version, _ = cursors.decode(cursor, mine)
        query = query.where(_LOG.c.version < int(version))
    size = max(1, min(limit, MAX_PAGE))
    rows = session.connection().execute(query.order_by(_LOG.c.version.desc()).limit(size + 1)).all()
    items = [change_event(row) for row in rows[:size]]
    more = len(rows) > size
    return HistoryPage(items, cursors.encode(rows[size - 1].version, record_id, mine) if more else None)


def _entries_until(
    session: Session, entity: str, record_id: str, moment: datetime, by: Clock
) -> list[Row[Any]]:
    """Return a record's entries up to a moment, in the order of versions.

    The moment is compared here and not in the query: SQLite would take the index of all records' moments for
    it, and read the whole log. ``recorded_at`` never falls from one version to the next; ``written_at``
    could, where clocks differ: what was held is what lies before the first entry that was not there yet.
    """
    columns = (_LOG.c.version, _LOG.c.changes, _LOG.c.recorded_at, _LOG.c.written_at)
    its_own = select(*columns).where(_LOG.c.entity == entity, _LOG.c.entity_id == record_id)
    entries: Result[*tuple[Any, ...]] = session.connection().execute(its_own.order_by(_LOG.c.version))
    when = attrgetter("recorded_at" if by == "recorded" else "written_at")
    with closing(entries):
        return list(takewhile(lambda entry: when(entry) <= moment, entries))


def _fact(session: Session, entity: str, fact_id: str, moment: datetime) -> StateAsOf | None:
    row = _fact_row(session, entity, fact_id)
    if row is None or row.recorded_at > moment:
        return None
    fields = {name: getattr(row, name) for name in FIELDS[entity]}
    return StateAsOf(entity, fact_id, fields, None, row.recorded_at, None, deleted=False)


def _fact_row(session: Session, entity: str, fact_id: str) -> Row[Any] | None:
    table: Table = FACTS[entity].__table__  # type: ignore[assignment]
    return session.connection().execute(select(table).where(table.c.id == fact_id)).one_or_none()


def _known(entity: str) -> str:
    if entity not in RECORDS:
        raise StoreError(not_allowed("entity", (*RECORDS, *FACTS)))
    return entity
