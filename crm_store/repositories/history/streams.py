"""Append-only tables as streams: rows in an order in which nothing ever appears behind a reader's back.

On SQLite that order is the row's number: there is one writer, and nothing is ever deleted. On PostgreSQL it
is (transaction, id), read only below the horizon, where every transaction has ended. Rows of before the
transaction's number was kept count as transaction 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Table,
    and_,
    column,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session

from crm_store.repositories.history.clock import STAMPED, horizon
from crm_store.repositories.history.settling import settled_id
from crm_store.repositories.writes.stored import is_postgres


@dataclass(frozen=True, order=False)
class Position:
    """A place in a stream: behind the row ``at`` of a transaction, or behind the whole of it (None)."""

    txid: int
    at: int | str | None = None


_FETCH = 1_000
START = Position(-1)
"""Before the first row."""
LAST = Position(2**63 - 1)
"""Behind every row that there is."""


@dataclass(frozen=True)
class Placed:
    """A row and the place behind it."""

    position: Position
    row: Row[*tuple[Any, ...]]


def is_behind(one: Position, other: Position) -> bool:
    """Tell whether the end ``other`` is the same as ``one`` or lies behind it; a horizon can stand still."""
    if one.txid != other.txid:
        return one.txid < other.txid
    if other.at is None or one.at is None:
        return other.at is None
    return isinstance(one.at, int) and isinstance(other.at, int) and one.at <= other.at


def ends(session: Session, tables: list[Table]) -> dict[str, Position]:
    """Return, by the table's name, how far each stream can be read now.

    Rows behind it may be there already, but others could still come before them.
    """
    if not is_postgres(session):
        return {table.name: Position(0, _last_row(session, table)) for table in tables}
    settled = Position(horizon(session) - 1)
    return {
        table.name: settled if table in STAMPED else Position(0, settled_id(session, table))
        for table in tables
    }


def read(
    session: Session,
    table: Table,
    after: Position,
    until: Position,
    limit: int | None = None,
    where: ColumnElement[bool] | None = None,
    columns: Sequence[ColumnElement[Any]] | None = None,
) -> Iterator[Placed]:
    """Yield the rows in (after, until] in the order of the stream: the first ``limit``, or all, streamed.

    ``columns`` are the ones wanted, default all.
    """
    if until.txid < 0:
        return
    left = limit
    wanted = table.c if columns is None else columns
    for span in _spans(session, table, after, until):
        query = select(*wanted, span.txid.label("_txid"), span.number.label("_at"))
        query = query.where(*span.within).order_by(*span.order)
        narrowed = query if where is None else query.where(where)
        whole = narrowed.execution_options(yield_per=_FETCH) if left is None else narrowed.limit(left)
        for row in session.connection().execute(whole):
            yield Placed(Position(row[-2], row[-1]), row)
            left = None if left is None else left - 1
        if left == 0:
            return


def up_to(session: Session, table: Table, after: Position, until: Position) -> ColumnElement[bool]:
    """Return the condition that a row lies in (after, until]."""
    if until.txid < 0:
        return false()
    return or_(*(and_(true(), *span.within) for span in _spans(session, table, after, until)))


class _Span(NamedTuple):
    """Which rows, in what order, and the two columns that are each one's place."""

    within: list[ColumnElement[bool]]
    order: list[ColumnElement[Any]]
    txid: ColumnElement[Any]
    number: ColumnElement[Any]


def _spans(session: Session, table: Table, after: Position, until: Position) -> list[_Span]:
    """Return the spans whose rows, one after another, are the wanted ones."""
    if not is_postgres(session):
        return [_numbered(column("rowid", Integer), after, until)]
    if table not in STAMPED:
        return [_numbered(table.c.id, after, until)]
    spans = []
    if after.txid < 0 or (after.txid == 0 and after.at is not None):
        old = _numbered(table.c.id, after, until)
        spans.append(old._replace(within=[table.c.txid.is_(None), *old.within]))
    if until.txid > 0:
        spans.append(_stamped(table, after, until))
    return spans


def _numbered(number: ColumnElement[Any], after: Position, until: Position) -> _Span:
    span = []
    if after.at is not None:
        span.append(number > after.at)
    if until.txid == 0 and until.at is not None:
        span.append(number <= until.at)
    return _Span(span, [number], literal(0), number)


def _stamped(table: Table, after: Position, until: Position) -> _Span:
    txid, number = table.c.txid, table.c.id
    place = tuple_(txid, number)
    within_one = after.txid > 0 and after.at is not None
    behind = place > (after.txid, after.at) if within_one else txid > max(after.txid, 0)
    within = txid <= until.txid if until.at is None else place <= (until.txid, until.at)
    return _Span([behind, within], [txid, number], txid, number)


def _last_row(session: Session, table: Table) -> int:
    found = session.connection().scalar(select(func.max(column("rowid", Integer))).select_from(table))
    return int(found or 0)
