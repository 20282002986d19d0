"""Orders from a table or view of another database: read only, in short transactions, each with a deadline."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Engine,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    and_,
    create_engine,
    func,
    make_url,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NullType

from crm_store.connectors.orders import BadRow, Marks, OrderRow, Page, RowReader, SqlOrders
from crm_store.repositories.problems import Problem, StoreError

# SQLite asks whether to go on every so many steps of its machine.
_STEPS = 10_000


class SqlOrderConnector:
    """Reads pages ordered by (updated_at, number), each after the last row of the page before.

    A row that is edited meanwhile moves behind, and is met again; one that was committed late is met in the
    overlap of the next pull. The table's columns and their types come from the database itself.
    """

    def __init__(self, name: str, settings: SqlOrders) -> None:
        self.name, self.settings = name, settings
        self._reader = RowReader(settings)

    def pages(self, marks: Marks, now: datetime) -> Iterator[Page]:
        """Yield what changed. Raises StoreError when the database does not answer or lacks a column."""
        engine = _open(self.settings)
        try:
            yield from self._pages(engine, marks(self.name), now)
        except SQLAlchemyError as error:
            raise StoreError(_unreachable(self.name, error)) from error
        finally:
            engine.dispose()

    def _pages(self, engine: Engine, watermark: str | None, now: datetime) -> Iterator[Page]:
        columns = self._columns(engine)
        floor = None if watermark is None else datetime.fromisoformat(watermark) - self._overlap
        after: tuple[Any, Any] | None = None
        highest = watermark
        # What is edited from now on is for the next pull; a busy table would otherwise be read for ever.
        ceiling = self._highest(engine, columns["updated_at"])
        while ceiling is not None and (raw := self._fetch(engine, columns, (floor, ceiling), after)):
            read = [self._reader.read(row) for row in raw]
            orders = [row for row in read if isinstance(row, OrderRow)]
            highest = _higher(highest, orders, now)
            bad = [row for row in read if isinstance(row, BadRow)]
            yield Page(orders, bad, {} if highest is None else {self.name: highest})
            after = (raw[-1]["updated_at"], raw[-1]["number"])

    @property
    def _overlap(self) -> timedelta:
        return timedelta(minutes=self.settings.overlap_minutes)

    def _columns(self, engine: Engine) -> dict[str, Column[Any]]:
        settings = self.settings
        with _reading(engine, settings.timeout_s) as connection:
            table = Table(settings.table, MetaData(), schema=settings.schema_name, autoload_with=connection)
        lacking = [column for column in settings.columns.named().values() if column not in table.c]
        if lacking:
            zh, en = f"{settings.table} 没有列 {lacking[0]}", f"{settings.table} has no column {lacking[0]}"
            raise StoreError(Problem("missing_column", lacking[0], zh, en))
        return {what: table.c[column] for what, column in settings.columns.named().items()}

    def _highest(self, engine: Engine, updated_at: Column[Any]) -> Any:
        with _reading(engine, self.settings.timeout_s) as connection:
            return connection.scalar(select(type_coerce(func.max(updated_at), NullType())))

    def _fetch(
        self,
        engine: Engine,
        columns: dict[str, Column[Any]],
        between: tuple[datetime | None, Any],
        after: tuple[Any, Any] | None,
    ) -> list[dict[str, Any]]:
        updated_at, number = columns["updated_at"], columns["number"]
        floor, ceiling = between
        # Raw values: what one row holds wrongly must not keep the others from being read.
        raw = {what: type_coerce(column, NullType()).label(what) for what, column in columns.items()}
        query = (
            select(*raw.values())
            .where(type_coerce(updated_at, NullType()) <= ceiling, number.is_not(None))
            .order_by(updated_at, number)
            .limit(self.settings.page_rows)
        )
        if after is not None:
            query = query.where(_behind(updated_at, number, after))
        elif floor is not None:
            query = query.where(type_coerce(updated_at, NullType()) >= self._bound(engine, updated_at, floor))
        with _reading(engine, self.settings.timeout_s) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _bound(self, engine: Engine, column: Column[Any], floor: datetime) -> Any:
        """Return a moment as the column keeps it; texts are in ISO form, numbers in Unix seconds."""
        local = floor.astimezone(ZoneInfo(self.settings.timezone)).replace(tzinfo=None)
        if isinstance(column.type, Integer | Numeric):
            return floor.timestamp()
        if isinstance(column.type, String) or engine.dialect.name == "sqlite":
            # A space sorts before the T of the other ISO form: rows of the same day may be read again.
            return local.isoformat(" ")
        if isinstance(column.type, Date):
            return local.date()
        aware = isinstance(column.type, DateTime) and column.type.timezone
        return floor if aware else local


def _behind(updated_at: Column[Any], number: Column[Any], after: tuple[Any, Any]) -> ColumnElement[bool]:
    last_update, last_number = after
    when, which = type_coerce(updated_at, NullType()), type_coerce(number, NullType())
    return or_(when > last_update, and_(when == last_update, which > last_number))


def _higher(watermark: str | None, rows: Sequence[OrderRow], now: datetime) -> str | None:
    """Return the new watermark: never beyond our own now, so that a clock that is ahead hides nothing."""
    if not rows:
        return watermark
    seen = min(max(row.updated_at for row in rows), now).astimezone(UTC)
    moments = [seen] if watermark is None else [seen, datetime.fromisoformat(watermark)]
    return max(moments).isoformat()


def _open(settings: SqlOrders) -> Engine:
    url = make_url(settings.url)
    if url.get_backend_name() == "postgresql":
        options = f"-c statement_timeout={settings.timeout_s * 1000} -c default_transaction_read_only=on"
        arguments = {"options": options, "connect_timeout": settings.timeout_s}
        return create_engine(url.set(drivername="postgresql+psycopg"), connect_args=arguments)
    return create_engine(url)


@contextmanager
def _reading(engine: Engine, timeout_s: int) -> Iterator[Connection]:
    """Give a connection that only reads and gives up after ``timeout_s``; whatever it did is rolled back."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            _bound_sqlite(driver, timeout_s)
        elif engine.dialect.name in ("mysql", "mariadb"):
            connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
            connection.execute(text(f"SET SESSION max_execution_time = {timeout_s * 1000:d}"))
            connection.rollback()
        yield connection
        connection.rollback()


def _bound_sqlite(driver: sqlite3.Connection, timeout_s: int) -> None:
    deadline = time.monotonic() + timeout_s
    driver.execute("PRAGMA query_only=ON").close()
    driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)


def _unreachable(name: str, error: SQLAlchemyError) -> Problem:
    """Describe a failure without the driver's words, which may hold the address and the password."""
    kind = type(getattr(error, "orig", None) or error).__name__
    zh = f"连接器 {name} 无法读取外部数据库（{kind}），请检查地址、权限和表名"
    en = f"connector {name} cannot read its database ({kind}): check the address, the rights and the table"
    return Problem("connector_unreachable", None, zh, en)
