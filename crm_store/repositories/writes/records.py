"""Reading and writing single records. A write and its log entry are one: neither exists without the other."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm_store.models import ChangeLog
from crm_store.models.base import RecordMixin
from crm_store.repositories.fields import RECORDS, Value, check_changes
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes import changelog, stored
from crm_store.repositories.writes.chains import Chain, Signature, backdated, checked_step

__all__ = ["RECORDS", "Conflict", "backdated", "get_record", "states_of", "write_record"]


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
    role: str | None = None,
) -> int:
    """Create or patch a record, append one log entry for the fields that changed, and return the version.

    ``actor`` is ``way:name`` (see ``guards.WAYS``), ``role`` the actor's where it is known.
    ``recorded_at`` is when the business knew the new values, ``now`` when the store learns them. Nothing
    changed: nothing is written. ``expected_version`` 0 means "must not exist yet". Raises Conflict when the
    stored version is another, StoreError for a value that does not fit or a moment before the last entry.
    After a refusal by the database itself, PostgreSQL wants the transaction rolled back.
    """
    offered = check_changes(entity, values)
    signature = Signature(actor, reason, recorded_at, now, role)
    while True:
        chain = stored.lock(session, entity, record_id) or Chain.unborn(entity, recorded_at)
        check_version(entity, record_id, chain, offered, expected_version)
        step = checked_step(session, entity, record_id, chain, offered, signature)
        if step is None:
            return chain.version
        if stored.write_step(session, step):
            return chain.version
        # Someone else created it in the meantime: now it is there to be looked at again.


def check_version(
    entity: str, record_id: str, chain: Chain, offered: Mapping[str, Value], expected_version: int | None
) -> None:
    """Raise Conflict, with both values of each field offered, unless the record has that version."""
    if expected_version is not None and expected_version != chain.version:
        both = {name: [chain.state[name], value] for name, value in offered.items()}
        raise Conflict(entity, record_id, expected_version, chain.version, both)


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
