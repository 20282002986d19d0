"""What arrives and who else it might be: raw submissions, signed webhooks, duplicates and merges."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import Base, one_of

SUBMISSION_STATUSES = ("accepted", "needs_correction", "corrected")
PAIR_STATUSES = ("open", "merged", "dismissed")


class Submission(Base):
    """What was sent to intake, as it was sent. Nothing is dropped: what fails the checks waits here.

    ``problems`` holds code, field, zh and en of each fault.
    """

    __tablename__ = "submission"
    __table_args__ = (
        one_of("status", SUBMISSION_STATUSES),
        Index("ix_submission_status_received_at", "status", "received_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    way: Mapped[str] = mapped_column(String(80))
    received_at: Mapped[datetime]
    payload: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20))
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    lead_id: Mapped[str | None] = mapped_column(ForeignKey("lead.id"), index=True)
    corrected_at: Mapped[datetime | None]
    corrected_by: Mapped[str | None] = mapped_column(String(80))


class WebhookEndpoint(Base):
    """A sender of webhooks. Its secrets are encrypted; two hold while one replaces the other."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    secret: Mapped[str] = mapped_column(String(400))
    next_secret: Mapped[str | None] = mapped_column(String(400))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class WebhookReceipt(Base):
    """A signed message that was taken: the same one is refused, a resent one gets the first answer."""

    __tablename__ = "webhook_receipt"
    __table_args__ = (Index("ix_webhook_receipt_received_at", "received_at"),)

    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id"), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    sent_at: Mapped[datetime]
    received_at: Mapped[datetime]
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"))


class DedupeKey(Base):
    """One way in which a record may be found again; records that share a key are compared."""

    __tablename__ = "dedupe_key"
    __table_args__ = (Index("ix_dedupe_key_entity_record_id", "entity", "record_id"),)

    entity: Mapped[str] = mapped_column(String(20), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(40), primary_key=True)


class DuplicatePair(Base):
    """Two records that may be one. ``score`` is in 0–1; ``reasons`` says why in Chinese and English."""

    __tablename__ = "duplicate_pair"
    __table_args__ = (
        one_of("status", PAIR_STATUSES),
        UniqueConstraint("entity", "left_id", "right_id"),
        CheckConstraint("left_id < right_id", name="ordered"),
        Index("ix_duplicate_pair_status_score", "entity", "status", "score"),
        Index("ix_duplicate_pair_right_id", "right_id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    entity: Mapped[str] = mapped_column(String(20))
    left_id: Mapped[str] = mapped_column(String(40))
    right_id: Mapped[str] = mapped_column(String(40))
    score: Mapped[float]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(12))
    found_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))


class MergeLog(Base):
    """A merge and everything it wrote, so that it can be undone."""

    __tablename__ = "merge_log"
    __table_args__ = (
        Index("ix_merge_log_survivor_id", "entity", "survivor_id"),
        Index("ix_merge_log_merged_id", "entity", "merged_id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    entity: Mapped[str] = mapped_column(String(20))
    survivor_id: Mapped[str] = mapped_column(String(40))
    merged_id: Mapped[str] = mapped_column(String(40))
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    actor: Mapped[str] = mapped_column(String(80))
    merged_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(80))
