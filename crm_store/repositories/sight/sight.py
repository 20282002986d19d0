"""Reading and writing in a viewer's eyes: the door that everything people and keys do goes through.

Rows: ``viewer_session`` and ``viewer_transaction`` narrow every query. Fields: ``shown`` and its kin are the
only way out. Writes: ``can_write``, or ``write_as``. What must see everything (the search for duplicates, a
chain of hashes) takes ``whole_store`` of the same transaction, after it has asked what the viewer may do.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.policy import BELONGING, CLASSES, Operation, Relation, Viewer, rows_for
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.narrowing import NotSeenThrough, SightSession
from crm_store.repositories.sight.nearness import relations, values_of, within
from crm_store.repositories.sight.permits import can_write, can_write_all, forbidden, not_found, write_as
from crm_store.repositories.sight.projection import (
    filterable,
    shown,
    shown_changes,
    shown_entry,
)

__all__ = [
    "NotSeenThrough",
    "SightSession",
    "can_write",
    "can_write_all",
    "check_may",
    "farthest",
    "filterable",
    "forbidden",
    "not_found",
    "relations_of",
    "shown",
    "shown_changes",
    "shown_entry",
    "shown_rows",
    "shown_source_rows",
    "viewer_session",
    "viewer_transaction",
    "visible_ids",
    "whole_store",
    "write_as",
]

# Source of features → the records behind its rows, and the column with their ids.
_SOURCE_RECORDS = {
    "lead_states": ("lead", "lead_id"),
    "lead_flow": ("lead", "lead_id"),
    "account_states": ("account", "account_id"),
    "activities": ("activity", "record_id"),
    "orders": ("order_snapshot", "record_id"),
    "ticket_events": ("ticket", "ticket_id"),
    "contract_events": ("contract", "contract_id"),
    "rep_states": ("rep", "rep_id"),
    "rep_events": ("lead", "lead_id"),
    "fit_events": ("lead", "lead_id"),
    "leave_events": ("leave", "leave_id"),
}


@contextmanager
def viewer_session(factory: sessionmaker[Session], viewer: Viewer) -> Iterator[SightSession]:
    """Give a session that reads what the viewer may read."""
    with factory() as whole, SightSession(viewer, whole) as session:
        yield session


@contextmanager
def viewer_transaction(factory: sessionmaker[Session], viewer: Viewer) -> Iterator[SightSession]:
    """Give a session that reads what the viewer may read, in a transaction that ``write_as`` may write in.

    It is committed once at the end, and rolled back when anything raises.
    """
    with transaction(factory) as whole, SightSession(viewer, whole) as session:
        yield session


def whole_store(session: SightSession) -> Session:
    """Return the session of the same transaction that sees every row. Ask ``check_may`` first."""
    return session.whole


def check_may(viewer: Viewer, resource: str, operation: str) -> None:
    """Raise StoreError ``forbidden`` unless there is any row that the viewer may do this to."""
    if rows_for(viewer, resource, operation) == "none":
        raise StoreError(forbidden(resource, operation))


def visible_ids(
    session: SightSession, entity: str, ids: Iterable[str], operation: Operation = "read"
) -> set[str]:
    """Return those of ``ids`` that exist and that the viewer may do this to."""
    rows = rows_for(session.viewer, entity, operation)
    return set() if rows == "none" else within(session.whole, session.reach, entity, ids, rows)


def shown_source_rows(
    session: SightSession, source: str, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return those rows of a feature source (``domain.sources``) that the viewer may see, as they may.

    What a source derives itself, such as whether there is a phone, is no field of the record and is shown.
    """
    entity, key = _SOURCE_RECORDS[source]
    seen = visible_ids(session, entity, {row[key] for row in rows})
    kept = [row for row in rows if row[key] in seen]
    near = (
        relations_of(session, entity, kept)
        if entity == "activity"
        else [farthest(session.viewer, entity)] * len(kept)
    )
    return [
        {name: value for name, value in row.items() if name not in CLASSES[entity]}
        | shown(session.viewer, entity, row, relation)
        for row, relation in zip(kept, near, strict=True)
    ]


def relations_of(session: SightSession, entity: str, rows: Sequence[Any]) -> list[Relation]:
    """Return how near each row (a record, or a mapping of its columns) is to the viewer, for ``shown``."""
    viewer, at_most = session.viewer, farthest(session.viewer, entity)
    alone = viewer.rep_id is None and viewer.team_id is None and viewer.region is None
    if at_most == "own" or alone or entity not in BELONGING:
        return [at_most] * len(rows)
    return relations(session.whole, session.reach, entity, [values_of(row) for row in rows])


def farthest(viewer: Viewer, entity: str) -> Relation:
    """Return how far away at most a row is that the viewer reads: for ``shown`` where no row is in hand."""
    rows = rows_for(viewer, entity, "read")
    return "all" if rows == "none" else rows


def shown_rows(session: SightSession, entity: str, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return what the viewer is shown of each row of a page, in order."""
    near = relations_of(session, entity, rows)
    return [shown(session.viewer, entity, row, relation) for row, relation in zip(rows, near, strict=True)]
