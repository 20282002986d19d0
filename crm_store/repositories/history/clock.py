"""The order in which PostgreSQL's transactions are told apart, and how far it is settled.

Every row of a log carries its transaction's number. A number below the horizon belongs to a transaction that
has ended: no row can still appear under it. Sequences know nothing of the kind; they are not in commit order.
"""

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, Text, cast, func, select
from sqlalchemy.orm import Session

from crm_store.models import Activity, ChangeLog, OrderSnapshot
from crm_store.repositories.problems import Problem, StoreError

STAMPED: tuple[Table, ...] = tuple(model.__table__ for model in (ChangeLog, Activity, OrderSnapshot))  # type: ignore[misc]
"""The tables whose rows carry their transaction's number."""


def horizon(session: Session) -> int:
    """Return the number below which every transaction has ended (``pg_snapshot_xmin``)."""
    return _own_number(session, func.pg_snapshot_xmin(func.pg_current_snapshot()))


def check_not_behind(session: Session) -> None:
    """Raise StoreError when rows carry numbers that are yet to come.

    So it is after a restore into a younger cluster by other means than ours: what is written next would get
    lower numbers than what is there, and readers would pass it by.
    """
    highest = max(_highest(session.connection()))  # first: numbers given from here on are higher
    if highest >= _own_number(session, func.pg_snapshot_xmax(func.pg_current_snapshot())):
        raise StoreError(_behind())


def catch_up(connection: Connection) -> int:
    """Make the next transaction's number follow the highest there is; return what is added to it.

    For a store that was just restored. Repeating it changes nothing.
    """
    current = connection.scalar(select(cast(cast(func.pg_current_xact_id(), Text), BigInteger)))
    offset = int(connection.scalar(select(func.txid_offset())) or 0)
    wanted = max([*_highest(connection), 0]) + 1 - int(current or 0)
    if wanted <= offset:
        return offset
    connection.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION txid_offset() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE "
        f"AS 'SELECT {wanted:d}::bigint'"
    )
    return wanted


def _own_number(session: Session, number: ColumnElement[object]) -> int:
    found = session.connection().scalar(select(cast(cast(number, Text), BigInteger) + func.txid_offset()))
    return int(found or 0)


def _highest(connection: Connection) -> list[int]:
    return [int(connection.scalar(select(func.max(table.c.txid))) or 0) for table in STAMPED]


def _behind() -> Problem:
    return Problem(
        "clock_behind",
        None,
        "数据库是从别处恢复的，事务编号落后于已有记录，变更流会漏读；请运行 leadpulse audit catch-up",
        "this database was restored from elsewhere and its transaction numbers lie behind its rows, so the "
        "feed would skip what is written next: run leadpulse audit catch-up",
    )
