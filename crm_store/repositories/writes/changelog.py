"""The hash chain over each record's history, the states it folds to, and the search for tampering."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha256
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Row, Select, Table, bindparam, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from crm_store.models import ChangeLog
from crm_store.repositories.fields import FIELDS, FLOATS, RECORDS, Value, from_log, to_log
from crm_store.repositories.legible import legible

GENESIS = "0" * 64
"""The previous hash of a record's first entry."""

Changes = Mapping[str, tuple[Value, Value]]
"""Field → (old, new), for the fields that a write changes."""

_FETCH = 5_000
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


@dataclass(frozen=True)
class ChainProblem:
    """One sign of tampering.

    ``code`` is ``altered`` (an entry's content does not give its hash), ``broken`` (an entry does not follow
    from the one before: removed, inserted or reordered), ``state_differs`` (the record is not what its log
    says), ``no_log`` (a record without history), ``no_record`` (history without its record, or of no kind
    that there is) or ``unreadable`` (what this kind's log or records hold cannot even be read).
    """

    entity: str
    entity_id: str
    version: int | None
    code: str


def diff(before: Mapping[str, Value], after: Mapping[str, Value]) -> Changes:
    """Return field → (old, new) for the fields of ``after`` that differ from ``before``, a whole state."""
    return {name: (before[name], value) for name, value in after.items() if before[name] != value}


def canonical(changes: Mapping[str, Any]) -> str:
    """Return the one JSON text of a set of changes as logged: sorted keys, no spaces, no NaN."""
    return _encode(changes)


