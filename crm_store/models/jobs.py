"""Bookkeeping of work that may be interrupted and repeated: imports, connectors, look-ups, requests."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import Base, one_of

IMPORT_STATUSES = ("running", "finished", "failed", "cancelled")


class ImportJob(Base):
    """One import: which file, how many rows went where, how far it came, and the file of rejected rows.

    ``position`` is the number of rows whose fate is committed; a resumed job goes on behind them.
    """

    __tablename__ = "import_job"
    __table_args__ = (one_of("status", IMPORT_STATUSES),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    preset: Mapped[str] = mapped_column(String(40))
    entity: Mapped[str | None] = mapped_column(String(20))
    file_name: Mapped[str] = mapped_column(String(255))
    file_sha256: Mapped[str] = mapped_column(String(64))
    mapping: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(String(12), default="running")
    actor: Mapped[str | None] = mapped_column(String(80))
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    position: Mapped[int] = mapped_column(default=0)
    rows_read: Mapped[int] = mapped_column(default=0)
    rows_added: Mapped[int] = mapped_column(default=0)
    rows_rejected: Mapped[int] = mapped_column(default=0)
    rejects_file: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(String(300))


class ConnectorState(Base):
    """How far a connector has read its outside system."""

    __tablename__ = "connector_state"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    watermark: Mapped[str | None] = mapped_column(String(80))
    last_run_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(300))
    rows: Mapped[int] = mapped_column(default=0)


class FeedConsumer(Base):
    """How far a consumer has read the feed, and which process reads for it until when.

    Everything that was committed before ``reached_at`` has been dealt with.
    """

    __tablename__ = "feed_consumer"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    cursor: Mapped[str | None] = mapped_column(Text)
    holder: Mapped[str | None] = mapped_column(String(80))
    held_until: Mapped[datetime | None]
    reached_at: Mapped[datetime | None]
    events: Mapped[int] = mapped_column(BigInteger, default=0)


class RegistryAnswer(Base):
    """What a company registry said; an empty answer means that it knows no such company."""

    __tablename__ = "registry_answer"

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    query: Mapped[str] = mapped_column(String(200), primary_key=True)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    fetched_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class RegistryQuota(Base):
    """How many look-ups a provider has had on one business day (``YYYY-MM-DD``)."""

    __tablename__ = "registry_quota"

    provider: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    used: Mapped[int] = mapped_column(default=0)


class IdempotencyKey(Base):
    """A request that had its effect, and the reply it got: the same key gets the same reply.

    Written in the transaction of the effect, so that neither exists without the other.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_expires_at", "expires_at"),)

    caller: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
