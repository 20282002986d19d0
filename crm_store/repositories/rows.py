"""Finding many rows, and moving many into a table, at the store's own speed.

SQLite takes prepared statements through the same driver as everything else: a second SQLite library in the
process (ADBC's, DuckDB's) would drop this one's file locks when it closes the file.
PostgreSQL takes COPY, through a temporary table where rows may exist already.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg import sql
from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Table,
    TableClause,
    any_,
    cast,
    column,
    select,
    update,
)
from sqlalchemy import table as table_of
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from crm_store.models.base import UtcMoment, to_micros

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 50_000
"""Rows in flight at a time; bounds memory."""

# SQLite takes 32,766 values in one statement, and no table has half as many columns as that allows.
_ROWS_PER_STATEMENT = 100

_Item = TypeVar("_Item")


def in_batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield lists of up to ``size`` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def any_of(connection: Connection, column: ColumnElement[str], texts: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of up to a few thousand texts.

    PostgreSQL takes them as one parameter: spelling a list out costs more than looking its items up.
    """
    if connection.dialect.name == "sqlite":
        return column.in_(list(texts))
    return column == any_(cast(list(texts), postgresql.ARRAY(String)))


def insert_arrow(connection: Connection, table: Table, data: pa.Table) -> int:
    """Insert rows whose ``id`` is new, ignore the others, and return how many were new.

    ``data`` has columns of ``table``, moments as timestamps with a time zone. Anything else that the
    database refuses (a check, a missing value) raises its IntegrityError and leaves the transaction failed.
    """
    if connection.dialect.name == "sqlite":
        return sum(
            _insert_many(connection, table, data.column_names, _flat(batch))
            for batch in data.to_batches(max_chunksize=BATCH)
        )
    return _copy_new(connection, table, data)


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Any]) -> int:
    """Insert rows given as tuples of Python values (JSON columns as text) and return how many.

    Raises the store's IntegrityError when one exists already.
    """
    count = 0
    for batch in in_batches(rows, BATCH):
        if connection.dialect.name == "sqlite":
            _insert_many(connection, table, columns, _with_micros(table, columns, batch), ignore=False)
        else:
            with _refusals(connection), _copy(connection, table.name, columns, "") as copy:
                for row in batch:
                    copy.write_row(row)
        count += len(batch)
    return count


def update_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Any]) -> None:
    """Give rows new values; ``columns`` begins with ``id``, by which the row is found.

    Raises the store's IntegrityError when the database refuses one.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _update_many(connection, table, columns, _with_micros(table, columns, rows))
    else:
        _copy_over(connection, table, columns, rows)


def _insert_many(
    connection: Connection, table: Table, columns: Sequence[str], values: list[Any], ignore: bool = True
) -> int:
    """Insert rows, return how many. Only a known id is ignored: ``OR IGNORE`` would pass failed checks.

    ``values`` are those of the first row, then those of the second, and so on.
    """
    quote = connection.dialect.identifier_preparer.quote
    into = f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, columns))}) VALUES "  # noqa: S608 - names only
    return _run_many(connection, into, len(columns), " ON CONFLICT (id) DO NOTHING" if ignore else "", values)


def _update_many(connection: Connection, table: Table, columns: Sequence[str], values: list[Any]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    name = quote(table.name)
    changes = ", ".join(f"{quote(one)} = new.column{at}" for at, one in enumerate(columns[1:], start=2))
    start = f"UPDATE {name} SET {changes} FROM (VALUES "  # noqa: S608 - names only
    _run_many(connection, start, len(columns), f") AS new WHERE {name}.id = new.column1", values)


def _run_many(connection: Connection, start: str, width: int, end: str, values: list[Any]) -> int:
    """Run a statement around lists of rows of ``width`` values and return how many rows it wrote.

    A statement on a table with triggers keeps what it would take to undo it, every page it touches: for each
    row anew, that takes three times as long as the writing.
    """
    marks = f"({', '.join('?' * width)})"
    size = width * _ROWS_PER_STATEMENT
    written = 0
    cursor = connection.connection.cursor()
    with _refusals(connection):
        for at in range(0, len(values), size):
            some = values[at : at + size]
            cursor.execute(f"{start}{', '.join([marks] * (len(some) // width))}{end}", some)
            written += cursor.rowcount
    cursor.close()
    return written


@contextmanager
def _refusals(connection: Connection) -> Iterator[None]:
    """Let the driver's refusal of a row look as it does everywhere else."""
    driver: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except driver.IntegrityError as error:
        raise IntegrityError(None, None, error) from error


def _flat(batch: pa.RecordBatch) -> list[Any]:
    import pyarrow as pa

    width = batch.num_columns
    values = [None] * (batch.num_rows * width)
    for at, array in enumerate(batch.columns):
        plain = array.cast(pa.int64()) if pa.types.is_timestamp(array.type) else array
        values[at::width] = plain.to_pylist()
    return values


def _with_micros(table: Table, columns: Sequence[str], rows: Iterable[Any]) -> list[Any]:
    """Return all values, row after row, with moments turned into what SQLite keeps."""
    values, width = list(chain.from_iterable(rows)), len(columns)
    for at, name in enumerate(columns):
        if isinstance(table.c[name].type, UtcMoment):
            moments = values[at::width]
            micros = {moment: to_micros(moment) for moment in set(moments) if moment is not None}
            values[at::width] = map(micros.get, moments)
    return values


def _copy_new(connection: Connection, table: Table, data: pa.Table) -> int:
    names = data.column_names
    with _incoming(connection, table, names) as incoming:
        with _copy(connection, incoming.name, names, "WITH (FORMAT csv)") as copy:
            for batch in data.to_batches(max_chunksize=BATCH):
                copy.write(_csv(batch))
        insert = (
            postgresql.insert(table)
            .from_select(names, select(incoming))
            .on_conflict_do_nothing(index_elements=["id"])
        )
        return connection.execute(insert.execution_options(preserve_rowcount=True)).rowcount


def _copy_over(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Any]) -> None:
    with _incoming(connection, table, columns) as incoming:
        with _copy(connection, incoming.name, columns, "") as copy:
            for row in rows:
                copy.write_row(row)
        values = {name: incoming.c[name] for name in columns[1:]}
        connection.execute(update(table).where(table.c.id == incoming.c.id).values(values))


@contextmanager
def _incoming(connection: Connection, table: Table, columns: Sequence[str]) -> Iterator[TableClause]:
    """Give a temporary table with some columns of ``table``, for rows on their way into it."""
    incoming = table_of(f"incoming_{table.name}", *(column(name) for name in columns))
    create = sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
        sql.Identifier(incoming.name),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Identifier(table.name),
    )
    cursor = connection.connection.cursor()
    cursor.execute(create)
    yield incoming
    cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(incoming.name)))
    cursor.close()


def _csv(batch: pa.RecordBatch) -> memoryview:
    """Write CSV in which a missing value is empty and an empty text is quoted, as COPY reads it."""
    import pyarrow.csv as pa_csv

    buffer = io.BytesIO()
    options = pa_csv.WriteOptions(include_header=False, quoting_style="all_valid")
    pa_csv.write_csv(batch, buffer, options)
    return buffer.getbuffer()


def _copy(connection: Connection, table: str, columns: Sequence[str], options: str) -> Any:
    statement = sql.SQL("COPY {} ({}) FROM STDIN {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(options),
    )
    driver: Any = connection.connection.driver_connection
    return driver.cursor().copy(statement)
