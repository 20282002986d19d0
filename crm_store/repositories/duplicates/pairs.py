"""Pairs of leads or accounts that may be one customer, and what became of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm_store.domain.ids import stable_id
from crm_store.models import DuplicatePair
from crm_store.repositories.writes.stored import is_postgres

Reason = dict[str, str]


@dataclass(frozen=True)
class FoundPair:
    """Two records that may be one, the smaller id on the left, with a score in 0–1 and its reasons."""

    left_id: str
    right_id: str
    score: float
    reasons: list[Reason]


def pair_id(entity: str, one: str, other: str) -> str:
    """Return the id of the pair of two records, whichever comes first."""
    left, right = sorted((one, other))
    return stable_id("duplicate", entity, f"{left}\x1f{right}")


def save_pairs(session: Session, entity: str, pairs: Iterable[FoundPair], now: datetime) -> None:
    """Store pairs. An open one is brought up to date; one that a person has decided on is left alone."""
    rows = [_row(entity, pair, now) for pair in pairs]
    if not rows:
        return
    dialect: Any = postgresql if is_postgres(session) else sqlite
    new = dialect.insert(DuplicatePair.__table__)
    has_changed = or_(
        DuplicatePair.score != new.excluded.score,
        cast(DuplicatePair.reasons, Text) != cast(new.excluded.reasons, Text),
    )
    statement = new.on_conflict_do_update(
        index_elements=["entity", "left_id", "right_id"],
        set_={"score": new.excluded.score, "reasons": new.excluded.reasons},
        where=and_(DuplicatePair.status == "open", has_changed),
    )
    session.execute(statement, rows)


def locked_pair(session: Session, one_id: str) -> DuplicatePair | None:
    """Return a pair by its id as last committed, and keep others away from it."""
    query = select(DuplicatePair).where(DuplicatePair.id == one_id)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()


def open_pairs(
    session: Session, entity: str, *, limit: int, least_score: float = 0.0, skip: int = 0
) -> list[DuplicatePair]:
    """Return open pairs, the most alike first."""
    query = select(DuplicatePair).where(*_open(entity), DuplicatePair.score >= least_score)
    ordered = query.order_by(DuplicatePair.score.desc(), DuplicatePair.id)
    return list(session.scalars(ordered.limit(limit).offset(skip)))


def count_open(session: Session, entity: str) -> int:
    """Return how many pairs wait for somebody to decide."""
    return session.scalar(select(func.count()).select_from(DuplicatePair).where(*_open(entity))) or 0


def open_pairs_of(session: Session, entity: str, record_id: str) -> list[DuplicatePair]:
    """Return the open pairs that a record is in, the most alike first."""
    query = select(DuplicatePair).where(
        *_open(entity),
        or_(DuplicatePair.left_id == record_id, DuplicatePair.right_id == record_id),
    )
    return list(session.scalars(query.order_by(DuplicatePair.score.desc(), DuplicatePair.id)))


def open_pairs_between(session: Session, entity: str, low: str, high: str | None) -> list[DuplicatePair]:
    """Return the open pairs with low < id ≤ high; no high means to the end."""
    query = select(DuplicatePair).where(*_open(entity), DuplicatePair.id > low)
    if high is not None:
        query = query.where(DuplicatePair.id <= high)
    return list(session.scalars(query))


def id_marks(session: Session, entity: str, every: int) -> list[str]:
    """Return the id of every ``every``-th open pair, in order: places to divide them at."""
    number = func.row_number().over(order_by=DuplicatePair.id).label("number")
    numbered = select(DuplicatePair.id, number).where(*_open(entity)).subquery()
    query = select(numbered.c.id).where(numbered.c.number % every == 0).order_by(numbered.c.number)
    return list(session.scalars(query))


def drop_open_pairs(session: Session, ids: Collection[str]) -> None:
    """Take back proposals that no longer hold; what a person has decided stays."""
    if ids:
        session.execute(
            delete(DuplicatePair).where(DuplicatePair.id.in_(ids), DuplicatePair.status == "open")
        )


def _open(entity: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return DuplicatePair.entity == entity, DuplicatePair.status == "open"


def _row(entity: str, pair: FoundPair, now: datetime) -> dict[str, Any]:
    return {
        "id": pair_id(entity, pair.left_id, pair.right_id),
        "entity": entity,
        "left_id": pair.left_id,
        "right_id": pair.right_id,
        "score": pair.score,
        "reasons": pair.reasons,
        "status": "open",
        "found_at": now,
    }
