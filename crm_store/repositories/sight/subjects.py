"""What scoring must know of many leads or accounts at once: which exist, since when, what they are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import BindParameter, Float, Select, bindparam, cast, func, select
from sqlalchemy.orm import Session

from crm_store.models import Account, ChangeLog, Lead
from crm_store.repositories.fields import FACTS, RECORDS

# Parameters in one statement: SQLite allows 32,766 and PostgreSQL 65,535.
_IDS_PER_QUERY = 10_000
_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)


@dataclass(frozen=True)
class Subject:
    """A record that may be scored. ``money`` is what an account is worth in a year (yuan), if known."""

    created_at: datetime
    money: float | None = None


# Built once: composing a statement costs more than running it. To PostgreSQL a bare NULL would be text.
_QUERIES: dict[str, Select[str, datetime, float | None]] = {
    "lead": select(Lead.id, Lead.created_at, cast(None, Float())).where(
        Lead.id.in_(_IDS), Lead.deleted_at.is_(None)
    ),
    "account": select(Account.id, Account.created_at, Account.annual_amount).where(
        Account.id.in_(_IDS), Account.deleted_at.is_(None)
    ),
}


def subjects(session: Session, entity: Literal["lead", "account"], ids: Sequence[str]) -> dict[str, Subject]:
    """Return those of ``ids`` that exist and are not deleted, by id."""
    found: dict[str, Subject] = {}
    connection = session.connection()
    for start in range(0, len(ids), _IDS_PER_QUERY):
        rows = connection.execute(_QUERIES[entity], {"ids": ids[start : start + _IDS_PER_QUERY]})
        found |= {row[0]: Subject(row[1], row[2]) for row in rows}
    return found


@dataclass(frozen=True)
class Listing:
    """How a lead or account stands in a list; a lead that gave no name at all has no title."""

    title: str | None
    owner_id: str | None
    region: str | None


_LISTED: dict[str, Select[str, str | None, str | None, str | None]] = {
    "lead": select(Lead.id, func.coalesce(Lead.company, Lead.contact_name), Lead.owner_id, Lead.region).where(
        Lead.id.in_(_IDS), Lead.deleted_at.is_(None)
    ),
    "account": select(Account.id, Account.name, Account.owner_id, Account.region).where(
        Account.id.in_(_IDS), Account.deleted_at.is_(None)
    ),
}


def listings(session: Session, entity: Literal["lead", "account"], ids: Sequence[str]) -> dict[str, Listing]:
    """Return how those of ``ids`` that exist stand in a list, by id."""
    found: dict[str, Listing] = {}
    connection = session.connection()
    for start in range(0, len(ids), _IDS_PER_QUERY):
        rows = connection.execute(_LISTED[entity], {"ids": ids[start : start + _IDS_PER_QUERY]})
        found |= {row[0]: Listing(row[1], row[2], row[3]) for row in rows}
    return found


def table_sizes(session: Session) -> dict[str, int]:
    """Return how many rows each kind of record and fact has, and the change log."""
    tables = {**RECORDS, **FACTS, "change_log": ChangeLog}
    return {
        name: session.scalar(select(func.count()).select_from(table)) or 0 for name, table in tables.items()
    }
