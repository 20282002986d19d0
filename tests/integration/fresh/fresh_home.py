"""A small served company for the tests of fresh scores: a store, a folder, and a clock that ticks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crm_store.database import transaction
from crm_store.models import Activity, OrderSnapshot
from crm_store.repositories.sources.event_log import entity_history
from crm_store.repositories.writes.records import write_record
from features.engines.python_engine import evaluate
from pipelines.fresh.worker import Worker
from pipelines.runtime import Runtime
from pipelines.settings import Settings
from tests.settling import settle

T0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Ticking:
    """A clock that every look moves on by a millisecond."""

    now: datetime = T0
    tick: timedelta = timedelta(milliseconds=1)

    def __call__(self) -> datetime:
        self.now += self.tick
        return self.now

    def stop_at(self, moment: datetime) -> None:
        """Stand still at a moment."""
        self.now, self.tick = moment, timedelta(0)


class Home:
    """A data folder whose worker is run step by step."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.runtime = Runtime(Settings(home=folder, database_url=url))
        self.clock = Ticking()
        (folder / "features").mkdir(parents=True)
        (folder / "features" / "registry.db").touch()  # what Feast would register is not read here
        self.worker = Worker(self.runtime, self.clock)

    def write(self, entity: str, record_id: str, values: dict[str, Any], at: datetime) -> None:
        """Write a record as known at a moment."""
        born = {"source": "crm", "external_id": record_id} if "created_at" in values else {}
        with transaction(self.runtime.sessions) as session:
            write_record(
                session, entity, record_id, born | values, actor="job:test", recorded_at=at, now=self.clock()
            )

    def add(self, facts: Iterable[Activity | OrderSnapshot]) -> None:
        """Add facts in one transaction."""
        with transaction(self.runtime.sessions) as session:
            session.add_all(facts)

    def has_activity(self, number: int) -> bool:
        """Tell whether the activity of that number is there."""
        with self.runtime.sessions() as session:
            return session.get(Activity, f"act_{number}") is not None

    def catch_up(self, worker: Worker | None = None) -> None:
        """Let the worker deal with all that there is."""
        settle(self.runtime.sessions)
        while (worker or self.worker).step():
            pass

    def online(self, entity: str, entity_id: str) -> tuple[dict[str, Any] | None, datetime | None]:
        """Return the online row and the moment that it speaks of."""
        found = self.runtime.features.online(entity, [entity_id])
        return found.values[0], found.as_of[0]

    def recomputed(self, entity: Any, entity_id: str, as_of: datetime) -> dict[str, Any]:
        """Return what the plain engine says of the whole history."""
        with self.runtime.sessions() as session:
            return evaluate(entity, entity_history(session, entity, entity_id), entity_id, as_of)

    def close(self) -> None:
        """Let go of the store."""
        self.worker.leave()
        self.runtime.features.rows.close()
        self.runtime.engine.dispose()


def activity(number: int, at: datetime, **values: Any) -> Activity:
    """A chat of the lead, unless told otherwise."""
    known: dict[str, Any] = {
        "id": f"act_{number}",
        "source": "crm",
        "external_id": f"act_{number}",
        "occurred_at": at,
        "recorded_at": at,
        "channel": "chat",
        "direction": "in",
    }
    return Activity(**known | values)
