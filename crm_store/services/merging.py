"""Merging two leads or accounts that are one customer, so that nothing is lost and it can be undone.

The survivor keeps its own values, fills its empty fields from the other, and takes over what pointed at it.
The other is deleted softly and says by ``merged_into`` what stands in its place. Facts are never rewritten:
its activities stay its own and show with the survivor's (``merges.with_merged``). All writes go through the
change log, and the merge keeps what it wrote, so that undoing it can put back exactly that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from crm_store.domain.ids import new_id
from crm_store.models import MergeLog
from crm_store.repositories.duplicates import merges, pairs
from crm_store.repositories.duplicates.merges import MERGED_INTO
from crm_store.repositories.fields import FIELDS, from_log, to_log
from crm_store.repositories.problems import Problem, StoreError, unknown_field
from crm_store.repositories.sight.permits import not_found
from crm_store.repositories.writes.records import write_record
from crm_store.services.duplicates import check_record

MERGEABLE = ("lead", "account")
Choice = Literal["survivor", "merged"]
_States = Mapping[str, Mapping[str, Any]]

# Where a record came from, how far it has come and when are its own: they cannot be another's. Whoever
# wants the state of the other record makes that one the survivor.
_ITS_OWN = frozenset({"source", "external_id", "status", "intake_state", MERGED_INTO})


@dataclass(frozen=True)
class KeptChange:
    """A field that was edited after the merge and so keeps its value when the merge is undone."""

    entity: str
    record_id: str
    field: str
    current: Any
    before_merge: Any


@dataclass(frozen=True)
class Undone:
    """An undone merge; ``kept`` lists what was left as it is, because somebody has changed it since."""

    merge: MergeLog
    kept: tuple[KeptChange, ...]


@dataclass(frozen=True)
class _Pen:
    """Who writes, in whose role, why, and when."""

    session: Session
    actor: str
    role: str | None
    reason: str
    now: datetime

    def write(self, entity: str, record_id: str, values: Mapping[str, Any]) -> int:
        return write_record(
            self.session,
            entity,
            record_id,
            values,
            actor=self.actor,
            reason=self.reason,
            recorded_at=self.now,
            now=self.now,
            role=self.role,
        )


def mergeable_fields(entity: str) -> tuple[str, ...]:
    """Return the fields that a survivor may take from the other record."""
    return tuple(
        name for name, field in FIELDS[entity].items() if name not in _ITS_OWN and field.kind != "moment"
    )


def merge(
    session: Session,
    entity: str,
    survivor_id: str,
    merged_id: str,
    *,
    choices: Mapping[str, Choice] | None = None,
    actor: str,
    role: str | None = None,
    now: datetime,
) -> MergeLog:
    """Merge one record into another and return the log of it.

    ``choices`` says, by field, whose value the survivor shall have; without one its own, and the other's
    where it has none. Of two merges of a pair at the same time one is done. Raises StoreError:
    ``not_mergeable``, ``same_record``, ``not_found``, ``already_merged`` (either of them: the message names
    what stands in its place), ``unknown_field``.
    """
    _check_kind(entity, survivor_id, merged_id)
    states = merges.locked_states(session, entity, [survivor_id, merged_id])
    for record_id in (survivor_id, merged_id):
        _check_stands(session, entity, record_id, states)
    log_id = new_id("merge")
    pen = _Pen(session, actor, role, f"merge {log_id}", now)
    taken = _taken(entity, states[survivor_id], states[merged_id], choices or {})
    moved = _moved(session, entity, survivor_id, merged_id, taken)
    moved[entity, merged_id] = {"deleted_at": now, MERGED_INTO: survivor_id}
    log = MergeLog(
        id=log_id,
        entity=entity,
        survivor_id=survivor_id,
        merged_id=merged_id,
        changes=[_change(pen, kind, one, values) for (kind, one), values in moved.items()],
        actor=actor,
        merged_at=now,
    )
    session.add(log)
    _settle(session, log, now)
    return log


def undo(session: Session, merge_id: str, *, actor: str, role: str | None = None, now: datetime) -> Undone:
    """Undo a merge: every field that still holds what the merge wrote gets back what it held before.

    What was edited since stays, and is reported. Raises StoreError: ``unknown_merge``, ``already_undone``,
    ``later_merge`` (the survivor has itself been merged: undo that first).
    """
    log = merges.locked_merge(session, merge_id)
    if log is None:
        raise StoreError(_unknown_merge(merge_id))
    if log.undone_at is not None:
        raise StoreError(_already_undone(merge_id))
    states = merges.locked_states(session, log.entity, [log.survivor_id, log.merged_id])
    if states[log.survivor_id][MERGED_INTO] is not None:
        onward = merges.survivor_of(session, log.entity, log.survivor_id)
        raise StoreError(_later_merge(log.survivor_id, onward))
    pen = _Pen(session, actor, role, f"undo merge {merge_id}", now)
    kept = [one for change in reversed(log.changes) for one in _restore(pen, change)]
    log.undone_at, log.undone_by = now, actor
    _settle(session, log, now)
    return Undone(log, tuple(kept))


def _check_kind(entity: str, survivor_id: str, merged_id: str) -> None:
    if entity not in MERGEABLE:
        raise StoreError(_not_mergeable(entity))
    if survivor_id == merged_id:
        raise StoreError(_same_record())


def _check_stands(session: Session, entity: str, record_id: str, states: _States) -> None:
    """Refuse a record that is not there, or that another stands for; so no circle of merges can arise."""
    state = states.get(record_id)
    if state is not None and state[MERGED_INTO] is not None:
        raise StoreError(_already_merged(record_id, merges.survivor_of(session, entity, record_id)))
    if state is None or state["deleted_at"] is not None:
        raise StoreError(not_found(entity))


def _taken(
    entity: str, own: Mapping[str, Any], other: Mapping[str, Any], choices: Mapping[str, Choice]
) -> dict[str, Any]:
    """Return the values that the survivor takes from the other record."""
    names = mergeable_fields(entity)
    for name in choices:
        if name not in names:
            raise StoreError(unknown_field(name, entity))
    default: dict[bool, Choice] = {True: "survivor", False: "merged"}
    return {
        name: other[name]
        for name in names
        if choices.get(name, default[own[name] is not None]) == "merged" and other[name] != own[name]
    }


def _moved(
    session: Session, entity: str, survivor_id: str, merged_id: str, taken: Mapping[str, Any]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what is to be written but for the end of the merged record: (kind, id) → field → value."""
    moved: dict[tuple[str, str], dict[str, Any]] = {(entity, survivor_id): dict(taken)}
    for kind, one, field in merges.pointing_at(session, entity, merged_id):
        moved.setdefault((kind, one), {}).setdefault(field, survivor_id)
    own = moved[entity, survivor_id]
    # Nothing is its own parent: not a survivor that was under the other, nor one that the other was under.
    own.update({field: None for field, value in own.items() if value == survivor_id})
    return {key: values for key, values in moved.items() if values and key != (entity, merged_id)}


