"""Admission checklists: what stands, what is missing and what runs out, for one hospital and for all (B3)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.admission import (
    Checklist,
    Colour,
    business_day,
    checklist_of,
    day_begins,
    overall_colour,
    progress_of,
)
from crm_store.domain.ids import new_id
from crm_store.repositories import admission as rows
from crm_store.repositories import admission_overview, cursors, problems
from crm_store.repositories.admission import ANY_LINE
from crm_store.repositories.admission_overview import LineNeeds, OverviewRow
from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.admission_lists import DEFAULT, definition_of, lists_in_force
from crm_store.services.writing import write

_LARGEST_PAGE = 500
_LIST = ("admission",)


@dataclass(frozen=True)
class OverviewItem:
    """One hospital and product line among all, in short."""

    account_id: str
    account_name: str
    owner_id: str | None
    product_line: str
    colour: Colour
    progress: float
    red: int
    yellow: int
    green: int


@dataclass(frozen=True)
class OverviewPage:
    """Checklists, the worst first; ``next_cursor`` is None at the end."""

    items: tuple[OverviewItem, ...]
    next_cursor: str | None


def checklist(session: Session, account_id: str, product_line: str, now: datetime) -> Checklist:
    """Return one hospital's checklist for a product line. Raises StoreError ``not_found``."""
    if not rows.account_exists(session, account_id):
        raise StoreError(_not_found("account_id", "account"))
    papers = rows.papers_for(session, account_id, product_line)
    return checklist_of(account_id, product_line, definition_of(session, product_line), papers, now)


def checklists_overview(
    session: Session, now: datetime, limit: int = 50, cursor: str | None = None
) -> OverviewPage:
    """Return the checklists of all accounts, the worst first (share of red papers, then yellow ones).

    ``limit`` is 1–500. Raises StoreError ``out_of_range`` (limit) or ``bad_cursor``.
    """
    if not 1 <= limit <= _LARGEST_PAGE:
        raise StoreError(problems.out_of_range("limit", 1, _LARGEST_PAGE))
    after = None if cursor is None else _position(cursor)
    found = admission_overview.overview(session, _needs(session), business_day(now), limit + 1, after)
    page, more = found[:limit], len(found) > limit
    return OverviewPage(tuple(_overview_item(row) for row in page), _cursor(page[-1]) if more else None)


def check_asked_for(session: Session, kind: object) -> None:
    """Raise StoreError ``not_allowed`` for a kind of paper that no checklist in force asks for.

    It could be filed, and would count nowhere: whoever sends one has mistyped it.
    """
    lists = lists_in_force(session).values()
    known = tuple(dict.fromkeys(item.kind for found in lists for item in found.items))
    if isinstance(kind, str) and kind not in known:
        raise StoreError(problems.not_allowed("kind", known))


def file_document(session: Session, values: Mapping[str, Any], *, actor: str, now: datetime) -> str:
    """File a paper as the next revision of its scope (kind, account, line) and return its id.

    Older valid revisions become ``superseded``; an expiry that is not given follows from the date of issue
    and the kind's validity. Raises StoreError: ``required`` (kind, title), and what a write raises.
    """
    kind, account_id, line = (values.get(name) for name in ("kind", "account_id", "product_line"))
    if not isinstance(kind, str) or not kind:
        raise StoreError(problems.required("kind"))
    older = rows.papers_in_scope(session, kind, account_id, line)
    document_id = new_id("document")
    filed = {"source": "leadpulse", "external_id": document_id, **values}
    filed["revision"] = max((paper.revision for paper in older), default=0) + 1
    if filed.get("expires_at") is None and isinstance(issued := filed.get("issued_at"), datetime):
        filed["expires_at"] = _expiry_by_kind(session, kind, line, issued)
    write(session, "document", document_id, filed, actor=actor, reason=None, now=now)
    for paper in older:
        if paper.status == "valid":
            reason = f"由第 {filed['revision']} 版取代"
            write(
                session, "document", paper.id, {"status": "superseded"}, actor=actor, reason=reason, now=now
            )
    return document_id


def _needs(session: Session) -> list[LineNeeds]:
    """Return what to ask of every product line: those with a list of their own or named by the default."""
    lists = lists_in_force(session)
    default = lists[ANY_LINE]
    named = {line for item in default.items for line in item.product_lines or ()}
    return [
        LineNeeds(line, found.of_line(line), found.warn_days)
        for line in sorted(named | set(lists))
        for found in [lists.get(line, default)]
    ]


def _expiry_by_kind(session: Session, kind: str, line: str | None, issued: datetime) -> datetime | None:
    definition = definition_of(session, line or DEFAULT)
    need = next((item for item in definition.items if item.kind == kind), None)
    end = None if need is None else need.ends_on(business_day(issued))
    return None if end is None else day_begins(end)


def _overview_item(row: OverviewRow) -> OverviewItem:
    return OverviewItem(
        account_id=row.account_id,
        account_name=row.account_name,
        owner_id=row.owner_id,
        product_line=row.product_line,
        colour=overall_colour(row.red, row.yellow),
        progress=progress_of(row.red, row.total),
        red=row.red,
        yellow=row.yellow,
        green=row.total - row.red - row.yellow,
    )


def _cursor(row: OverviewRow) -> str:
    return cursors.encode(row.rank, json.dumps([row.account_id, row.product_line], ensure_ascii=False), _LIST)


def _position(cursor: str) -> tuple[int, str, str]:
    rank, where = cursors.decode(cursor, _LIST)
    account_id, product_line = json.loads(where)
    return int(rank), account_id, product_line


def _not_found(field: str, entity: str) -> Problem:
    return Problem("not_found", field, f"找不到该记录：{entity}", f"there is no such {entity}")
