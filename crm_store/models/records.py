"""CRM records. Facts that only ever happen (activities, orders) carry ``occurred_at`` and ``recorded_at``.

Records that change (lead, account, contract, ticket …) keep their current state here and every earlier
state in the change log.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import AccountRef, Base, RecordMixin, RepRef

LEAD_STATUSES = ("new", "contacted", "qualified", "won", "lost")
OPPORTUNITY_STAGES = ("need_confirmed", "proposal", "negotiation", "won", "lost")
CONTRACT_STATUSES = ("active", "renewed", "lapsed")
TICKET_STATUSES = ("open", "answered", "resolved")
TIERS = ("S", "A", "B")
CHANNELS = ("chat", "call", "email", "meeting", "site", "download", "search", "view", "assign")
DIRECTIONS = ("in", "out", "internal")


def _one_of(column: str, allowed: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in allowed)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _outside_id() -> UniqueConstraint:
    return UniqueConstraint("source", "external_id")


class Team(RecordMixin, Base):
    """A sales team and its region."""

    __tablename__ = "team"
    __table_args__ = (_outside_id(),)

    name: Mapped[str] = mapped_column(String(120))
    region: Mapped[str | None] = mapped_column(String(40))


class Rep(RecordMixin, Base):
    """A salesperson."""

    __tablename__ = "rep"
    __table_args__ = (_outside_id(),)

    name: Mapped[str] = mapped_column(String(120))
    team_id: Mapped[str | None] = mapped_column(String(40), index=True)
    region: Mapped[str | None] = mapped_column(String(40))
    hired_at: Mapped[datetime | None]


class Account(RecordMixin, Base):
    """A customer company. ``annual_amount`` (yuan): bought in the last twelve months, or contracted for."""

    __tablename__ = "account"
    __table_args__ = (_outside_id(), _one_of("tier", TIERS))

    owner_id: Mapped[RepRef]
    name: Mapped[str] = mapped_column(String(200))
    industry: Mapped[str | None] = mapped_column(String(80))
    region: Mapped[str | None] = mapped_column(String(40))
    city: Mapped[str | None] = mapped_column(String(80))
    tier: Mapped[str | None] = mapped_column(String(1))
    employees: Mapped[int | None]
    annual_amount: Mapped[float | None]


class Contact(RecordMixin, Base):
    """A person at an account. ``weight`` 0–100 is the say this person has in a decision."""

    __tablename__ = "contact"
    __table_args__ = (_outside_id(), CheckConstraint("weight BETWEEN 0 AND 100", name="weight"))

    account_id: Mapped[AccountRef]
    name: Mapped[str] = mapped_column(String(120))
    title: Mapped[str | None] = mapped_column(String(80))
    phone: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    weight: Mapped[int | None]


class Lead(RecordMixin, Base):
    """Someone who might buy. ``created_at`` is the first contact; ``closed_at`` when it was won or lost."""

    __tablename__ = "lead"
    __table_args__ = (
        _outside_id(),
        _one_of("status", LEAD_STATUSES),
        Index("ix_lead_campaign_created_at", "campaign", "created_at"),
    )

    owner_id: Mapped[RepRef]
    account_id: Mapped[AccountRef]
    company: Mapped[str | None] = mapped_column(String(200))
    contact_name: Mapped[str | None] = mapped_column(String(120))
    title: Mapped[str | None] = mapped_column(String(80))
    phone: Mapped[str | None] = mapped_column(String(40))
    need: Mapped[str | None] = mapped_column(String(120))
    expected_volume: Mapped[float | None]
    channel: Mapped[str | None] = mapped_column(String(80))
    campaign: Mapped[str | None] = mapped_column(String(120))
    industry: Mapped[str | None] = mapped_column(String(80))
    region: Mapped[str | None] = mapped_column(String(40))
    city: Mapped[str | None] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(20), default="new", index=True)
    closed_at: Mapped[datetime | None]


class Opportunity(RecordMixin, Base):
    """A deal in the making."""

    __tablename__ = "opportunity"
    __table_args__ = (_outside_id(), _one_of("stage", OPPORTUNITY_STAGES))

    owner_id: Mapped[RepRef]
    account_id: Mapped[AccountRef]
    lead_id: Mapped[str | None] = mapped_column(String(40), index=True)
    title: Mapped[str] = mapped_column(String(200))
    stage: Mapped[str] = mapped_column(String(20))
    amount: Mapped[float | None]
    expected_close_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Ticket(RecordMixin, Base):
    """A service request. ``satisfaction`` is 1–5, given after it was resolved."""

    __tablename__ = "ticket"
    __table_args__ = (
        _outside_id(),
        _one_of("status", TICKET_STATUSES),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
    )

    account_id: Mapped[AccountRef]
    title: Mapped[str] = mapped_column(String(200))
    category: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(20))
    opened_at: Mapped[datetime]
    first_response_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    satisfaction: Mapped[int | None]


class Contract(RecordMixin, Base):
    """A term of supply or service; a renewal is the next contract and closes this one as ``renewed``."""

    __tablename__ = "contract"
    __table_args__ = (
        _outside_id(),
        _one_of("status", CONTRACT_STATUSES),
        CheckConstraint("end_at > start_at", name="term"),
    )

    account_id: Mapped[AccountRef]
    title: Mapped[str] = mapped_column(String(200))
    product_line: Mapped[str | None] = mapped_column(String(80))
    amount: Mapped[float]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20))
    closed_at: Mapped[datetime | None]


class FactMixin:
    """Columns of a fact: when it happened, and when the business came to know it."""

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    external_id: Mapped[str] = mapped_column(String(120))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class Activity(FactMixin, Base):
    """One thing that happened with a lead or an account. Never edited: a correction is a new entry."""

    __tablename__ = "activity"
    __table_args__ = (
        _one_of("channel", CHANNELS),
        _one_of("direction", DIRECTIONS),
        CheckConstraint("lead_id IS NOT NULL OR account_id IS NOT NULL", name="subject"),
        Index("ix_activity_lead_id_occurred_at", "lead_id", "occurred_at"),
        Index("ix_activity_account_id_occurred_at", "account_id", "occurred_at"),
    )

    lead_id: Mapped[str | None] = mapped_column(String(40))
    account_id: Mapped[str | None] = mapped_column(String(40))
    rep_id: Mapped[str | None] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(20))
    direction: Mapped[str] = mapped_column(String(10))
    duration_s: Mapped[float | None]
    text: Mapped[str | None] = mapped_column(Text)
    corrects_id: Mapped[str | None] = mapped_column(String(40))


class OrderSnapshot(FactMixin, Base):
    """What the ERP said of one order: its date, amount (in the books' currency) and delivery state."""

    __tablename__ = "order_snapshot"
    __table_args__ = (Index("ix_order_snapshot_account_id_occurred_at", "account_id", "occurred_at"),)

    account_id: Mapped[str] = mapped_column(String(40))
    amount: Mapped[float]
    quantity: Mapped[float | None]
    freight: Mapped[float | None]
    product: Mapped[str | None] = mapped_column(String(80))
    delivery_state: Mapped[str | None] = mapped_column(String(20))
