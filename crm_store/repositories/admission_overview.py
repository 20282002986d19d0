"""Every admission checklist at once, judged by the database by the rules of ``domain.admission``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    String,
    and_,
    case,
    column,
    func,
    literal,
    select,
    tuple_,
    union,
    union_all,
    values,
)
from sqlalchemy.orm import Session

from crm_store.domain.admission import Requirement, day_begins, issued_too_early
from crm_store.models import Account, Contract, Document
from crm_store.models.base import UtcMoment
from crm_store.repositories.admission import ANY_LINE, ranked_papers

# Turns shares of red papers into whole numbers, so that both stores and Python order them alike.
_SHARE = 1_000_000
GREEN, YELLOW, RED = 0, 1, 2
_MOST_YELLOW = 1_000


@dataclass(frozen=True)
class LineNeeds:
    """What one product line needs. ``line`` is ANY_LINE for those without a list of their own."""

    line: str
    items: tuple[Requirement, ...]
    warn_days: int


@dataclass(frozen=True)
class OverviewRow:
    """One checklist in short. ``rank`` orders them: the larger the share of red papers, the smaller."""

    rank: int
    account_id: str
    account_name: str
    owner_id: str | None
    product_line: str
    red: int
    yellow: int
    total: int


def overview(
    session: Session,
    needs: Sequence[LineNeeds],
    today: date,
    limit: int,
    after: tuple[int, str, str] | None,
) -> list[OverviewRow]:
    """Return checklists, the worst first, in one query, from behind ``after`` (rank, account, line).

    A checklist exists where an account has a paper or a contract of a product line.
    """
    counted = _counted(needs, today).subquery()
    share = counted.c.red * _SHARE // counted.c.total
    rank = -(share * _MOST_YELLOW + counted.c.yellow)
    query = select(
        rank.label("rank"),
        Account.id.label("account_id"),
        Account.name.label("account_name"),
        Account.owner_id,
        counted.c.line.label("product_line"),
        counted.c.red,
        counted.c.yellow,
        counted.c.total,
    ).join(Account, Account.id == counted.c.account_id)
    query = query.where(Account.deleted_at.is_(None))
    if after is not None:
        query = query.where(tuple_(rank, Account.id, counted.c.line) > after)
    query = query.order_by(rank, Account.id, counted.c.line).limit(limit)
    return [OverviewRow(**row._mapping) for row in session.execute(query)]


def _counted(needs: Sequence[LineNeeds], today: date) -> Select[Any]:
    """Return (account, line, red, yellow, total) of every checklist."""
    judged = _judged(needs, today).subquery()
    return select(
        judged.c.account_id,
        judged.c.line,
        func.sum(case((judged.c.severity == RED, 1), else_=0)).label("red"),
        func.sum(case((judged.c.severity == YELLOW, 1), else_=0)).label("yellow"),
        func.count().label("total"),
    ).group_by(judged.c.account_id, judged.c.line)


def _judged(needs: Sequence[LineNeeds], today: date) -> Select[Any]:
    """Return (account, line, kind, severity): of each kind, the best paper in force, or red without one."""
    asked = _asked(needs, today)
    paper = _papers()
    # Papers of the hospital and the line, of either alone, and of none: four joins by plain equality, each of
    # which finds one paper at most. One join with OR would compare every paper with every line.
    of_account = (paper.c.account_id == asked.c.account_id, paper.c.account_id.is_(None))
    of_line = (paper.c.product_line == asked.c.line, paper.c.product_line.is_(None))
    of_kind = paper.c.kind == asked.c.kind
    key = (asked.c.account_id, asked.c.line, asked.c.kind)
    severity = _severity(paper.c, asked.c, day_begins(today)).label("severity")
    found = union_all(
        select(*key, literal(RED).label("severity")),
        *(
            select(*key, severity).select_from(asked).join(paper, and_(of_kind, *scope))
            for scope in product(of_account, of_line)
        ),
    ).subquery()
    best = func.min(found.c.severity).label("severity")
    return select(found.c.account_id, found.c.line, found.c.kind, best).group_by(
        found.c.account_id, found.c.line, found.c.kind
    )


def _asked(needs: Sequence[LineNeeds], today: date) -> Any:
    """Return every paper that every checklist asks for: (account, line) and the columns of ``_needed``."""
    lines = union(*(_lines_of(table) for table in (Document, Contract))).subquery()
    need = _needed(needs, today)
    own_list = lines.c.line.in_({line.line for line in needs} - {ANY_LINE})
    list_of_line = case((own_list, lines.c.line), else_=ANY_LINE)
    columns = [column for column in need.c if column.name != "line"]
    return (
        select(lines.c.account_id, lines.c.line, *columns)
        .select_from(lines)
        .join(need, need.c.line == list_of_line)
        .cte("asked")
    )


def _lines_of(table: Any) -> Select[Any]:
    return select(table.account_id.label("account_id"), table.product_line.label("line")).where(
        table.account_id.is_not(None), table.product_line.is_not(None), table.deleted_at.is_(None)
    )


def _papers() -> Any:
    """Return the papers in force."""
    ranked = ranked_papers()
    return select(ranked).where(ranked.c.place == 1).cte("papers")


def _severity(paper: Any, need: Any, day: datetime) -> ColumnElement[int]:
    """Return how bad a paper is, by the same rules as ``domain.admission``."""
    by_kind = and_(paper.expires_at.is_(None), need.expires)
    return case(
        (paper.expires_at < day, RED),
        (and_(by_kind, paper.issued_at < need.expired_before), RED),
        (and_(need.sealed, ~paper.sealed), RED),
        (and_(by_kind, paper.issued_at.is_(None)), RED),
        (paper.expires_at < need.ends_before, YELLOW),
        (and_(by_kind, paper.issued_at < need.ending_before), YELLOW),
        else_=GREEN,
    )


def _needed(needs: Sequence[LineNeeds], today: date) -> Any:
    """Return the requirements as rows that a query can join."""
    rows = []
    for line in needs:
        soon = date.fromordinal(today.toordinal() + line.warn_days + 1)
        for item in line.items:
            expires = item.validity_months is not None
            expired, ending = issued_too_early(item, today), issued_too_early(item, soon)
            rows.append((line.line, item.kind, item.sealed, expires, expired, ending, day_begins(soon)))
    return (
        values(
            column("line", String),
            column("kind", String),
            column("sealed", Boolean),
            column("expires", Boolean),
            column("expired_before", UtcMoment()),
            column("ending_before", UtcMoment()),
            column("ends_before", UtcMoment()),
            name="needed",
        )
        .data(rows)
        .cte("needed")
    )