def _change(pen: _Pen, entity: str, record_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Write, and return what was written as the merge keeps it: old and new, as in the change log."""
    version = pen.write(entity, record_id, values)
    fields = merges.logged_changes(pen.session, entity, record_id, version)
    return {"entity": entity, "id": record_id, "version": version, "fields": fields}


def _restore(pen: _Pen, change: Mapping[str, Any]) -> list[KeptChange]:
    """Put one record back, and return the fields of it that were edited since."""
    entity, record_id = change["entity"], change["id"]
    state = merges.locked_states(pen.session, entity, [record_id])[record_id]
    before, kept = {}, []
    for name, (old, new) in change["fields"].items():
        value = from_log(FIELDS[entity][name], old)
        if to_log(state[name]) == new:
            before[name] = value
        elif state[name] != value:
            kept.append(KeptChange(entity, record_id, name, state[name], value))
    pen.write(entity, record_id, before)
    return kept


def _settle(session: Session, log: MergeLog, now: datetime) -> None:
    """Bring the pair and the keys of the two records in line with a merge that was done or undone."""
    pair = pairs.locked_pair(session, pairs.pair_id(log.entity, log.survivor_id, log.merged_id))
    if pair is not None:
        done = log.undone_at is None
        pair.status = "merged" if done else "open"
        pair.decided_at, pair.decided_by = (now, log.actor) if done else (None, None)
    session.flush()
    ids = [log.survivor_id, log.merged_id]
    for record_id, state in merges.locked_states(session, log.entity, ids).items():
        check_record(session, log.entity, record_id, state, now)


def _not_mergeable(entity: str) -> Problem:
    return Problem(
        "not_mergeable",
        None,
        f"{entity} 不能合并，只有线索和客户可以",
        f"{entity} cannot be merged, only leads and accounts can",
    )


def _same_record() -> Problem:
    return Problem(
        "same_record", "merged_id", "不能把记录与自身合并", "a record cannot be merged with itself"
    )


def _already_merged(record_id: str, survivor_id: str) -> Problem:
    return Problem(
        "already_merged",
        None,
        f"{record_id} 已合并到 {survivor_id}，请对后者操作",
        f"{record_id} has been merged into {survivor_id}: use that one",
    )


def _unknown_merge(merge_id: str) -> Problem:
    return Problem("unknown_merge", "merge_id", f"没有合并 {merge_id}", f"there is no merge {merge_id}")


def _already_undone(merge_id: str) -> Problem:
    return Problem(
        "already_undone", "merge_id", f"合并 {merge_id} 已撤销", f"merge {merge_id} has been undone already"
    )


def _later_merge(record_id: str, survivor_id: str) -> Problem:
    return Problem(
        "later_merge",
        "merge_id",
        f"{record_id} 之后又合并到 {survivor_id}，请先撤销那次合并",
        f"{record_id} has since been merged into {survivor_id}: undo that merge first",
    )
