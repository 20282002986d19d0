"""Customers: their companies, people, how those decide, the papers they ask for and the devices they run."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import (
    AccountRef,
    Base,
    ContactRef,
    RecordMixin,
    between,
    by_name,
    by_place,
    by_update,
    one_of,
    outside_id,
)
from crm_store.models.choices import (
    CONTACT_STATUSES,
    DOCUMENT_STATUSES,
    RELATION_KINDS,
    ROLE_CHANGE_STATUSES,
    TIERS,
)


class Account(RecordMixin, Base):
    """A customer company.

    ``annual_amount`` (yuan): bought in the last twelve months, or contracted for. ``expected_margin``
    (yuan): gross margin expected in the next twelve, which the tier is read from. ``merged_into`` names the
    account that took this one's place.
    """

    __tablename__ = "account"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("tier", TIERS),
        by_place(),
        by_name("account", "name"),
    )

    name: Mapped[str] = mapped_column(String(200))
    credit_code: Mapped[str | None] = mapped_column(String(18), index=True)
    phone: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[str | None] = mapped_column(String(200))
    adcode: Mapped[str | None] = mapped_column(String(6))
    industry: Mapped[str | None] = mapped_column(String(80))
    industry_code: Mapped[str | None] = mapped_column(String(10))
    region: Mapped[str | None] = mapped_column(String(40))
    city: Mapped[str | None] = mapped_column(String(80))
    tier: Mapped[str | None] = mapped_column(String(1))
    employees: Mapped[int | None]
    annual_amount: Mapped[float | None]
    expected_margin: Mapped[float | None]
    registered_capital: Mapped[float | None]
    insured_headcount: Mapped[int | None]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"), index=True)
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("account.id"), index=True)


class Contact(RecordMixin, Base):
    """A person at an account. ``weight`` 0–100 is the say this person has in a decision."""

    __tablename__ = "contact"
    __table_args__ = (
        outside_id(),
        by_update(),
        between("weight", 0, 100),
        one_of("status", CONTACT_STATUSES),
    )

    account_id: Mapped[AccountRef]
    name: Mapped[str] = mapped_column(String(120))
    title: Mapped[str | None] = mapped_column(String(80))
    role: Mapped[str | None] = mapped_column(String(40))
    department: Mapped[str | None] = mapped_column(String(80))
    phone: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    wechat: Mapped[str | None] = mapped_column(String(80))
    weight: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(16), default="active")


class ContactRelation(RecordMixin, Base):
    """An edge of a decision chain: ``from_id`` influences, relies technically on or reports to ``to_id``."""

    __tablename__ = "contact_relation"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("kind", RELATION_KINDS),
        between("strength", 0, 100),
        CheckConstraint("from_id <> to_id", name="two_people"),
        UniqueConstraint("from_id", "to_id", "kind"),
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    from_id: Mapped[str] = mapped_column(ForeignKey("contact.id"))
    to_id: Mapped[str] = mapped_column(ForeignKey("contact.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    strength: Mapped[int | None]


class RoleChange(RecordMixin, Base):
    """A proposed change of a contact's role, with the sentence that shows it; a person decides."""

    __tablename__ = "role_change"
    __table_args__ = (outside_id(), by_update(), one_of("status", ROLE_CHANGE_STATUSES))

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    contact_id: Mapped[ContactRef]
    activity_id: Mapped[str | None] = mapped_column(ForeignKey("activity.id"), index=True)
    person: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20))
    old_role: Mapped[str | None] = mapped_column(String(80))
    new_role: Mapped[str | None] = mapped_column(String(80))
    sentence: Mapped[str] = mapped_column(Text)
    confidence: Mapped[float]
    status: Mapped[str] = mapped_column(String(12), default="proposed")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))


class Document(RecordMixin, Base):
    """A paper of an admission checklist: its kind, its revision, sealed or not, and until when it holds."""

    __tablename__ = "document"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("status", DOCUMENT_STATUSES),
        Index("ix_document_kind_account_id_product_line", "kind", "account_id", "product_line"),
        Index("ix_document_account_id_product_line", "account_id", "product_line"),
        Index("ix_document_expires_at", "expires_at"),
    )

    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    product_line: Mapped[str | None] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200))
    issued_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    sealed: Mapped[bool] = mapped_column(default=False)
    file_name: Mapped[str | None] = mapped_column(String(255))
    sha256: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(12), default="valid")


class Device(RecordMixin, Base):
    """A device of ours that runs at a customer. ``battery_health`` is in percent of new."""

    __tablename__ = "device"
    __table_args__ = (outside_id(), by_update(), between("battery_health", 0, 100))

    account_id: Mapped[AccountRef]
    product_id: Mapped[str | None] = mapped_column(ForeignKey("product.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    serial_number: Mapped[str | None] = mapped_column(String(80), index=True)
    installed_at: Mapped[datetime | None]
    last_operated_at: Mapped[datetime | None]
    battery_health: Mapped[int | None]
