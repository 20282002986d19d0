"""What every table shares: naming of constraints, the UTC moment type, and the columns of a record."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def to_micros(moment: datetime) -> int:
    """Return microseconds since 1970 UTC, exactly. Raises ValueError for a moment without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return (moment - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the UTC moment that lies ``micros`` microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)


def _of_micros(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(microseconds=value)


def _in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


class UtcMoment(TypeDecorator[datetime]):
    """A moment in UTC to the microsecond: ``timestamptz`` on PostgreSQL, an integer on SQLite.

    SQLite has no time type, and its text form depends on adapters that other libraries in the same
    process may replace; an integer sorts, compares and moves to Arrow as it is.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of the store."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Turn a moment into what the store keeps."""
        if value is None:
            return None
        return to_micros(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Turn what the store keeps into a moment in UTC."""
        moment: datetime | None = self.result_processor(dialect, None)(value)
        return moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Return what does that for every row: one call, where a type decorator takes three."""
        return _of_micros if dialect.name == "sqlite" else _in_utc


class Base(DeclarativeBase):
    """The declarative base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcMoment()}  # noqa: RUF012


Key = Annotated[str, mapped_column(String(40), primary_key=True)]
RepRef = Annotated[str | None, mapped_column(ForeignKey("rep.id"), index=True)]
AccountRef = Annotated[str | None, mapped_column(ForeignKey("account.id"), index=True)]
ContactRef = Annotated[str | None, mapped_column(ForeignKey("contact.id"), index=True)]
LeadRef = Annotated[str | None, mapped_column(ForeignKey("lead.id"), index=True)]
OpportunityRef = Annotated[str | None, mapped_column(ForeignKey("opportunity.id"), index=True)]

SECRET = {"secret": True}
"""Marks a column that is no field: it is never logged, listed, exported or imported."""


def one_of(column: str, allowed: tuple[str, ...]) -> CheckConstraint:
    """Return the constraint that a column holds one of some words, named after the column."""
    listed = ", ".join(f"'{value}'" for value in allowed)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def between(column: str, low: int, high: int) -> CheckConstraint:
    """Return the constraint that a column lies in [low, high], named after the column."""
    return CheckConstraint(f"{column} BETWEEN {low} AND {high}", name=column)


def outside_id() -> UniqueConstraint:
    """Return the constraint that an outside system's id stands for one record."""
    return UniqueConstraint("source", "external_id")


def by_transaction(table: str) -> Index:
    """Return the index that the feed walks on PostgreSQL. SQLite has no transaction numbers."""
    return Index(f"ix_{table}_txid_id", "txid", "id", sqlite_where=text("txid IS NOT NULL"))


def by_update() -> Index:
    """Return the index that lists of what changed since some moment walk, page by page."""
    return Index(None, "updated_at", "id")


def by_place() -> Index:
    """Return the index that the lists of one region walk, newest change last."""
    return Index(None, "region", "updated_at", "id")


def by_name(table: str, column: str) -> Index:
    """Return the index by which a name is found by its first letters, however the database sorts."""
    return Index(f"ix_{table}_{column}", column, postgresql_ops={column: "varchar_pattern_ops"})


class RecordMixin:
    """Columns of every CRM record: a stable id, the outside system's id, an owner, moments, and a version.

    ``version`` counts writes from 1 and is what optimistic concurrency compares.
    """

    id: Mapped[Key]
    source: Mapped[str] = mapped_column(String(40))
    external_id: Mapped[str] = mapped_column(String(120))
    owner_id: Mapped[RepRef]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
