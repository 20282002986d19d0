"""Many at once: no update is lost, no lead is claimed twice, nobody takes more than they may."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from log_helpers import HOUR, T0, Together, write_lead
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import open_engine, session_factory, transaction
from crm_store.domain.ids import stable_id
from crm_store.models import ChangeLog, Lead
from crm_store.repositories.claims import claim_lead, open_leads
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import Conflict, states_of, write_record
from crm_store.repositories.writes.upsert import UpsertRow, upsert_records
from tests.sizes import full

CLIENTS = 8
TRANSACTIONS = full(200, 20_000)
REPS, CAPACITY = 4, 6
WRITERS = 50
EDITS_EACH = full(1, 20)


@pytest.mark.postgres
def test_fifty_writers_of_one_record_lose_no_update(postgres_url: str, together: Together) -> None:
    """Each adds one to a number that it knows; whoever is late is shown the new one. A connection each."""
    engines = [open_engine(postgres_url) for _ in range(WRITERS)]
    factories = [session_factory(engine) for engine in engines]
    with transaction(factories[0]) as session:
        write_lead(session, "lea_1", {"expected_volume": 0}, new=True)

    def add(number: int) -> None:
        version, count = 1, 0
        for _ in range(EDITS_EACH):
            while True:
                try:
                    with transaction(factories[number]) as session:
                        change = {"expected_volume": count + 1}
                        version = write_lead(session, "lea_1", change, expected_version=version)
                except Conflict as conflict:  # it shows what is stored: no need to read again
                    version, count = conflict.actual, int(conflict.values["expected_volume"][0])  # type: ignore[arg-type]
                else:
                    count += 1
                    break

    together(WRITERS, add)
    with factories[0]() as session:
        states = states_of(session, "lead", "lea_1")
        assert [state["expected_volume"] for state in states] == list(range(WRITERS * EDITS_EACH + 1))
        assert verify(session) == []
    for engine in engines:
        engine.dispose()


@pytest.mark.postgres
def test_fifty_writers_of_different_fields_wait_for_each_other(postgres_url: str, together: Together) -> None:
    """Without an expected version every write stands; each follows the one before it in the log."""
    engines = [open_engine(postgres_url) for _ in range(WRITERS)]
    factories = [session_factory(engine) for engine in engines]
    with transaction(factories[0]) as session:
        write_lead(session, "lea_1", {}, new=True)

    def write(number: int) -> None:
        for edit in range(EDITS_EACH):
            with transaction(factories[number]) as session:
                write_lead(session, "lea_1", {"need": f"{number}/{edit}"})

    together(WRITERS, write)
    with factories[0]() as session:
        states = states_of(session, "lead", "lea_1")
        assert Counter(state["need"] for state in states[1:]) == {
            f"{number}/{edit}": 1 for number in range(WRITERS) for edit in range(EDITS_EACH)
        }
        assert verify(session) == []
    for engine in engines:
        engine.dispose()


def test_a_claim_is_made_once_and_within_capacity(sessions: sessionmaker[Session]) -> None:
    staff(sessions)
    leads(sessions, 3)
    with transaction(sessions) as session:
        assert claim(session, "lea_0", "rep_0", version=1, capacity=1) == 2
    with pytest.raises(Conflict), transaction(sessions) as session:
        claim(session, "lea_0", "rep_1", version=1, capacity=5)
    with pytest.raises(StoreError, match="at_capacity"), transaction(sessions) as session:
        claim(session, "lea_1", "rep_0", version=1, capacity=1)
    with pytest.raises(StoreError, match="unknown_reference"), transaction(sessions) as session:
        claim(session, "lea_1", "rep_nobody", version=1, capacity=1)
    with transaction(sessions) as session:
        assert claim(session, "lea_0", "rep_0", version=2, capacity=1) == 2  # again: nothing changes
        write_lead(session, "lea_0", {"status": "lost"})
        assert claim(session, "lea_1", "rep_0", version=1, capacity=1) == 2
        assert open_leads(session, "rep_0") == 1


def test_clients_that_claim_close_and_upsert_at_once_break_no_rule(sessions: sessionmaker[Session]) -> None:
    """Eight clients, thousands of transactions on few leads and reps; what each was told must hold."""
    staff(sessions)
    leads(sessions, 30)

    def client(number: int) -> list[tuple[str, str, str, int]]:
        chance = random.Random(number)
        return [
            told
            for _ in range(TRANSACTIONS // CLIENTS)
            if (told := one_transaction(sessions, chance, number)) is not None
        ]

    with ThreadPoolExecutor(CLIENTS) as pool:
        histories = list(pool.map(client, range(CLIENTS)))
    told = [one for history in histories for one in history]
    with sessions() as session:
        assert verify(session) == []
        check_claims(session, [one for one in told if one[0] == "claim"])
        check_capacity(session)
        entries = session.execute(select(ChangeLog.entity_id, ChangeLog.version))
        written = {(entry.entity_id, entry.version) for entry in entries}
        acknowledged = [(lead, version) for _, lead, _, version in told]
        assert len(acknowledged) == len(set(acknowledged)), "two were told that they made the same version"
        assert set(acknowledged) <= written
        assert len(written) == len(acknowledged) + 30 + REPS


def test_when_all_grab_at_once_everyone_is_full_and_nobody_over(
    sessions: sessionmaker[Session], together: Together
) -> None:
    """Counting and then taking is a write skew waiting to happen: two would both see room for one more."""
    staff(sessions)
    leads(sessions, 30)

    def grab(client: int) -> None:
        mine = list(range(30))
        random.Random(client).shuffle(mine)
        for number in mine:
            for rep in range(client, client + REPS):
                try:
                    with transaction(sessions) as session:
                        claim(session, f"lea_{number}", f"rep_{rep % REPS}", version=1, capacity=CAPACITY)
                except StoreError as error:
                    if error.problem.code not in ("version_conflict", "at_capacity"):
                        raise

    together(CLIENTS, grab)
    with sessions() as session:
        assert [open_leads(session, f"rep_{number}") for number in range(REPS)] == [CAPACITY] * REPS
        assert verify(session) == []


def one_transaction(
    sessions: sessionmaker[Session], chance: random.Random, number: int
) -> tuple[str, str, str, int] | None:
    """Claim a lead, close one, or bring one by an upsert; return what the client was told, if it worked."""
    lead, rep = f"lea_{chance.randrange(30)}", f"rep_{chance.randrange(REPS)}"
    kind = chance.choice(["claim", "claim", "close", "reopen", "upsert", "upsert"])
    try:
        with transaction(sessions) as session:
            if kind == "upsert":
                return brought(session, chance, number)
            before = version_of(session, lead)
            if kind == "claim":
                version = claim(session, lead, rep, version=before, capacity=CAPACITY)
                return (kind, lead, rep, version) if version > before else None
            values = {"status": "lost"} if kind == "close" else {"status": "new", "owner_id": None}
            version = write_lead(session, lead, values, expected_version=before)
            return (kind, lead, "", version) if version > before else None
    except StoreError as error:
        if error.problem.code not in ("version_conflict", "at_capacity"):
            raise
        return None


def version_of(session: Session, lead: str) -> int:
    return session.scalars(select(Lead.version).where(Lead.id == lead)).one()


def brought(session: Session, chance: random.Random, number: int) -> tuple[str, str, str, int] | None:
    """Bring one of a few outside leads, which others may be creating at this moment."""
    external_id = f"outside {chance.randrange(TRANSACTIONS // 40 + 2)}"
    row = UpsertRow({"source": "other", "external_id": external_id, "need": f"{number} {chance.random()}"})
    result = upsert_records(session, "lead", [row], actor="import:x", recorded_at=T0, now=T0 + HOUR)[0]
    assert result.status in ("created", "updated"), result
    assert result.id == stable_id("lead", "other", external_id)
    assert result.version is not None
    return "upsert", result.id, "", result.version


def check_claims(session: Session, claims: list[tuple[str, str, str, int]]) -> None:
    """Whoever was told that a lead is theirs is its owner in just that version."""
    for _, lead, rep, version in claims:
        state = states_of(session, "lead", lead)[version - 1]
        assert state["owner_id"] == rep


def check_capacity(session: Session) -> None:
    """No rep holds more than allowed: now, and where commits have one order (SQLite), ever before."""
    assert all(open_leads(session, f"rep_{number}") <= CAPACITY for number in range(REPS))
    if session.get_bind().dialect.name == "postgresql":
        return
    query = select(ChangeLog.entity_id, ChangeLog.changes).where(ChangeLog.entity == "lead")
    owner: dict[str, str | None] = {}
    is_open: dict[str, bool] = {}
    for entry in session.execute(query.order_by(ChangeLog.id)):
        if "owner_id" in entry.changes:
            owner[entry.entity_id] = entry.changes["owner_id"][1]
        if "status" in entry.changes:
            is_open[entry.entity_id] = entry.changes["status"][1] not in ("won", "lost")
        held = Counter(who for lead, who in owner.items() if who and is_open[lead])
        assert not held or max(held.values()) <= CAPACITY


def staff(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        for number in range(REPS):
            values = {"source": "hr", "external_id": str(number), "name": f"销售{number}"}
            write_record(session, "rep", f"rep_{number}", values, actor="job:test", recorded_at=T0, now=T0)


def leads(sessions: sessionmaker[Session], count: int) -> None:
    with transaction(sessions) as session:
        for number in range(count):
            write_lead(session, f"lea_{number}", {}, new=True)


def claim(session: Session, lead: str, rep: str, *, version: int, capacity: int) -> int:
    return claim_lead(
        session,
        lead,
        rep,
        expected_version=version,
        capacity=capacity,
        actor="job:test",
        recorded_at=T0,
        now=T0 + HOUR,
    )
