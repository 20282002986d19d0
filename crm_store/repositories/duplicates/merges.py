"""Merged records: which stand for which, what pointed where, and the log of merges."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from crm_store.models import ChangeLog, MergeLog
from crm_store.repositories.fields import FIELDS, RECORDS
from crm_store.repositories.writes.stored import table_of

MERGED_INTO = "merged_into"


def with_merged(session: Session, entity: str, record_id: str) -> tuple[str, ...]:
    """Return a lead's or account's id, and behind it all that were merged into it, at any remove."""
    model: Any = RECORDS[entity]
    found, last = [record_id], [record_id]
    while last:
        below = select(model.id).where(model.merged_into.in_(last)).order_by(model.id)
        last = [one for one in session.scalars(below) if one not in found]
        found += last
    return tuple(found)


def survivor_of(session: Session, entity: str, record_id: str) -> str:
    """Return the id of the record that stands for this one today: its own, unless it was merged."""
    model: Any = RECORDS[entity]
    while onward := session.scalar(select(model.merged_into).where(model.id == record_id)):
        record_id = onward
    return record_id


def locked_states(session: Session, entity: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the fields of these records as last committed, and keep other writers away from them.

    They are locked in the order of their ids, so that two merges of the same pair wait and do not block
    each other for ever.
    """
    model: Any = RECORDS[entity]
    query: Select[Any] = select(model).where(model.id.in_(ids)).order_by(model.id).with_for_update()
    rows = session.scalars(query.execution_options(populate_existing=True))
    return {row.id: {name: getattr(row, name) for name in FIELDS[entity]} for row in rows}


def pointing_at(session: Session, entity: str, record_id: str) -> list[tuple[str, str, str]]:
    """Return (kind, id, field) for each reference to a record, in the order in which to write them.

    Deleted records count as well: they may be restored. Facts are not among them; they are never rewritten,
    and are found through ``with_merged``. What a merge itself points with (``merged_into``) is left out.
    """
    found: list[tuple[str, str, str]] = []
    for kind, field in _references(entity):
        table = table_of(kind)
        query = select(table.c.id).where(table.c[field] == record_id)
        found += [(kind, one, field) for one in session.scalars(query)]
    return sorted(found)


def logged_changes(session: Session, entity: str, record_id: str, version: int) -> dict[str, list[Any]]:
    """Return field → [old, new] of one version of a record, as the change log has it."""
    query = select(ChangeLog.changes).where(
        ChangeLog.entity == entity, ChangeLog.entity_id == record_id, ChangeLog.version == version
    )
    changes: dict[str, list[Any]] = session.scalars(query).one()
    return changes


def locked_merge(session: Session, merge_id: str) -> MergeLog | None:
    """Return a merge as last committed, and keep others away from it."""
    query = select(MergeLog).where(MergeLog.id == merge_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def merges_of(session: Session, entity: str, record_id: str) -> list[MergeLog]:
    """Return the merges into a record, the latest first, those undone too."""
    query = select(MergeLog).where(MergeLog.entity == entity, MergeLog.survivor_id == record_id)
    return list(session.scalars(query.order_by(MergeLog.merged_at.desc(), MergeLog.id)))


def _references(entity: str) -> list[tuple[str, str]]:
    """Return (kind, field) of every field of a record that refers to this kind, read off the tables."""
    target = table_of(entity)
    return [
        (kind, column.name)
        for kind in RECORDS
        for column in table_of(kind).c
        if column.name in FIELDS[kind]
        and column.name != MERGED_INTO
        and any(key.column.table is target for key in column.foreign_keys)
    ]
