"""How far connectors have read, whose order is whose, and what the store knows of an order already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, func, select, tuple_, update
from sqlalchemy.orm import Session

from crm_store.models import Account, ConnectorState, OrderSnapshot
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.rows import in_batches, insert_arrow

_LOOKUP = 1_000


@dataclass(frozen=True)
class Told:
    """What the store says last of an order."""

    recorded_at: datetime
    amount: float
    delivery_state: str | None


def get_state(session: Session, name: str) -> ConnectorState | None:
    """Return a connector's state, or None before its first pull."""
    return session.get(ConnectorState, name, populate_existing=True)


def list_states(session: Session) -> list[ConnectorState]:
    """Return every connector's state, by name."""
    return list(session.scalars(select(ConnectorState).order_by(ConnectorState.name)))


def advance(
    session: Session, name: str, expected: str | None, watermark: str | None, rows: int, now: datetime
) -> None:
    """Move the watermark in the transaction of the rows. Raises StoreError when another pull has moved it."""
    if get_state(session, name) is None:
        session.add(ConnectorState(name=name, rows=0))
        session.flush()
    unmoved = ConnectorState.watermark.is_(None) if expected is None else ConnectorState.watermark == expected
    statement = (
        update(ConnectorState)
        .where(ConnectorState.name == name, unmoved)
        .values(watermark=watermark, rows=ConnectorState.rows + rows, last_run_at=now, last_error=None)
        .execution_options(synchronize_session=False)
    )
    if session.scalars(statement.returning(ConnectorState.name)).one_or_none() is None:
        zh, en = f"连接器 {name} 正在另一进程中拉取", f"connector {name} is being pulled by another process"
        raise StoreError(Problem("pull_elsewhere", None, zh, en))


def record_error(session: Session, name: str, error: str, now: datetime) -> None:
    """Keep why the last pull failed; how far it came stays."""
    state = get_state(session, name) or ConnectorState(name=name, rows=0)
    state.last_error, state.last_run_at = error[:300], now
    session.add(state)
    session.flush()


def accounts_by(
    connection: Connection, column: str, values: Iterable[str], source: str | None = None
) -> dict[str, str | None]:
    """Return value → id of the one account that has it, or that took its place; None where several have.

    ``column`` is ``external_id`` (of ``source``), ``credit_code`` or ``name``. Deleted accounts do not count.
    """
    table = Account.__table__
    found: dict[str, str | None] = {}
    account = func.coalesce(table.c.merged_into, table.c.id)
    for some in in_batches(dict.fromkeys(values), _LOOKUP):
        query = (
            select(
                table.c[column].label("value"),
                func.min(account).label("id"),
                func.count(account.distinct()).label("accounts"),
            )
            .where(table.c[column].in_(some), table.c.deleted_at.is_(None))
            .group_by(table.c[column])
        )
        if source is not None:
            query = query.where(table.c.source == source)
        found |= {row.value: row.id if row.accounts == 1 else None for row in connection.execute(query)}
    return found


def told_of_orders(
    connection: Connection, source: str, orders: Mapping[str, tuple[str, datetime]]
) -> dict[str, Told]:
    """Return what is known last of each order number, given its account and date.

    An order whose account or date is another now has changed anyway, and is not found.
    """
    table = OrderSnapshot.__table__
    found: dict[str, Told] = {}
    for some in in_batches(orders.items(), _LOOKUP):
        places = tuple_(table.c.account_id, table.c.occurred_at).in_(sorted({place for _, place in some}))
        query = (
            select(table.c.external_id, table.c.recorded_at, table.c.amount, table.c.delivery_state)
            .where(places, table.c.source == source)
            .order_by(table.c.recorded_at, table.c.external_id)
        )
        wanted = {number for number, _ in some}
        for row in connection.execute(query):
            number = row.external_id.rpartition("@")[0]
            if number in wanted:
                found[number] = Told(row.recorded_at, row.amount, row.delivery_state)
    return found


def add_orders(connection: Connection, rows: list[dict[str, Any]]) -> int:
    """Add order snapshots that are new, and return how many were. Moments are aware."""
    if not rows:
        return 0
    moment = pa.timestamp("us", tz="UTC")
    schema = pa.schema(
        [(name, pa.string()) for name in ("id", "source", "external_id", "account_id", "delivery_state")]
        + [("occurred_at", moment), ("recorded_at", moment), ("amount", pa.float64())]
    )
    return insert_arrow(connection, OrderSnapshot.__table__, pa.Table.from_pylist(rows, schema))  # type: ignore[arg-type]
