"""After the sale: contracts, deliveries, service tickets."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import (
    AccountRef,
    Base,
    ContactRef,
    OpportunityRef,
    RecordMixin,
    between,
    by_update,
    one_of,
    outside_id,
)
from crm_store.models.choices import CONTRACT_STATUSES, DELIVERY_STATES, PRIORITIES, TICKET_STATUSES


class Contract(RecordMixin, Base):
    """A term of supply or service; a renewal is the next contract and closes this one as ``renewed``."""

    __tablename__ = "contract"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("status", CONTRACT_STATUSES),
        CheckConstraint("end_at > start_at", name="term"),
    )

    account_id: Mapped[AccountRef]
    opportunity_id: Mapped[OpportunityRef]
    title: Mapped[str] = mapped_column(String(200))
    product_line: Mapped[str | None] = mapped_column(String(80))
    amount: Mapped[float]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20))
    closed_at: Mapped[datetime | None]


class Delivery(RecordMixin, Base):
    """Goods on their way: 待排产, 生产中, 已发货, 已验收."""

    __tablename__ = "delivery"
    __table_args__ = (outside_id(), by_update(), one_of("state", DELIVERY_STATES))

    account_id: Mapped[AccountRef]
    contract_id: Mapped[str | None] = mapped_column(ForeignKey("contract.id"), index=True)
    order_number: Mapped[str | None] = mapped_column(String(80), index=True)
    state: Mapped[str] = mapped_column(String(20), default="to_schedule")
    promised_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]


class Ticket(RecordMixin, Base):
    """A service request. ``satisfaction`` is 1–5, given after it was resolved."""

    __tablename__ = "ticket"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("status", TICKET_STATUSES),
        one_of("priority", PRIORITIES),
        between("satisfaction", 1, 5),
    )

    account_id: Mapped[AccountRef]
    contact_id: Mapped[ContactRef]
    device_id: Mapped[str | None] = mapped_column(ForeignKey("device.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(String(40))
    priority: Mapped[str | None] = mapped_column(String(10))
    status: Mapped[str] = mapped_column(String(20))
    opened_at: Mapped[datetime]
    first_response_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    satisfaction: Mapped[int | None]
