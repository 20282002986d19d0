"""Facts: things that only ever happen. The database refuses to change or delete one.

``occurred_at`` is when it happened, ``recorded_at`` when the business came to know it. ``txid`` is the
PostgreSQL transaction that added it, which a reader of the feed needs; it stays empty on SQLite.
"""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import Base, by_transaction, one_of
from crm_store.models.choices import CHANNELS, DIRECTIONS, SCENES


def _where_given(column: str) -> Index:
    given = text(f"{column} IS NOT NULL")
    name = f"ix_activity_{column}"
    return Index(name, column, postgresql_where=given, sqlite_where=given)


class FactMixin:
    """Columns of a fact."""

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    external_id: Mapped[str] = mapped_column(String(120))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    txid: Mapped[int | None] = mapped_column(BigInteger)


class Activity(FactMixin, Base):
    """One thing that happened with a lead or an account. Never edited: a correction is a new entry.

    A communication is an activity by chat, call, e-mail or meeting that names its ``scene``. ``entered_by``
    is who or what put it in, as in the change log.
    """

    __tablename__ = "activity"
    __table_args__ = (
        one_of("channel", CHANNELS),
        one_of("direction", DIRECTIONS),
        one_of("scene", SCENES),
        CheckConstraint("lead_id IS NOT NULL OR account_id IS NOT NULL", name="subject"),
        Index("ix_activity_lead_id_occurred_at", "lead_id", "occurred_at"),
        Index("ix_activity_account_id_occurred_at", "account_id", "occurred_at"),
        by_transaction("activity"),
        Index("ix_activity_recorded_at_id", "recorded_at", "id"),
        _where_given("rep_id"),
        # Few activities name a contact or a deal: the others cost these indexes nothing.
        _where_given("contact_id"),
        _where_given("opportunity_id"),
        _where_given("corrects_id"),
    )

    lead_id: Mapped[str | None] = mapped_column(ForeignKey("lead.id"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("contact.id"))
    opportunity_id: Mapped[str | None] = mapped_column(ForeignKey("opportunity.id"))
    rep_id: Mapped[str | None] = mapped_column(ForeignKey("rep.id"))
    channel: Mapped[str] = mapped_column(String(20))
    direction: Mapped[str] = mapped_column(String(10))
    scene: Mapped[str | None] = mapped_column(String(24))
    duration_s: Mapped[float | None]
    text: Mapped[str | None] = mapped_column(Text)
    corrects_id: Mapped[str | None] = mapped_column(ForeignKey("activity.id"))
    entered_by: Mapped[str | None] = mapped_column(String(80))


class OrderSnapshot(FactMixin, Base):
    """What the ERP said of one order: its date, amount (in the books' currency) and delivery state."""

    __tablename__ = "order_snapshot"
    __table_args__ = (
        Index("ix_order_snapshot_account_id_occurred_at", "account_id", "occurred_at"),
        by_transaction("order_snapshot"),
    )

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"))
    amount: Mapped[float]
    quantity: Mapped[float | None]
    freight: Mapped[float | None]
    product: Mapped[str | None] = mapped_column(String(80))
    delivery_state: Mapped[str | None] = mapped_column(String(20))
