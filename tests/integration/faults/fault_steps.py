"""What a client does over and over while things are killed under it: numbered steps, each one transaction."""

from datetime import UTC, datetime
from multiprocessing.connection import Connection

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import open_engine, session_factory, transaction
from crm_store.models import Account, Activity, ChangeLog, Lead
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import Conflict, write_record

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def prepare(sessions: sessionmaker[Session]) -> None:
    """Create the account whose counter every step moves on."""
    account = {"source": "s", "external_id": "1", "name": "甲", "employees": 0}
    with transaction(sessions) as session:
        write_record(session, "account", "acc_1", account, actor="job:test", recorded_at=NOW, now=NOW)


def step(sessions: sessionmaker[Session], number: int) -> None:
    """Do a step once, however often it is asked for: a new lead, a call, and one more on the counter.

    A step that was done already finds its lead there, and changes nothing.
    """
    lead_id = f"lea_{number}"
    write = {"actor": "job:test", "recorded_at": NOW, "now": NOW}
    try:
        with transaction(sessions) as session:
            origin = {"source": "s", "external_id": str(number)}
            write_record(session, "lead", lead_id, origin, expected_version=0, **write)  # type: ignore[arg-type]
            write_record(session, "account", "acc_1", {"employees": number + 1}, **write)  # type: ignore[arg-type]
            session.add(
                Activity(
                    id=f"act_{number}",
                    source="s",
                    external_id=str(number),
                    occurred_at=NOW,
                    recorded_at=NOW,
                    lead_id=lead_id,
                    channel="call",
                    direction="out",
                )
            )
    except Conflict:
        return


def work(url: str, start: int, ledger: Connection) -> None:
    """Do steps from ``start`` on for ever, and note each in the client's ledger once it is acknowledged."""
    sessions = session_factory(open_engine(url))
    number = start
    while True:
        step(sessions, number)
        ledger.send(number)
        number += 1


def check(engine: Engine, acknowledged: int) -> None:
    """Assert that every acknowledged step is there once, with at most one more that was under way."""
    with session_factory(engine)() as session:
        leads = session.scalar(select(func.count()).select_from(Lead)) or 0
        assert leads in (acknowledged, acknowledged + 1), "acknowledged and lost, or done twice"
        assert session.scalar(select(func.count()).select_from(Activity)) == leads
        account = session.get_one(Account, "acc_1")
        assert (account.employees, account.version) == (leads, leads + 1)
        assert session.scalar(select(func.count()).select_from(ChangeLog)) == 2 * leads + 1
        assert verify(session) == []