def written(entity: str, changes: Changes) -> bytes:
    """Return the canonical JSON of changes that are about to be logged, from the values themselves.

    What is common is written by orjson, in a quarter of the time; it writes numbers with an exponent in
    another way, and integers of more than 64 bits not at all.
    """
    for name in FLOATS[entity] & changes.keys():
        old, new = changes[name]
        if not (_is_short(old) and _is_short(new)):
            return _as_logged(changes)
    try:
        return orjson.dumps(changes, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _as_logged(changes)


def _is_short(number: Any) -> bool:
    """Tell whether a number, if it is one, is written without an exponent."""
    return not number or 1e-4 <= abs(number) < 1e16


def _as_logged(changes: Changes) -> bytes:
    return canonical({name: [to_log(old), to_log(new)] for name, (old, new) in changes.items()}).encode()


def chain(
    previous_hash: str,
    entity: str,
    entity_id: str,
    version: int,
    changes: Mapping[str, Any],
    actor: str,
    reason: str | None,
    recorded_at: datetime,
    written_at: datetime,
) -> str:
    """Return the SHA-256, in hex, of an entry and the hash before it, over one canonical JSON list."""
    text, end = canonical(changes).encode(), signed(actor, reason, recorded_at, written_at)
    return chain_text(previous_hash, entity, entity_id, version, text, end)


def chain_text(
    previous_hash: str, entity: str, entity_id: str, version: int, changes: bytes, end: bytes
) -> str:
    """Do as ``chain`` with the canonical text of the changes, and with the end that ``signed`` gives."""
    head = orjson.dumps((previous_hash, entity, entity_id, version))
    return sha256(b"%b,%b,%b" % (head[:-1], changes, end)).hexdigest()


@lru_cache
def signed(actor: str, reason: str | None, recorded_at: datetime, written_at: datetime) -> bytes:
    """Return what ends the list; the entries of one write have it in common."""
    when = (recorded_at.astimezone(UTC).isoformat(), written_at.astimezone(UTC).isoformat())
    return _encode([actor, reason, *when])[1:].encode()


def fold(entity: str, entries: Sequence[Any]) -> Iterator[dict[str, Value]]:
    """Yield the whole state after each entry of one record; entries come in version order."""
    fields = FIELDS[entity]
    state: dict[str, Value] = dict.fromkeys(fields)
    for entry in entries:
        for name, (_, new) in entry.changes.items():
            state[name] = from_log(fields[name], new)
        yield dict(state)


def verify(session: Session, counted: Callable[[], None] = lambda: None) -> list[ChainProblem]:
    """Check every chain against its hashes and against the record it describes; empty means untouched.

    It finds any change, removal, insertion or reordering that did not also rewrite every later hash of that
    record and the record itself; seals find those. ``counted`` is called for each entry. Cost: one pass over
    the log and each record table, streamed. While others write, all of it must see one moment.
    """
    found: list[ChainProblem] = []
    for entity in RECORDS:
        try:
            found += _verify_entity(session, entity, counted)
        except (DBAPIError, ValueError, TypeError, OverflowError):
            found.append(ChainProblem(entity, "", None, "unreadable"))
    found += _of_no_kind(session)
    return found


def _of_no_kind(session: Session) -> list[ChainProblem]:
    query = select(ChangeLog.entity, ChangeLog.entity_id, ChangeLog.version)
    strangers = session.execute(query.where(ChangeLog.entity.not_in(list(RECORDS))))
    return [ChainProblem(*row, "no_record") for row in strangers]


def entries(session: Session) -> int:
    """Return how many entries the log has."""
    return session.scalar(select(func.count()).select_from(ChangeLog)) or 0


def follows_from_content(entry: Row[Any]) -> bool:
    """Tell whether an entry's hash is the one that its content gives."""
    try:
        return bool(entry.hash == _hash_of(entry))
    except (AttributeError, TypeError, ValueError):
        return False  # altered into something that no entry can hold


def _verify_entity(session: Session, entity: str, counted: Callable[[], None]) -> Iterator[ChainProblem]:
    records = _records(session, entity)
    record = next(records, None)
    for entity_id, entries in groupby(_entries(session, entity, counted), key=lambda entry: entry.entity_id):
        while record is not None and record.id < entity_id:
            yield ChainProblem(entity, record.id, None, "no_log")
            record = next(records, None)
        history = list(entries)
        yield from _check_chain(entity, history)
        if record is None or record.id != entity_id:
            yield ChainProblem(entity, entity_id, None, "no_record")
            continue
        if not _agrees(entity, history, record):
            yield ChainProblem(entity, entity_id, record.version, "state_differs")
        record = next(records, None)
    while record is not None:
        yield ChainProblem(entity, record.id, None, "no_log")
        record = next(records, None)


def _check_chain(entity: str, history: Sequence[Row[Any]]) -> Iterator[ChainProblem]:
    previous = GENESIS
    for expected_version, entry in enumerate(history, start=1):
        if entry.version != expected_version or entry.previous_hash != previous:
            yield ChainProblem(entity, entry.entity_id, entry.version, "broken")
        if not follows_from_content(entry):
            yield ChainProblem(entity, entry.entity_id, entry.version, "altered")
        previous = entry.hash


def _hash_of(entry: Row[Any]) -> str:
    return chain(
        entry.previous_hash,
        entry.entity,
        entry.entity_id,
        entry.version,
        entry.changes,
        entry.actor,
        entry.reason,
        entry.recorded_at,
        entry.written_at,
    )


def _agrees(entity: str, history: Sequence[Row[Any]], record: Row[Any]) -> bool:
    last = history[-1]
    if (record.version, record.updated_at) != (last.version, last.recorded_at):
        return False
    try:
        *_, state = fold(entity, history)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False  # the log was altered into something that cannot be read
    return all(getattr(record, name) == value for name, value in state.items())


def _entries(session: Session, entity: str, counted: Callable[[], None]) -> Iterator[Row[Any]]:
    """Stream one kind's log in byte order of the id, which both stores and Python agree on."""
    for entry in session.execute(_log_in_order(sqlite=_is_sqlite(session)), {"kind": entity}):
        counted()
        yield entry


def _records(session: Session, entity: str) -> Iterator[Row[Any]]:
    return iter(session.execute(_records_in_order(entity, sqlite=_is_sqlite(session))))


@cache
def _log_in_order(*, sqlite: bool) -> Select[Any]:
    table: Table = ChangeLog.__table__  # type: ignore[assignment]
    query = select(*legible(table, sqlite=sqlite)).where(table.c.entity == bindparam("kind"))
    in_order = query.order_by(table.c.entity_id.collate(_collation(sqlite)), table.c.version)
    return in_order.execution_options(yield_per=_FETCH)


@cache
def _records_in_order(entity: str, *, sqlite: bool) -> Select[Any]:
    table: Table = RECORDS[entity].__table__  # type: ignore[attr-defined]
    query = select(*legible(table, sqlite=sqlite)).order_by(table.c.id.collate(_collation(sqlite)))
    return query.execution_options(yield_per=_FETCH)


def _collation(sqlite: bool) -> str:
    return "BINARY" if sqlite else "C"


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
