"""Who consumes the feed, how far, and which process does it now: one at a time, by a lease that lapses."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm_store.models import FeedConsumer
from crm_store.repositories.writes.stored import is_postgres

FRESH = "scores"
"""The consumer that keeps online features and scores fresh."""


class LeaseLost(Exception):
    """Another process reads for this consumer now; nothing of the transaction may stay."""


@dataclass(frozen=True)
class Standing:
    """A consumer as it stands: all that was committed before ``reached_at`` is dealt with (None: nothing)."""

    cursor: str | None
    holder: str | None
    held_until: datetime | None
    reached_at: datetime | None
    events: int


def standing(session: Session, name: str) -> Standing | None:
    """Return a consumer as it stands, None before its first start."""
    columns = (getattr(FeedConsumer, field) for field in Standing.__dataclass_fields__)
    found = session.execute(select(*columns).where(FeedConsumer.name == name)).one_or_none()
    return None if found is None else Standing(*found)


def begin_at(session: Session, name: str, cursor: str) -> None:
    """Let a consumer that has read nothing yet begin behind a place; any other goes on where it is."""
    _enter(session, name)
    session.execute(
        update(FeedConsumer)
        .where(FeedConsumer.name == name, FeedConsumer.cursor.is_(None))
        .values(cursor=cursor)
        .execution_options(synchronize_session=False)
    )


def claim(session: Session, name: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Take or renew the lease; False while another process holds it. To be committed at once."""
    _enter(session, name)
    free = or_(FeedConsumer.holder.is_(None), FeedConsumer.holder == holder, FeedConsumer.held_until <= now)
    return _changed(session, name, free, holder=holder, held_until=now + lease)


def release(session: Session, name: str, holder: str) -> None:
    """Give the lease back, so that the next process need not wait until it lapses."""
    _changed(session, name, FeedConsumer.holder == holder, holder=None, held_until=None)


def advance(
    session: Session,
    name: str,
    holder: str,
    cursor: str,
    events: int,
    reached_at: datetime | None,
    until: datetime,
) -> None:
    """Move the cursor in the transaction of the effects. Raises LeaseLost when another process took over.

    ``reached_at`` is None while more is waiting.
    """
    reached = {} if reached_at is None else {"reached_at": reached_at}
    moved = _changed(
        session,
        name,
        FeedConsumer.holder == holder,
        cursor=cursor,
        events=FeedConsumer.events + events,
        held_until=until,
        **reached,
    )
    if not moved:
        raise LeaseLost(name)


def _changed(session: Session, name: str, condition: Any, **values: Any) -> bool:
    statement = (
        update(FeedConsumer)
        .where(FeedConsumer.name == name, condition)
        .values(**values)
        .returning(FeedConsumer.name)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).one_or_none() is not None


def _enter(session: Session, name: str) -> None:
    dialect = postgresql if is_postgres(session) else sqlite
    entry = dialect.insert(FeedConsumer.__table__).values(name=name, events=0)
    session.execute(entry.on_conflict_do_nothing(index_elements=["name"]))
