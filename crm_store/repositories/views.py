"""What pages show of one lead or account, and the choices that lists are filtered by. Phones come masked."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm_store.models import Account, Activity, Contract, CurrentScore, Lead, OrderSnapshot, Rep, Ticket
from crm_store.repositories.duplicates.merges import with_merged
from crm_store.repositories.sight.masking import mask_phone

Mark = tuple[datetime, str]
"""A place in a timeline: everything older than this moment and, at the same moment, of a smaller id."""


@dataclass(frozen=True)
class LeadDetail:
    """A lead as it stands, with the names behind its references."""

    id: str
    source: str
    external_id: str
    version: int
    created_at: datetime
    updated_at: datetime
    owner_id: str | None
    account_id: str | None
    company: str | None
    contact_name: str | None
    title: str | None
    phone: str | None
    need: str | None
    expected_volume: float | None
    channel: str | None
    campaign: str | None
    industry: str | None
    region: str | None
    city: str | None
    status: str
    closed_at: datetime | None
    owner_name: str | None = None
    account_name: str | None = None


@dataclass(frozen=True)
class AccountDetail:
    """An account as it stands, with its owner's name."""

    id: str
    source: str
    external_id: str
    version: int
    created_at: datetime
    updated_at: datetime
    owner_id: str | None
    name: str
    industry: str | None
    region: str | None
    city: str | None
    tier: str | None
    employees: int | None
    annual_amount: float | None
    owner_name: str | None = None


@dataclass(frozen=True)
class TimelineItem:
    """One thing that happened; ``event_log.raw_record(source, source_row)`` opens what lies behind it."""

    kind: Literal["activity", "order", "ticket", "contract"]
    record_id: str
    occurred_at: datetime
    source: str
    source_row: str
    details: Mapping[str, Any]

    @property
    def mark(self) -> Mark:
        """The place to go on from: pass it as ``before``."""
        return self.occurred_at, self.record_id


def lead_detail(session: Session, lead_id: str, reveal: bool = False) -> LeadDetail | None:
    """Return a lead, or None for one that is not there or was deleted; ``reveal`` shows the phone."""
    query = (
        select(Lead, Rep.name, Account.name)
        .outerjoin(Rep, Rep.id == Lead.owner_id)
        .outerjoin(Account, Account.id == Lead.account_id)
        .where(Lead.id == lead_id, Lead.deleted_at.is_(None))
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    lead, owner_name, account_name = found
    detail = LeadDetail(**_columns(LeadDetail, lead), owner_name=owner_name, account_name=account_name)
    return detail if reveal else replace(detail, phone=mask_phone(detail.phone))


def account_detail(session: Session, account_id: str) -> AccountDetail | None:
    """Return an account, or None for one that is not there or was deleted."""
    query = (
        select(Account, Rep.name)
        .outerjoin(Rep, Rep.id == Account.owner_id)
        .where(Account.id == account_id, Account.deleted_at.is_(None))
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    return AccountDetail(**_columns(AccountDetail, found[0]), owner_name=found[1])


def record(
    session: Session, entity: Literal["lead", "account"], record_id: str, reveal: bool = False
) -> dict[str, Any] | None:
    """Return what ``lead_detail`` or ``account_detail`` does, as field → value."""
    if entity == "lead":
        lead = lead_detail(session, record_id, reveal)
        return None if lead is None else asdict(lead)
    account = account_detail(session, record_id)
    return None if account is None else asdict(account)


def owners(session: Session) -> dict[str, str]:
    """Return the name of every salesperson by id, in order of name, those who have left too."""
    return dict(session.execute(select(Rep.id, Rep.name).order_by(Rep.name, Rep.id)).all())


def regions(session: Session, model: str) -> list[str]:
    """Return the regions that scored subjects of the model lie in, in order."""
    query = (
        select(CurrentScore.region)
        .where(CurrentScore.model == model, CurrentScore.region.is_not(None))
        .distinct()
        .order_by(CurrentScore.region)
    )
    return [region for region in session.scalars(query) if region is not None]


def timeline(
    session: Session,
    entity: Literal["lead", "account"],
    entity_id: str,
    limit: int = 50,
    before: Mark | None = None,
) -> list[TimelineItem]:
    """Return what happened, newest first: a lead's activities; an account's, with orders, tickets, contracts.

    Tickets stand where they were opened and contracts where they were signed; deleted ones are left out.
    What happened with records that were merged into this one is among it.
    """
    ids = with_merged(session, entity, entity_id)
    items = _activities(session, entity, ids, limit, before)
    if entity == "account":
        items += _orders(session, ids, limit, before)
        items += _tickets(session, ids, limit, before)
        items += _contracts(session, ids, limit, before)
    return sorted(items, key=lambda item: item.mark, reverse=True)[:limit]


def _activities(
    session: Session, entity: str, ids: tuple[str, ...], limit: int, before: Mark | None
) -> list[TimelineItem]:
    key = Activity.lead_id if entity == "lead" else Activity.account_id
    found = _newest(session, Activity, Activity.occurred_at, [key.in_(ids)], limit, before)
    parts = ("channel", "direction", "duration_s", "text", "rep_id", "corrects_id")
    return [
        TimelineItem("activity", fact.id, fact.occurred_at, "activities", fact.id, _parts(fact, parts))
        for fact in found
    ]


def _orders(session: Session, ids: tuple[str, ...], limit: int, before: Mark | None) -> list[TimelineItem]:
    of_account = [OrderSnapshot.account_id.in_(ids)]
    found = _newest(session, OrderSnapshot, OrderSnapshot.occurred_at, of_account, limit, before)
    parts = ("amount", "quantity", "freight", "product", "delivery_state")
    return [
        TimelineItem("order", fact.id, fact.occurred_at, "orders", fact.id, _parts(fact, parts))
        for fact in found
    ]


def _tickets(session: Session, ids: tuple[str, ...], limit: int, before: Mark | None) -> list[TimelineItem]:
    of_account = [Ticket.account_id.in_(ids), Ticket.deleted_at.is_(None)]
    found = _newest(session, Ticket, Ticket.opened_at, of_account, limit, before)
    parts = ("title", "category", "status", "first_response_at", "resolved_at", "satisfaction")
    return [
        TimelineItem(
            "ticket", row.id, row.opened_at, "ticket_events", f"{row.id}@1#opened", _parts(row, parts)
        )
        for row in found
    ]


def _contracts(session: Session, ids: tuple[str, ...], limit: int, before: Mark | None) -> list[TimelineItem]:
    of_account = [Contract.account_id.in_(ids), Contract.deleted_at.is_(None)]
    found = _newest(session, Contract, Contract.created_at, of_account, limit, before)
    parts = ("title", "product_line", "amount", "start_at", "end_at", "status", "closed_at")
    return [
        TimelineItem(
            "contract", row.id, row.created_at, "contract_events", f"{row.id}@1#signed", _parts(row, parts)
        )
        for row in found
    ]


def _newest(
    session: Session,
    model: Any,
    moment: InstrumentedAttribute[datetime],
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    before: Mark | None,
) -> list[Any]:
    query = select(model).where(*conditions)
    if before is not None:
        query = query.where(tuple_(moment, model.id) < before)
    return list(session.scalars(query.order_by(moment.desc(), model.id.desc()).limit(limit)))


def _columns(kind: type[LeadDetail] | type[AccountDetail], row: Lead | Account) -> dict[str, Any]:
    return {part.name: getattr(row, part.name) for part in fields(kind) if hasattr(row, part.name)}


def _parts(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
