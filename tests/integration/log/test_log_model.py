"""The store against a plain model of it: whatever sequence of calls, both say the same, on both stores."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from log_helpers import HOUR, T0, a_fact
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity
from crm_store.repositories.history.asof import as_of, history
from crm_store.repositories.history.feed import read_feed
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import Conflict, get_record, write_record
from crm_store.repositories.writes.upsert import UpsertRow, upsert_records
from tests.settling import settle
from tests.sizes import FULL, full

EXAMPLES, STEPS = full(4, 500), full(20, 50)  # for each of the two stores: 50,000 steps in a full run
NAMES = ("need", "city", "budget", "status")

values = st.fixed_dictionaries(
    {},
    optional={
        "need": st.none() | st.sampled_from(["试剂", "耗材", ""]),
        "city": st.none() | st.sampled_from(["杭州", "深圳"]),
        "budget": st.none() | st.integers(0, 3),
        "status": st.sampled_from(["new", "contacted", "lost"]),
    },
)
leads = st.sampled_from(["a", "b", "c"])
versions = st.none() | st.integers(0, 6)


@dataclass
class Model:
    """What a store should hold: every state of each lead, when it was known, and everything that happened."""

    states: dict[str, list[tuple[datetime, dict[str, Any]]]] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)

    def version(self, lead: str) -> int:
        return len(self.states.get(lead, []))

    def now(self, lead: str) -> dict[str, Any]:
        return self.states[lead][-1][1] if lead in self.states else {}

    def write(self, lead: str, change: dict[str, Any], moment: datetime, expected: int | None) -> str:
        """Apply a write and say what becomes of it."""
        if expected is not None and expected != self.version(lead):
            return "conflict"
        before = self.now(lead)
        born = {} if before else {"status": "new", "deleted_at": None}
        after = dict.fromkeys(NAMES) | born | before | change
        if before and after == before:
            return "unchanged"
        self.states.setdefault(lead, []).append((moment, after))
        self.events.add(f"lead/{lead}@{self.version(lead)}")
        return "updated" if before else "created"


class StoreMachine(RuleBasedStateMachine):
    """Calls on the store and on the model. ``sessions`` is set by the test."""

    sessions: sessionmaker[Session]

    def __init__(self) -> None:
        super().__init__()
        self.run = uuid.uuid4().hex[:8]  # leads of its own in a store that all examples share
        self.model = Model()
        self.hours = 0
        settle(self.sessions)
        self.cursor: str | None = None
        self.drain()
        self.seen: list[str] = []

    def drain(self) -> list[str]:
        """Read the feed to its end and return what it told."""
        told: list[str] = []
        while True:
            with self.sessions() as session:
                page = read_feed(session, self.cursor, 7)
            self.cursor = page.next_cursor
            if not page.items:
                return told
            told += [one.id for one in page.items]

    def lead(self, name: str) -> str:
        return f"{self.run}{name}"

    def tick(self) -> datetime:
        self.hours += 1
        return T0 + self.hours * HOUR

    @rule(name=leads, change=values, expected=versions)
    def write(self, name: str, change: dict[str, Any], expected: int | None) -> None:
        lead, moment = self.lead(name), self.tick()
        known = self.model.version(lead)
        wanted = self.model.write(lead, change, moment, expected)
        born = {} if known else {"source": "crm", "external_id": lead}
        try:
            with transaction(self.sessions) as session:
                version = write_record(
                    session,
                    "lead",
                    lead,
                    born | change,
                    actor="job:test",
                    recorded_at=moment,
                    now=moment,
                    expected_version=expected,
                )
        except Conflict as conflict:
            told, version = "conflict", conflict.actual
        else:
            told = "unchanged" if version == known else "updated" if known else "created"
        assert (told, version) == (wanted, self.model.version(lead))

    @rule(names=st.lists(leads, min_size=1, max_size=5), change=values, expected=versions)
    def upsert(self, names: list[str], change: dict[str, Any], expected: int | None) -> None:
        moment = self.tick()
        wanted, rows = [], []
        for name in names:
            lead = self.lead(name)
            status = self.model.write(lead, change, moment, expected)
            wanted.append((status, lead, self.model.version(lead)))
            origin = {"source": "crm", "external_id": lead}
            rows.append(UpsertRow(origin | change, id=lead, expected_version=expected))
        with transaction(self.sessions) as session:
            results = upsert_records(session, "lead", rows, actor="import:x", recorded_at=moment, now=moment)
        assert [(one.status, one.id, one.version or 0) for one in results] == wanted

    @rule(name=leads, gone=st.booleans())
    def delete_or_restore(self, name: str, gone: bool) -> None:
        lead = self.lead(name)
        if self.model.version(lead):
            moment = self.tick()
            change = {"deleted_at": moment if gone and not self.model.now(lead)["deleted_at"] else None}
            if not gone or change["deleted_at"]:
                self.model.write(lead, change, moment, None)
                with transaction(self.sessions) as session:
                    write_record(
                        session, "lead", lead, change, actor="job:test", recorded_at=moment, now=moment
                    )

    @rule(name=leads)
    def call(self, name: str) -> None:
        lead = self.lead(name)
        if self.model.version(lead):
            fact = f"act_{uuid.uuid4().hex[:16]}"
            with transaction(self.sessions) as session:
                session.add(Activity(**a_fact(fact, lead, hours=self.hours)))
            self.model.events.add(f"activity/{fact}")

    @rule(name=leads, change=values)
    def roll_back(self, name: str, change: dict[str, Any]) -> None:
        lead = self.lead(name)
        if self.model.version(lead):
            with self.sessions() as session:
                session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
                moment = T0 + (self.hours + 1) * HOUR
                write_record(session, "lead", lead, change, actor="job:x", recorded_at=moment, now=moment)
                session.rollback()

    @rule(name=leads, hours=st.integers(-1, 60))
    def look_back(self, name: str, hours: int) -> None:
        lead, moment = self.lead(name), T0 + hours * HOUR
        known = [state for when, state in self.model.states.get(lead, []) if when <= moment]
        with self.sessions() as session:
            found = as_of(session, "lead", lead, moment)
        assert (found is None) == (not known)
        if found is not None:
            assert found.version == len(known)
            assert {name: found.fields[name] for name in known[-1]} == known[-1]
            assert found.deleted == (known[-1]["deleted_at"] is not None)

    @rule(name=leads, size=st.integers(1, 4))
    def read_history(self, name: str, size: int) -> None:
        lead = self.lead(name)
        with self.sessions() as session:
            told = [one.version for one in history(session, "lead", lead, size).items]
        assert told == list(range(self.model.version(lead), 0, -1))[:size]

    @rule()
    def follow_the_feed(self) -> None:
        settle(self.sessions)
        self.seen += self.drain()
        assert len(self.seen) == len(set(self.seen))
        assert set(self.seen) == self.model.events

    @invariant()
    def records_stand_as_the_model_has_them(self) -> None:
        with self.sessions() as session:
            for lead, states in self.model.states.items():
                record = get_record(session, "lead", lead)
                assert record is not None
                assert record.version == len(states)
                assert {name: getattr(record, name) for name in states[-1][1]} == states[-1][1]

    def teardown(self) -> None:
        self.follow_the_feed()


def test_the_store_does_what_a_plain_model_of_it_does(sessions: sessionmaker[Session]) -> None:
    machine = type("Machine", (StoreMachine,), {"sessions": sessions})
    phases = tuple(Phase) if FULL else (Phase.explicit, Phase.generate)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with sessions() as session:
        assert verify(session) == []
