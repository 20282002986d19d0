"""The feed: everything that happens in the store, once each, for consumers that remember a cursor.

A page never holds what an earlier one held, and no row appears behind a cursor: see ``streams``. Each table's
rows come in the order in which they were committed. Between tables the order is that of transactions on
PostgreSQL, changes before facts, and on SQLite that of ``recorded_at``. Read it in a transaction of its own.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.orm import Session

from crm_store.models import ChangeLog
from crm_store.repositories.cursors import BadCursor
from crm_store.repositories.fields import FACTS, RECORDS
from crm_store.repositories.history.clock import check_not_behind
from crm_store.repositories.history.events import Event, change_event, fact_event
from crm_store.repositories.history.streams import START, Placed, Position, ends, is_behind, read
from crm_store.repositories.problems import StoreError, not_allowed
from crm_store.repositories.writes.stored import is_postgres

MAX_PAGE = 1_000
_CURSOR_VERSION = 1
_DIGEST_BYTES = 4
_MAX_CURSOR = 600
_MAX_INTEGER = 2**63 - 1
_MAX_ID = 40

_LOG: Table = ChangeLog.__table__  # type: ignore[assignment]
_FACTS: dict[str, Table] = {name: model.__table__ for name, model in FACTS.items()}  # type: ignore[misc]
_TABLES = [_LOG, *_FACTS.values()]
_Places = dict[str, Position]


@dataclass(frozen=True)
class FeedPage:
    """Events in their order, and the cursor to go on from: always one, also behind the last event."""

    items: list[Event]
    next_cursor: str


def read_feed(
    session: Session, cursor: str | None, limit: int = 100, kinds: Collection[str] | None = None
) -> FeedPage:
    """Return the next events behind a cursor (None: from the beginning), at most ``limit`` (1 to 1,000).

    ``kinds`` are the kinds of record and fact wanted (``lead``, ``activity``, …), default all; what is left
    out lies behind the cursor afterwards, as what was read does. Fewer events than ``limit``, even none, does
    not mean that there will be no more. Raises BadCursor, and StoreError ``not_allowed`` for an unknown kind
    and ``clock_behind`` for a store that was moved.
    """
    wanted = _checked(kinds)
    places = _decode(cursor, is_postgres(session)) if cursor else {table.name: START for table in _TABLES}
    limit = max(1, min(limit, MAX_PAGE))
    until = ends(session, _TABLES)
    heads = {
        table.name: list(read(session, table, places[table.name], until[table.name], limit, where))
        for table, where in _narrowed(wanted)
    }
    taken = _merged(heads, limit, is_postgres(session))
    if not taken and is_postgres(session):
        check_not_behind(session)
    reached = {name: _reached(name, heads.get(name, []), taken, limit, places, until) for name in places}
    events = [_event(name, placed) for name, placed in taken]
    return FeedPage(events, _encode(reached, is_postgres(session)))


def feed_end(session: Session) -> str:
    """Return the cursor behind everything that can be read now."""
    return _encode(ends(session, _TABLES), is_postgres(session))


def _checked(kinds: Collection[str] | None) -> set[str]:
    known = (*RECORDS, *FACTS)
    if kinds is None:
        return set(known)
    if not set(kinds) <= set(known):
        raise StoreError(not_allowed("kinds", known))
    return set(kinds)


def _narrowed(wanted: set[str]) -> list[tuple[Table, ColumnElement[bool] | None]]:
    """Return the tables that hold the wanted kinds, and how to find these in them."""
    records = sorted(wanted & set(RECORDS))
    found: list[tuple[Table, ColumnElement[bool] | None]] = []
    if records:
        found.append((_LOG, None if len(records) == len(RECORDS) else _LOG.c.entity.in_(records)))
    return found + [(table, None) for name, table in _FACTS.items() if name in wanted]


def _merged(heads: dict[str, list[Placed]], limit: int, by_transaction: bool) -> list[tuple[str, Placed]]:
    """Return the first rows of several streams, each in its own order.

    Streams share the count of transactions on PostgreSQL. On SQLite they share no clock but the moment at
    which the business knew, and a stream need not be sorted by it: whichever head is older goes first.
    """
    key: Callable[[Placed], Any] = (
        (lambda placed: placed.position.txid) if by_transaction else (lambda placed: placed.row.recorded_at)
    )
    waiting = {name: iter(rows) for name, rows in heads.items()}
    first = {name: row for name, rows in waiting.items() if (row := next(rows, None)) is not None}
    taken: list[tuple[str, Placed]] = []
    while first and len(taken) < limit:
        name = min(first, key=lambda one: key(first[one]))
        taken.append((name, first[name]))
        following = next(waiting[name], None)
        if following is None:
            del first[name]
        else:
            first[name] = following
    return taken


def _reached(
    name: str,
    rows: list[Placed],
    taken: list[tuple[str, Placed]],
    limit: int,
    places: _Places,
    until: _Places,
) -> Position:
    """Return how far a stream has been read: behind its last row taken, or to its end if that was all."""
    count = sum(1 for one, _ in taken if one == name)
    if count == len(rows) < limit:
        return until[name] if is_behind(places[name], until[name]) else places[name]
    return rows[count - 1].position if count else places[name]


def _event(name: str, placed: Placed) -> Event:
    return change_event(placed.row) if name == _LOG.name else fact_event(name, placed.row)


def _encode(places: _Places, postgres: bool) -> str:
    listed = [[place.txid, place.at] for place in (places[table.name] for table in _TABLES)]
    payload = json.dumps(
        [_CURSOR_VERSION, postgres, listed], separators=(",", ":"), ensure_ascii=False
    ).encode()
    return base64.urlsafe_b64encode(_digest(payload) + payload).decode().rstrip("=")


def _decode(cursor: str, postgres: bool) -> _Places:
    """Return the places that a cursor names. Raises BadCursor, also for one of the other kind of store."""
    if len(cursor) > _MAX_CURSOR:
        raise BadCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        version, of_postgres, listed = json.loads(payload)
        places = [Position(txid, at) for txid, at in listed]
    except (ValueError, TypeError, RecursionError):
        raise BadCursor from None
    known = digest == _digest(payload) and version == _CURSOR_VERSION and of_postgres is postgres
    if not known or len(places) != len(_TABLES):
        raise BadCursor
    if not all(_fits(place, table, postgres) for place, table in zip(places, _TABLES, strict=True)):
        raise BadCursor
    return {table.name: place for table, place in zip(_TABLES, places, strict=True)}


def _fits(place: Position, table: Table, postgres: bool) -> bool:
    if not _is_count(place.txid, -1):
        return False
    if place.at is None:
        return True
    if postgres and table is not _LOG:
        return isinstance(place.at, str) and len(place.at) <= _MAX_ID and "\x00" not in place.at
    return _is_count(place.at, 0)


def _is_count(number: object, lowest: int) -> bool:
    return type(number) is int and lowest <= number <= _MAX_INTEGER


def _digest(payload: bytes) -> bytes:
    # Not a secret: it tells a slip (a lost character) from a place.
    return hashlib.blake2b(payload, digest_size=_DIGEST_BYTES).digest()
