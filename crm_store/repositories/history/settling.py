"""How far a table is settled that is numbered by a sequence alone (PostgreSQL).

A number may be taken long before its row is committed. Whoever has taken one and not ended yet still holds
the lock that every insert takes on its table; once all who hold it now have let go, the numbers up to the
highest one seen are settled. Nobody waits for us.
"""

import time

from sqlalchemy import Integer, Table, cast, column, func, select, table
from sqlalchemy.orm import Session

_PATIENCE = 2.0
"""Seconds to wait for the writers of this moment; writers of scores take milliseconds."""
_PAUSE = 0.02


def settled_id(session: Session, of: Table) -> int:
    """Return the highest id up to which no row can still appear; 0 when writers would not end in time."""
    highest = int(session.connection().scalar(select(func.max(of.c.id))) or 0)
    writing, deadline = _writers(session, of), time.monotonic() + _PATIENCE
    while writing:
        if time.monotonic() > deadline:
            return 0
        time.sleep(_PAUSE)
        writing &= _writers(session, of)
    return highest


_LOCKS = table(
    "pg_locks",
    column("relation"),
    column("mode"),
    column("granted"),
    column("virtualtransaction"),
    column("pid"),
)


def _writers(session: Session, of: Table) -> set[str]:
    oid = cast(func.to_regclass(of.name), Integer)
    query = select(_LOCKS.c.virtualtransaction).where(
        _LOCKS.c.relation == oid,
        _LOCKS.c.mode == "RowExclusiveLock",
        _LOCKS.c.granted,
        func.coalesce(_LOCKS.c.pid, 0) != func.pg_backend_pid(),
    )
    return set(session.connection().scalars(query))
