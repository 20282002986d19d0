"""Records as a CRM keeps them in step: create, change, delete and restore, for one viewer.

Every use case checks what was sent, whether the viewer may write it, and the stage gates; it writes through
the one door that logs, and looks for duplicates where there can be any. Facts are in ``services.facts``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_store.domain import moments
from crm_store.domain.ids import new_id, stable_id
from crm_store.domain.locks import not_happened
from crm_store.domain.policy import BELONGING, rows_for
from crm_store.repositories import listing, problems
from crm_store.repositories.fields import DEFAULTS, FACTS, FIELDS, RECORDS, REQUIRED, Field, Value
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.sight.sight import SightSession, can_write, not_found, visible_ids
from crm_store.repositories.writes.records import Conflict, write_record
from crm_store.services import gates, stage_one
from crm_store.services.duplicates import Candidate, check_record

OWN_SOURCE = "leadpulse"
"""The source of what is born here; its outside id is its id."""

_MERGED = frozenset({"merged_into"})
_DELETED = frozenset({"deleted_at"})
_DECIDED = frozenset({"status", "decided_at", "decided_by"})
READ_ONLY: dict[str, frozenset[str]] = {
    **dict.fromkeys(RECORDS, _DELETED),
    **dict.fromkeys(FACTS, frozenset({"recorded_at", "entered_by"})),
    "lead": _DELETED | _MERGED | {"intake_state"},
    "account": _DELETED | _MERGED,
    "role_change": _DELETED | _DECIDED,
    "user": _DELETED | {"disabled_at"},
}
"""Kind → fields that no client sets: they follow from what is done (delete, merge, decide, complete)."""

GIVEN_BY_STORE = frozenset({"source", "external_id", "created_at", "recorded_at"})
"""Required fields that a client may leave out."""

COMPARED = ("lead", "account")
"""Kinds of which two records may be one customer."""

# What an integer column holds on PostgreSQL.
_MAX_INTEGER = 2**31 - 1


@dataclass(frozen=True)
class Written:
    """A record after a write: the row as it stands, and for a lead or an account who else it might be."""

    row: dict[str, Any]
    duplicates: Sequence[Candidate] = ()


class Refused(StoreError):
    """Several things are wrong at once; the first leads."""

    def __init__(self, found: Sequence[Problem]) -> None:
        super().__init__(found[0])
        self.problems = tuple(found)


class AlreadyThere(StoreError):
    """There is such a record already; ``existing_id`` names it where the viewer may see it."""

    def __init__(self, entity: str, existing_id: str | None) -> None:
        zh, en = f"该 {entity} 已存在", f"there is such a {entity} already"
        super().__init__(Problem("already_exists", "external_id", zh, en))
        self.existing_id = existing_id


def create(session: SightSession, entity: str, values: Mapping[str, Any], now: datetime) -> Written:
    """Create a record. Raises Refused, AlreadyThere, GateClosed, and what ``can_write`` raises."""
    check_values(entity, values, now, new=True)
    record_id, offered = identify(session, entity, values)
    offered = _with_owner(session, entity, offered)
    check_references(session, entity, offered)
    can_write(session, session.viewer, entity, None, offered)
    if entity == "opportunity":
        gates.require(session.whole, None, offered, now)
    try:
        _write(session, entity, record_id, offered, now, expected_version=0)
    except Conflict:
        raise AlreadyThere(entity, _if_seen(session, entity, record_id)) from None
    return after_write(session, entity, record_id, now)


def change(
    session: SightSession,
    entity: str,
    record_id: str,
    values: Mapping[str, Any],
    now: datetime,
    *,
    expected_version: int | None,
    reason: str | None = None,
) -> Written:
    """Change fields of a record; ``expected_version`` None overwrites whatever is there.

    Raises StoreError as ``create`` does, ``not_found``, and Conflict when the record is at another version.
    """
    check_values(entity, values, now, new=False)
    before = _locked(session, entity, record_id)
    if before["deleted_at"] is not None:
        raise StoreError(not_found(entity))
    check_references(session, entity, {k: v for k, v in values.items() if v != before.get(k)})
    can_write(session, session.viewer, entity, before, values)
    if entity == "opportunity":
        gates.require(session.whole, before, values, now)
    completed = entity == "lead" and stage_one.completes(before, values)
    offered = {**values, "intake_state": "complete"} if completed else values
    _check_outside_id(session, entity, before, offered)
    _write(session, entity, record_id, offered, now, expected_version, reason)
    if completed:
        stage_one.close_task(session.whole, record_id, now)
    return after_write(session, entity, record_id, now)


def delete(
    session: SightSession, entity: str, record_id: str, now: datetime, *, expected_version: int | None
) -> Written:
    """Delete a record so that it can be restored. Raises ``not_found``, ``forbidden``, Conflict."""
    before = _locked(session, entity, record_id)
    if before["deleted_at"] is not None:
        raise StoreError(not_found(entity))
    return _end(session, entity, before, {"deleted_at": now}, now, expected_version)


def restore(
    session: SightSession, entity: str, record_id: str, now: datetime, *, expected_version: int | None
) -> Written:
    """Bring a deleted record back; one that was not deleted stays as it is.

    Raises StoreError ``merged`` for one that another took the place of: that merge is undone instead.
    """
    before = _locked(session, entity, record_id)
    if before.get("merged_into") is not None:
        raise StoreError(_merged(entity, before["merged_into"]))
    return _end(session, entity, before, {"deleted_at": None}, now, expected_version)


def _merged(entity: str, survivor_id: Any) -> Problem:
    return Problem(
        "merged",
        "merged_into",
        f"该 {entity} 已合并到 {survivor_id}，请撤销合并",
        f"this {entity} was merged into {survivor_id}: undo the merge instead",
    )


def check_values(entity: str, values: Mapping[str, Any], now: datetime, *, new: bool) -> None:
    """Raise Refused with everything that is wrong with the values one by one."""
    found = problems_of(entity, values, now)
    if new:
        given = DEFAULTS[entity].keys() | GIVEN_BY_STORE
        found += [
            problems.required(name)
            for name in REQUIRED[entity]
            if name not in given and name not in READ_ONLY[entity] and values.get(name) is None
        ]
        if (values.get("source") is None) != (values.get("external_id") is None):
            missing = "source" if values.get("source") is None else "external_id"
            found.append(problems.required(missing))
    else:
        found += [problems.required(name) for name in REQUIRED[entity] if _empties(values, name)]
    if found:
        raise Refused(found)


def problems_of(entity: str, values: Mapping[str, Any], now: datetime) -> list[Problem]:
    """Return every field that is unknown, not the client's to set, or of a value that does not fit."""
    found = [_in_the_future(name) for name in not_happened(values, now)]
    for name, value in values.items():
        field = FIELDS[entity].get(name)
        if field is None:
            found.append(problems.unknown_field(name, entity))
        elif name in READ_ONLY[entity]:
            found.append(_read_only(name))
        elif (problem := _problem(field, value)) is not None:
            found.append(problem)
    return found


