"""A small store of leads and accounts, and the few things that the tests of duplicates do with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity, DuplicatePair
from crm_store.repositories.fields import FIELDS, RECORDS
from crm_store.repositories.writes.records import write_record
from crm_store.services.duplicates import Candidate, check_record

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
ACTOR = "user:li"


class Store:
    """Writes records as the record services do: every lead and account is checked for duplicates."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        self.now = NOW

    def put(self, entity: str, record_id: str, **fields: Any) -> list[Candidate]:
        """Create or change a record an hour after the last, and return who else it may be."""
        self.now += timedelta(hours=1)
        with transaction(self.sessions) as session:
            if self.fields(entity, record_id) is None:
                fields = {"source": "crm", "external_id": record_id} | fields
            write_record(session, entity, record_id, fields, actor=ACTOR, recorded_at=self.now, now=self.now)
            if entity not in ("lead", "account"):
                return []
            record = session.get(RECORDS[entity], record_id)
            whole = {name: getattr(record, name) for name in FIELDS[entity]}
            return check_record(session, entity, record_id, whole, self.now)

    def fields(self, entity: str, record_id: str) -> dict[str, Any] | None:
        """Return a record's fields as they stand."""
        with self.sessions() as session:
            record = session.get(RECORDS[entity], record_id)
            return record and {name: getattr(record, name) for name in FIELDS[entity]}

    def talk(self, number: str, rep_id: str, at: datetime, **subject: str) -> None:
        """Add an outgoing call of a rep."""
        with transaction(self.sessions) as session:
            session.add(
                Activity(
                    id=f"act_{number}",
                    source="crm",
                    external_id=number,
                    rep_id=rep_id,
                    channel="call",
                    direction="out",
                    occurred_at=at,
                    recorded_at=at,
                    **subject,
                )
            )

    def pairs(self) -> dict[tuple[str, str], str]:
        """Return the status of every pair."""
        with self.sessions() as session:
            found = session.scalars(select(DuplicatePair))
            return {(pair.left_id, pair.right_id): pair.status for pair in found}

    def write(self, use: Callable[[Session], Any]) -> Any:
        """Run a use case in one transaction, an hour after the last."""
        self.now += timedelta(hours=1)
        with transaction(self.sessions) as session:
            return use(session)


@pytest.fixture
def store(sessions: sessionmaker[Session]) -> Store:
    return Store(sessions)
