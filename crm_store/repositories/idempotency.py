"""Requests that had their effect, with the reply each got; ``services.idempotency`` says what it means."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from crm_store.models import IdempotencyKey

_PURGED_AT_ONCE = 5_000


def hold(session: Session, caller: str, key: str) -> bool:
    """Keep others from this key until the transaction ends; False when another transaction holds it.

    On SQLite a writing transaction keeps every other writer waiting, so the key is always free.
    """
    if session.get_bind().dialect.name != "postgresql":
        return True
    digest = hashlib.blake2b(f"idempotency\x1f{caller}\x1f{key}".encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big", signed=True)
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(number))))


def kept(session: Session, caller: str, key: str, now: datetime) -> IdempotencyKey | None:
    """Return the request kept under this key, unless its time is over."""
    query = select(IdempotencyKey).where(
        IdempotencyKey.caller == caller, IdempotencyKey.key == key, IdempotencyKey.expires_at > now
    )
    return session.scalars(query).one_or_none()


def keep(session: Session, now: datetime, **columns: Any) -> None:
    """Keep a request and its reply, in the place of one whose time is over."""
    session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.caller == columns["caller"],
            IdempotencyKey.key == columns["key"],
            IdempotencyKey.expires_at <= now,
        )
    )
    session.add(IdempotencyKey(created_at=now, **columns))
    session.flush()


def purge(session: Session, now: datetime) -> int:
    """Delete up to 5,000 requests whose time is over, oldest first, and return how many."""
    over = (
        select(IdempotencyKey.caller, IdempotencyKey.key)
        .where(IdempotencyKey.expires_at <= now)
        .order_by(IdempotencyKey.expires_at)
        .limit(_PURGED_AT_ONCE)
    )
    named = [(row.caller, row.key) for row in session.execute(over)]
    if named:
        both = tuple_(IdempotencyKey.caller, IdempotencyKey.key)
        session.execute(delete(IdempotencyKey).where(both.in_(named)))
    return len(named)