def as_moment(value: Any) -> datetime | None:
    """Return a moment given as one, or as RFC 3339 text with a time zone; None for anything else."""
    if isinstance(value, datetime):
        return value
    return moments.read(value) if isinstance(value, str) else None


def identify(session: SightSession, entity: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the id of a new record, and its values with where it comes from. Raises AlreadyThere."""
    offered = {name: value for name, value in values.items() if value is not None}
    source, external_id = offered.get("source"), offered.get("external_id")
    if source is None or external_id is None:
        record_id = new_id(entity)
        return record_id, offered | {"source": OWN_SOURCE, "external_id": record_id}
    existing = listing.by_outside_id(session.whole, entity, source, external_id)
    if existing is not None:
        raise AlreadyThere(entity, _if_seen(session, entity, existing["id"]))
    return stable_id(entity, source, external_id), offered


def check_references(session: SightSession, entity: str, values: Mapping[str, Any]) -> None:
    """Raise Refused with every reference to a record that is not there, or not for the viewer to see."""
    found = [
        problems.unknown_reference(name, to)
        for name, value in values.items()
        if value is not None
        and (to := FIELDS[entity][name].reference) is not None
        and not visible_ids(session, to, [value])
    ]
    if found:
        raise Refused(found)


def after_write(session: SightSession, entity: str, record_id: str, now: datetime) -> Written:
    """Return the record as it stands now, after looking for duplicates of a lead or an account."""
    row = listing.by_id(session.whole, entity, record_id)
    if row is None:
        raise StoreError(not_found(entity))
    if entity not in COMPARED:
        return Written(row)
    return Written(row, check_record(session.whole, entity, record_id, row, now))


def _end(
    session: SightSession,
    entity: str,
    before: Mapping[str, Any],
    values: dict[str, Value],
    now: datetime,
    expected_version: int | None,
) -> Written:
    can_write(session, session.viewer, entity, before, values)
    _write(session, entity, before["id"], values, now, expected_version)
    return after_write(session, entity, before["id"], now)


def _write(
    session: SightSession,
    entity: str,
    record_id: str,
    values: Mapping[str, Any],
    now: datetime,
    expected_version: int | None,
    reason: str | None = None,
) -> None:
    write_record(
        session.whole,
        entity,
        record_id,
        values,
        actor=session.viewer.actor,
        reason=reason,
        recorded_at=now,
        now=now,
        expected_version=expected_version,
        role=session.viewer.role,
    )


def _locked(session: SightSession, entity: str, record_id: str) -> dict[str, Any]:
    """Return a record as last committed, and keep other writers away from it."""
    model = RECORDS[entity]
    found = session.whole.get(model, record_id, with_for_update=True, populate_existing=True)
    if found is None or not visible_ids(session, entity, [record_id]):
        raise StoreError(not_found(entity))
    return {name: getattr(found, name) for name in listing.listed_fields(entity)}


def _with_owner(session: SightSession, entity: str, values: dict[str, Any]) -> dict[str, Any]:
    """Give what a salesperson creates to them: nobody else's would be theirs to create."""
    owner = BELONGING[entity].owner
    viewer = session.viewer
    if owner in FIELDS[entity] and owner not in values and rows_for(viewer, entity, "create") == "own":
        return values | {owner: viewer.rep_id}
    return values


def _check_outside_id(
    session: SightSession, entity: str, before: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    source, external_id = (values.get(name, before[name]) for name in ("source", "external_id"))
    if (source, external_id) == (before["source"], before["external_id"]):
        return
    existing = listing.by_outside_id(session.whole, entity, source, external_id)
    if existing is not None:
        raise AlreadyThere(entity, _if_seen(session, entity, existing["id"]))


def _if_seen(session: SightSession, entity: str, record_id: str) -> str | None:
    return record_id if visible_ids(session, entity, [record_id]) else None


def _problem(field: Field, value: Any) -> Problem | None:
    try:
        plain = field.check(value)
    except StoreError as error:
        return error.problem
    if field.kind == "integer" and isinstance(plain, int) and abs(plain) > _MAX_INTEGER:
        return problems.out_of_range(field.name, -_MAX_INTEGER, _MAX_INTEGER)
    return None


def _empties(values: Mapping[str, Any], name: str) -> bool:
    return name in values and values[name] is None


def _in_the_future(name: str) -> Problem:
    return Problem(
        "in_the_future",
        name,
        f"{name} 晚于当前时间，而它记录的是已发生的事",
        f"{name} lies in the future, though it tells of what has happened",
    )


def _read_only(name: str) -> Problem:
    return Problem(
        "read_only",
        name,
        f"{name} 由系统维护，不能直接写入",
        f"{name} is kept by the store and cannot be set",
    )
