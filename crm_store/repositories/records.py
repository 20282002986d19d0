"""Reading and writing single records. A write and its log entry are one: neither exists without the other."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm_store.models import ChangeLog
from crm_store.models.base import RecordMixin
from crm_store.repositories import changelog
from crm_store.repositories.fields import (
    FIELDS,
    RECORDS,
    Value,
    check_changes,
    check_still_complete,
    check_whole,
    complete_new,
)
from crm_store.repositories.problems import Problem, StoreError

__all__ = ["RECORDS", "Conflict", "get_record", "states_of", "write_record"]


class Conflict(StoreError):
    """Someone else wrote first. ``values``: each field offered → [what is stored, what was offered]."""

    def __init__(
        self, entity: str, record_id: str, expected: int, actual: int, values: dict[str, list[Value]]
    ) -> None:
        super().__init__(
            Problem(
                "version_conflict",
                None,
                f"{entity} {record_id} 已被他人修改：期望版本 {expected}，当前版本 {actual}",
                f"{entity} {record_id} was changed by someone else: version {actual}, not {expected}",
            )
        )
        self.entity = entity
        self.record_id = record_id
        self.expected = expected
        self.actual = actual
        self.values = values


def get_record(session: Session, entity: str, record_id: str) -> RecordMixin | None:
    """Return the record as it stands, or None."""
    return session.get(RECORDS[entity], record_id)


def write_record(
    session: Session,
    entity: str,
    record_id: str,
    values: Mapping[str, Any],
    *,
    actor: str,
    reason: str | None = None,
    recorded_at: datetime,
    now: datetime,
    expected_version: int | None = None,
) -> int:
    """Create or patch a record, append one log entry for the fields that changed, and return the version.

    ``recorded_at`` is when the business knew the new values, ``now`` when the store learns them. Nothing
    changed: nothing is written. ``expected_version`` 0 means "must not exist yet". Raises Conflict when the
    stored version is another, StoreError for a value that does not fit or a moment before the last entry.
    """
    offered = check_changes(entity, values)
    record = _locked(session, entity, record_id)
    version = 0 if record is None else record.version
    before = {name: getattr(record, name, None) for name in FIELDS[entity]}
    if expected_version is not None and expected_version != version:
        both = {name: [before[name], value] for name, value in offered.items()}
        raise Conflict(entity, record_id, expected_version, version, both)
    if record is None:
        offered = complete_new(entity, {"created_at": recorded_at, **offered})
    changes = changelog.diff(before, offered)
    if not changes:
        return version
    check_still_complete(entity, offered)
    check_whole(entity, before | offered)
    _append(session, entity, record_id, version + 1, changes, actor, reason, recorded_at, now)
    _apply(session, entity, record_id, record, offered, version + 1, recorded_at)
    return version + 1


def states_of(session: Session, entity: str, record_id: str) -> list[dict[str, Any]]:
    """Return every state the record has had, oldest first: all fields, ``recorded_at`` and ``version``."""
    query = (
        select(ChangeLog.version, ChangeLog.recorded_at, ChangeLog.changes)
        .where(ChangeLog.entity == entity, ChangeLog.entity_id == record_id)
        .order_by(ChangeLog.version)
    )
    entries = session.execute(query).all()
    states = changelog.fold(entity, entries)
    return [
        state | {"recorded_at": entry.recorded_at, "version": entry.version}
        for state, entry in zip(states, entries, strict=True)
    ]


def _locked(session: Session, entity: str, record_id: str) -> RecordMixin | None:
    """Return the record as last committed and keep other writers away from it until this transaction ends.

    SQLite has one writer at a time. On PostgreSQL the row is locked; a row that is not there yet cannot be,
    so its creators queue on an advisory lock and look again.
    """
    model = RECORDS[entity]
    query = select(model).where(model.id == record_id).execution_options(populate_existing=True)
    session.flush()
    record = session.scalars(query.with_for_update()).one_or_none()
    if record is None and session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{entity}:{record_id}", 0))))
        record = session.scalars(query.with_for_update()).one_or_none()
    return record


def _append(
    session: Session,
    entity: str,
    record_id: str,
    version: int,
    changes: dict[str, list[Any]],
    actor: str,
    reason: str | None,
    recorded_at: datetime,
    now: datetime,
) -> None:
    last = session.execute(
        select(ChangeLog.hash, ChangeLog.recorded_at).where(
            ChangeLog.entity == entity, ChangeLog.entity_id == record_id, ChangeLog.version == version - 1
        )
    ).one_or_none()
    if last is not None and recorded_at < last.recorded_at:
        raise StoreError(backdated(entity, record_id))
    previous_hash = changelog.GENESIS if last is None else last.hash
    digest = changelog.chain(
        previous_hash,
        entity,
        record_id,
        version,
        changes,
        actor,
        reason,
        recorded_at,
        now,
    )
    session.add(
        ChangeLog(
            entity=entity,
            entity_id=record_id,
            version=version,
            changes=changes,
            actor=actor,
            reason=reason,
            recorded_at=recorded_at,
            written_at=now,
            previous_hash=previous_hash,
            hash=digest,
        )
    )


def backdated(entity: str, record_id: str) -> Problem:
    """Describe a write dated before what is already in the log: it would put today's values into the past."""
    return Problem(
        "backdated",
        "recorded_at",
        f"{entity} {record_id} 的记录时间早于其最近一次变更",
        f"recorded_at of {entity} {record_id} lies before its latest change",
    )


def _apply(
    session: Session,
    entity: str,
    record_id: str,
    record: RecordMixin | None,
    values: dict[str, Value],
    version: int,
    recorded_at: datetime,
) -> None:
    columns = values | {"version": version, "updated_at": recorded_at}
    if record is None:
        session.add(RECORDS[entity](id=record_id, **columns))  # type: ignore[call-arg]
    else:
        for name, value in columns.items():
            setattr(record, name, value)
    session.flush()
