"""Waiting for the feed's horizon, which transactions of other databases on one server hold back too."""

import time

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker


def settle(sessions: sessionmaker[Session]) -> None:
    """Wait until what is committed lies below the horizon: other databases' transactions hold it back too."""
    with sessions() as session:
        if session.get_bind().dialect.name == "sqlite":
            return
        mine = session.scalar(select(func.txid_current()))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with sessions() as session:
            if (session.scalar(select(func.txid_snapshot_xmin(func.txid_current_snapshot()))) or 0) > mine:
                return
    raise TimeoutError("a transaction somewhere stays open")
