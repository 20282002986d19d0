"""One record's history as it grows: the state it has reached, and the log entry of the next step.

Single writes, bulk upserts and bulk loads all take their steps here, so that they leave the same log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from crm_store.repositories.fields import EMPTY, Value, check_still_complete, check_whole, complete_new
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes import changelog
from crm_store.repositories.writes.guards import Write, check_way, check_write


@dataclass(slots=True)
class Chain:
    """Where one record's history stands: every field's value, and the last entry's version, hash and time."""

    state: Mapping[str, Value]
    version: int
    hash: str
    recorded_at: datetime

    @classmethod
    def unborn(cls, entity: str, recorded_at: datetime) -> "Chain":
        """Return the chain of a record that does not exist yet: version 0, every field empty."""
        return cls(EMPTY[entity], 0, changelog.GENESIS, recorded_at)


class Entry(NamedTuple):
    """One entry of the change log; the names are its columns. ``changes`` is their canonical JSON text."""

    entity: str
    entity_id: str
    version: int
    changes: str
    actor: str
    reason: str | None
    recorded_at: datetime
    written_at: datetime
    previous_hash: str
    hash: str


class Step(NamedTuple):
    """One step of a record: its log entry, and field → (old, new) for the fields that changed."""

    entry: Entry
    changes: changelog.Changes


@dataclass(frozen=True, slots=True)
class Signature:
    """Who writes, why, since when the business knew (``recorded_at``), and when the store learns it.

    ``role`` is the actor's, where the caller knows it: locks yield to some roles.
    """

    actor: str
    reason: str | None
    recorded_at: datetime
    now: datetime
    role: str | None = None


def checked_step(
    session: Session,
    entity: str,
    record_id: str,
    chain: Chain,
    offered: Mapping[str, Value],
    signature: Signature,
) -> Step | None:
    """Take a record one step on and return the step, or None when nothing would change.

    ``offered`` has passed ``check_changes``. The chain then stands at the new state; nothing is written yet.
    Raises StoreError when the store refuses the step, and leaves the chain as it was.
    """
    values = offered
    if chain.version == 0:
        values = complete_new(entity, {"created_at": signature.recorded_at, **offered})
    changes = changelog.diff(chain.state, values)
    if not changes:
        return None
    if chain.version > 0:
        check_still_complete(entity, values)
    state = {**chain.state, **values}
    check_whole(entity, state)
    if chain.version > 0:
        who_why_when = (signature.actor, signature.reason, signature.now, signature.role)
        check_write(session, Write(entity, record_id, chain.state, changes, *who_why_when))
    else:
        check_way(signature.actor)  # a new record has no past that a write could spoil
    if signature.recorded_at < chain.recorded_at:
        raise StoreError(backdated(entity, record_id))
    return Step(advance(entity, record_id, chain, state, changes, signature), changes)


def advance(
    entity: str,
    record_id: str,
    chain: Chain,
    state: Mapping[str, Value],
    changes: changelog.Changes,
    signature: Signature,
) -> Entry:
    """Move the chain to its next version and ``state``, unchecked, and return the entry of the step."""
    version, previous = chain.version + 1, chain.hash
    who_when = (signature.actor, signature.reason, signature.recorded_at, signature.now)
    text = changelog.written(entity, changes)
    digest = changelog.chain_text(previous, entity, record_id, version, text, changelog.signed(*who_when))
    chain.state, chain.version, chain.hash = state, version, digest
    chain.recorded_at = signature.recorded_at
    return Entry(entity, record_id, version, text.decode(), *who_when, previous, digest)


def backdated(entity: str, record_id: str) -> Problem:
    """Describe a write dated before what is already in the log: it would put today's values into the past."""
    return Problem(
        "backdated",
        "recorded_at",
        f"{entity} {record_id} 的记录时间早于其最近一次变更",
        f"recorded_at of {entity} {record_id} lies before its latest change",
    )
