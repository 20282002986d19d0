"""Selling: campaigns, products, leads, opportunities with the evidence of each stage, and tasks."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import (
    AccountRef,
    Base,
    ContactRef,
    LeadRef,
    OpportunityRef,
    RecordMixin,
    by_name,
    by_place,
    by_update,
    one_of,
    outside_id,
)
from crm_store.models.choices import (
    CAMPAIGN_STATUSES,
    EVIDENCE_KINDS,
    INTAKE_STATES,
    LEAD_STATUSES,
    OPPORTUNITY_STAGES,
    TASK_STATUSES,
)

_DELETED = text("deleted_at IS NOT NULL")


class Campaign(RecordMixin, Base):
    """Something done to be noticed. ``budget`` in yuan."""

    __tablename__ = "campaign"
    __table_args__ = (outside_id(), by_update(), one_of("status", CAMPAIGN_STATUSES))

    name: Mapped[str] = mapped_column(String(120))
    channel: Mapped[str | None] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(20), default="planned")
    budget: Mapped[float | None]
    start_at: Mapped[datetime | None]
    end_at: Mapped[datetime | None]


class Product(RecordMixin, Base):
    """What we sell. ``list_price`` in yuan per ``unit``; ``need_weight`` is what a need for it weighs."""

    __tablename__ = "product"
    __table_args__ = (outside_id(), by_update())

    name: Mapped[str] = mapped_column(String(200))
    code: Mapped[str | None] = mapped_column(String(80), index=True)
    product_line: Mapped[str | None] = mapped_column(String(80))
    unit: Mapped[str | None] = mapped_column(String(20))
    list_price: Mapped[float | None]
    need_weight: Mapped[float | None]


class Lead(RecordMixin, Base):
    """Someone who might buy. ``created_at`` is the first contact; ``closed_at`` when it was won or lost.

    ``intake_state`` is ``phone_only`` while the rest of the first form falls due at the second contact.
    ``merged_into`` names the lead that took this one's place.
    """

    __tablename__ = "lead"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("status", LEAD_STATUSES),
        one_of("intake_state", INTAKE_STATES),
        Index("ix_lead_campaign_created_at", "campaign", "created_at"),
        Index("ix_lead_created_at_id", "created_at", "id"),
        Index("ix_lead_owner_id_status", "owner_id", "status", "merged_into", "deleted_at"),
        Index("ix_lead_status_created_at_id", "status", "created_at", "id"),
        Index("ix_lead_owner_id_updated_at_id", "owner_id", "updated_at", "id"),
        by_place(),
        by_name("lead", "company"),
        Index("ix_lead_deleted", "updated_at", "id", postgresql_where=_DELETED, sqlite_where=_DELETED),
    )

    # Without an index of its own: the one above begins with it.
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("rep.id"))
    account_id: Mapped[AccountRef]
    company: Mapped[str | None] = mapped_column(String(200))
    credit_code: Mapped[str | None] = mapped_column(String(18))
    contact_name: Mapped[str | None] = mapped_column(String(120))
    title: Mapped[str | None] = mapped_column(String(80))
    phone: Mapped[str | None] = mapped_column(String(40))
    phone_region: Mapped[str | None] = mapped_column(String(40))
    phone_carrier: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[str | None] = mapped_column(String(200))
    need: Mapped[str | None] = mapped_column(String(120))
    expected_volume: Mapped[float | None]
    budget: Mapped[float | None]
    channel: Mapped[str | None] = mapped_column(String(80))
    campaign: Mapped[str | None] = mapped_column(String(120))
    industry: Mapped[str | None] = mapped_column(String(80))
    industry_code: Mapped[str | None] = mapped_column(String(10))
    region: Mapped[str | None] = mapped_column(String(40))
    city: Mapped[str | None] = mapped_column(String(80))
    address: Mapped[str | None] = mapped_column(String(200))
    adcode: Mapped[str | None] = mapped_column(String(6))
    ip_place: Mapped[str | None] = mapped_column(String(80))
    submitted_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(20), default="new")
    intake_state: Mapped[str] = mapped_column(String(12), default="complete")
    closed_at: Mapped[datetime | None]
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("lead.id"), index=True)


class Opportunity(RecordMixin, Base):
    """A deal in the making; the stage ``won`` is 已签约. ``amount`` and ``budget`` in yuan.

    ``decision_chain`` lists contact ids in the order in which they decide, separated by commas.
    """

    __tablename__ = "opportunity"
    __table_args__ = (outside_id(), by_update(), one_of("stage", OPPORTUNITY_STAGES))

    account_id: Mapped[AccountRef]
    lead_id: Mapped[LeadRef]
    title: Mapped[str] = mapped_column(String(200))
    product_line: Mapped[str | None] = mapped_column(String(80))
    stage: Mapped[str] = mapped_column(String(20))
    amount: Mapped[float | None]
    budget: Mapped[float | None]
    decision_maker_id: Mapped[str | None] = mapped_column(ForeignKey("contact.id"))
    decision_chain: Mapped[str | None] = mapped_column(String(400))
    lost_reason: Mapped[str | None] = mapped_column(String(120))
    expected_close_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Evidence(RecordMixin, Base):
    """What a stage gate asks for: the customer's own words, a document, an internal review."""

    __tablename__ = "evidence"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("kind", EVIDENCE_KINDS),
        CheckConstraint(
            "text IS NOT NULL OR document_id IS NOT NULL OR activity_id IS NOT NULL", name="content"
        ),
    )

    opportunity_id: Mapped[str] = mapped_column(ForeignKey("opportunity.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))
    text: Mapped[str | None] = mapped_column(Text)
    document_id: Mapped[str | None] = mapped_column(ForeignKey("document.id"))
    activity_id: Mapped[str | None] = mapped_column(ForeignKey("activity.id"))


class Task(RecordMixin, Base):
    """Something the owner is to do, about one record."""

    __tablename__ = "task"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("status", TASK_STATUSES),
        Index("ix_task_owner_id_status_due_at", "owner_id", "status", "due_at"),
    )

    kind: Mapped[str] = mapped_column(String(30))
    title: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(12), default="open")
    due_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    lead_id: Mapped[LeadRef]
    account_id: Mapped[AccountRef]
    contact_id: Mapped[ContactRef]
    opportunity_id: Mapped[OpportunityRef]
    document_id: Mapped[str | None] = mapped_column(ForeignKey("document.id"), index=True)
