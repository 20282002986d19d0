"""Papers of admission checklists: those of one hospital, all that run out, and the tasks about them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from crm_store.domain.admission import Paper, Requirement, day_begins, issued_too_early
from crm_store.models import Account, Document, Task
from crm_store.models.base import EPOCH, UtcMoment

TASK_KIND = "document_expiry"
TASK_SOURCE = "admission"
ANY_LINE = ""
"""The key of product lines that need what every line needs."""

_LONG_AGO = literal(EPOCH, UtcMoment())

# Parameters in one statement: SQLite allows 32,766 and PostgreSQL 65,535.
_IDS_PER_QUERY = 10_000


@dataclass(frozen=True)
class ExpiringPaper:
    """A paper that may be about to run out, with whoever has to see to it."""

    paper: Paper
    account_id: str | None
    owner_id: str | None


@dataclass(frozen=True)
class OpenTask:
    """An open task about a paper. ``deleted``: the paper is gone; ``in_force``: it is its scope's newest."""

    id: str
    external_id: str
    paper: Paper
    deleted: bool
    in_force: bool


def papers_for(session: Session, account_id: str, product_line: str) -> list[Paper]:
    """Return the papers, valid or rejected, that may serve one account and product line."""
    query = select(Document).where(
        or_(Document.account_id == account_id, Document.account_id.is_(None)),
        or_(Document.product_line == product_line, Document.product_line.is_(None)),
        Document.status.in_(("valid", "rejected")),
        Document.deleted_at.is_(None),
    )
    return [_paper(row) for row in session.scalars(query)]


def papers_in_scope(
    session: Session, kind: str, account_id: str | None, product_line: str | None
) -> list[Paper]:
    """Return every revision of one paper, oldest first; its writers wait for each other from here on."""
    _queue(session, f"document:{kind}:{account_id}:{product_line}")
    query = select(Document).where(
        Document.kind == kind,
        _same(Document.account_id, account_id),
        _same(Document.product_line, product_line),
        Document.deleted_at.is_(None),
    )
    return [_paper(row) for row in session.scalars(query.order_by(Document.revision, Document.id))]


def document(session: Session, document_id: str) -> Document | None:
    """Return a document, or None for one that is not there or was deleted."""
    return session.scalar(select(Document).where(Document.id == document_id, Document.deleted_at.is_(None)))


def account_exists(session: Session, account_id: str) -> bool:
    """Tell whether an account is there and not deleted."""
    query = select(Account.id).where(Account.id == account_id, Account.deleted_at.is_(None))
    return session.scalar(query) is not None


def papers_running_out(session: Session, needs: Collection[Requirement], until: date) -> list[ExpiringPaper]:
    """Return the papers in force that hold no longer than ``until`` or, by their kind, may not.

    Papers of deleted accounts are left out.
    """
    ended = [Document.expires_at < day_begins(until)]
    for need in needs:
        if need.validity_months is not None:
            by_kind = and_(Document.kind == need.kind, Document.issued_at < issued_too_early(need, until))
            ended.append(and_(Document.expires_at.is_(None), by_kind))
    query = (
        select(Document, Account.owner_id)
        .outerjoin(Account, Account.id == Document.account_id)
        .where(
            or_(Document.account_id.is_(None), Account.deleted_at.is_(None)),
            or_(*ended),
            Document.id.in_(in_force()),
        )
        .order_by(Document.id)
    )
    return [
        ExpiringPaper(_paper(row), row.account_id, owner_id or row.owner_id)
        for row, owner_id in session.execute(query)
    ]


def known_tasks(session: Session, external_ids: Sequence[str]) -> set[str]:
    """Return those outside ids for which a task was made, whatever has become of it."""
    found: set[str] = set()
    for start in range(0, len(external_ids), _IDS_PER_QUERY):
        part = external_ids[start : start + _IDS_PER_QUERY]
        found |= set(
            session.scalars(
                select(Task.external_id).where(Task.source == TASK_SOURCE, Task.external_id.in_(part))
            )
        )
    return found


def open_tasks(session: Session) -> list[OpenTask]:
    """Return the open tasks about papers, with what has become of the papers."""
    query = (
        select(Task.id, Task.external_id, Document, Document.id.in_(in_force()).label("in_force"))
        .join(Document, Document.id == Task.document_id)
        .where(
            Task.kind == TASK_KIND,
            Task.source == TASK_SOURCE,
            Task.status == "open",
            Task.deleted_at.is_(None),
        )
        .order_by(Task.id)
    )
    return [
        OpenTask(task_id, external_id, _paper(row), row.deleted_at is not None, bool(newest))
        for task_id, external_id, row, newest in session.execute(query)
    ]


def in_force() -> Any:
    """Return the ids of papers in force: of each scope (kind, account, line) the highest valid revision."""
    ranked = ranked_papers()
    return select(ranked.c.id).where(ranked.c.place == 1)


def ranked_papers() -> Any:
    """Return the valid papers with their ``place`` in their scope: 1 is in force."""
    place = func.row_number().over(
        partition_by=(Document.kind, Document.account_id, Document.product_line),
        order_by=(
            Document.revision.desc(),
            func.coalesce(Document.issued_at, _LONG_AGO).desc(),
            Document.id.desc(),
        ),
    )
    columns = (
        Document.id,
        Document.kind,
        Document.account_id,
        Document.product_line,
        Document.issued_at,
        Document.expires_at,
        Document.sealed,
    )
    return (
        select(*columns, place.label("place"))
        .where(Document.status == "valid", Document.deleted_at.is_(None))
        .subquery()
    )


def _same(at: Any, value: str | None) -> ColumnElement[bool]:
    found: ColumnElement[bool] = at.is_(None) if value is None else at == value
    return found


def _queue(session: Session, key: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def _paper(row: Document) -> Paper:
    return Paper(**{part.name: getattr(row, part.name) for part in fields(Paper)})
