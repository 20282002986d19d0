"""The logs: what changed and what was scored."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import Base, by_transaction

_BigId = BigInteger().with_variant(Integer(), "sqlite")


class ChangeLog(Base):
    """One write to one record: field → [old, new], chained by hash to the record's previous entry.

    ``recorded_at`` is when the business knew the new values, ``written_at`` when this store did; they
    differ for history that was imported. Features read states as of ``recorded_at``. ``actor`` is who or what
    wrote, as ``way:name``. ``txid`` is the PostgreSQL transaction, which a reader of the feed needs.
    """

    __tablename__ = "change_log"
    __table_args__ = (
        UniqueConstraint("entity", "entity_id", "version"),
        Index("ix_change_log_entity_recorded_at", "entity", "recorded_at"),
        by_transaction("change_log"),
    )

    id: Mapped[int] = mapped_column(_BigId, primary_key=True, autoincrement=True)
    entity: Mapped[str] = mapped_column(String(20))
    entity_id: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    changes: Mapped[dict[str, list[Any]]] = mapped_column(JSON)
    actor: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(String(200))
    recorded_at: Mapped[datetime]
    written_at: Mapped[datetime]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    txid: Mapped[int | None] = mapped_column(BigInteger)


class ScoreLog(Base):
    """One score, never changed: what was said, by which version, from data as of when, and why.

    ``weekly`` is the chance of the loss in each coming week, where a model says when.
    """

    __tablename__ = "score_log"
    __table_args__ = (UniqueConstraint("model", "entity_id", "scored_at"),)

    id: Mapped[int] = mapped_column(_BigId, primary_key=True, autoincrement=True)
    model: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[str] = mapped_column(String(40))
    value: Mapped[float]
    band: Mapped[str] = mapped_column(String(10))
    probability: Mapped[float | None]
    source: Mapped[str] = mapped_column(String(10))
    version: Mapped[str] = mapped_column(String(80))
    why: Mapped[str | None] = mapped_column(String(40))
    as_of: Mapped[datetime]
    scored_at: Mapped[datetime]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    weekly: Mapped[list[float] | None] = mapped_column(JSON(none_as_null=True))


class CurrentScore(Base):
    """The latest score of each subject, with the columns that ranked lists filter and sort by.

    ``rank_value`` orders a list, smallest first: a lead's health; an account's minus (risk × money at stake).
    """

    __tablename__ = "current_score"
    __table_args__ = (
        # The title stands in the two widest indexes so that a search reads the index and not the rows.
        Index("ix_current_score_rank", "model", "rank_value", "entity_id", "title"),
        Index("ix_current_score_band", "model", "band", "rank_value", "entity_id", "title"),
        Index("ix_current_score_owner", "model", "owner_id", "rank_value", "entity_id"),
        Index("ix_current_score_region", "model", "region", "rank_value", "entity_id"),
    )

    model: Mapped[str] = mapped_column(String(40), primary_key=True)
    entity_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    score_id: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[float]
    band: Mapped[str] = mapped_column(String(10))
    probability: Mapped[float | None]
    source: Mapped[str] = mapped_column(String(10))
    scored_at: Mapped[datetime]
    rank_value: Mapped[float]
    owner_id: Mapped[str | None] = mapped_column(String(40))
    region: Mapped[str | None] = mapped_column(String(40))
    title: Mapped[str | None] = mapped_column(String(200))
    money: Mapped[float | None]
