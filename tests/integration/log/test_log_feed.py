"""The feed gives every event once, in an order that holds, whoever is writing meanwhile."""

import random
import threading
import uuid
from typing import Any

import pytest
from log_helpers import HOUR, T0, Together, a_fact, write_lead
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity, ChangeLog, OrderSnapshot
from crm_store.repositories.cursors import BadCursor
from crm_store.repositories.history.clock import catch_up
from crm_store.repositories.history.events import Event
from crm_store.repositories.history.feed import read_feed
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import GENESIS
from crm_store.repositories.writes.records import write_record
from tests.settling import settle
from tests.sizes import full

WRITERS = 8
ROWS = full(2_000, 80_000)


def test_events_tell_what_happened(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        write_lead(session, "lea_1", {"company": "甲"}, new=True)
        write_lead(session, "lea_1", {"deleted_at": T0 + HOUR}, hours=1, reason="重复")
        write_lead(session, "lea_1", {"deleted_at": None}, hours=2)
        write_lead(session, "lea_1", {"need": "试剂"}, hours=3)
        session.add(Activity(**a_fact("act_1", "lea_1", hours=4)))
    page = read(sessions, None)
    assert [(one.kind, one.entity, one.entity_id, one.version) for one in page] == [
        ("created", "lead", "lea_1", 1),
        ("deleted", "lead", "lea_1", 2),
        ("restored", "lead", "lea_1", 3),
        ("changed", "lead", "lea_1", 4),
        ("added", "activity", "act_1", None),
    ]
    gone, told, fact = page[1], page[3], page[4]
    assert (gone.actor, gone.reason) == ("job:test", "重复")
    assert (gone.recorded_at, gone.written_at) == (T0 + HOUR, T0 + 2 * HOUR)
    assert told.changes == {"need": [None, "试剂"]}
    assert (fact.fields["lead_id"], fact.fields["channel"], fact.recorded_at) == (
        "lea_1",
        "call",
        T0 + 4 * HOUR,
    )
    assert len({one.id for one in page}) == len(page)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_any_page_size_gives_the_same_events(sessions: sessionmaker[Session], size: int) -> None:
    fill(sessions)
    everything = [one.id for one in read(sessions, None)]
    assert len(everything) == 30
    assert [one.id for one in drain(sessions, size)] == everything


def test_a_cursor_at_the_end_goes_on_with_what_comes_later(sessions: sessionmaker[Session]) -> None:
    fill(sessions)
    with sessions() as session:
        end = read_feed(session, None, 1000).next_cursor
        assert read_feed(session, end).items == []
    with transaction(sessions) as session:
        write_lead(session, "lea_0", {"need": "新"}, hours=9)
        account = {"source": "erp", "external_id": "1", "name": "甲"}
        write_record(session, "account", "acc_1", account, actor="job:test", recorded_at=T0, now=T0)
        session.flush()
        session.add(OrderSnapshot(**an_order("ord_1")))
    assert {one.id for one in read(sessions, end)} == {
        "lead/lea_0@3",
        "account/acc_1@1",
        "order_snapshot/ord_1",
    }


def test_kinds_narrow_the_feed_and_move_the_cursor(sessions: sessionmaker[Session]) -> None:
    fill(sessions)
    with sessions() as session:
        page = read_feed(session, None, 3, kinds=["activity"])
        assert {one.entity for one in page.items} == {"activity"}
        assert len(page.items) == 3
        teams = read_feed(session, None, kinds={"team"})
        assert teams.items == []
        assert read_feed(session, teams.next_cursor).items == []
        with pytest.raises(StoreError, match="not_allowed"):
            read_feed(session, None, kinds=["weather"])


def test_a_damaged_cursor_is_refused(sessions: sessionmaker[Session]) -> None:
    fill(sessions)
    with sessions() as session:
        cursor = read_feed(session, None, 7).next_cursor
        damaged = [cursor[:-1], cursor[1:], cursor + "AAAA", "x" * 700, "null"]
        damaged += [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(20)]
        for broken in damaged:
            with pytest.raises(BadCursor):
                read_feed(session, broken)
        assert len(read_feed(session, "").items) == 30  # no cursor


@pytest.mark.postgres
def test_an_open_transaction_holds_the_feed_back_but_loses_nothing(
    postgres_sessions: sessionmaker[Session],
) -> None:
    """The later transaction has the higher number and commits first: its rows wait for the earlier one's."""
    early = postgres_sessions()
    write_lead(early, "lea_early", {}, new=True)
    with transaction(postgres_sessions) as late:
        write_lead(late, "lea_late", {}, new=True)
    with postgres_sessions() as session:
        page = read_feed(session, None)
        assert page.items == []
    early.commit()
    assert [one.entity_id for one in read(postgres_sessions, page.next_cursor)] == ["lea_early", "lea_late"]


@pytest.mark.postgres
def test_rows_of_before_the_transaction_number_come_first(postgres_sessions: sessionmaker[Session]) -> None:
    fill(postgres_sessions)
    with transaction(postgres_sessions) as session:
        for table in ("change_log", "activity"):
            session.connection().exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            session.connection().exec_driver_sql(
                f"UPDATE {table} SET txid = NULL WHERE recorded_at < '2026-03-01 03:00Z'"
            )
            session.connection().exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    whole = [one.id for one in read(postgres_sessions, None)]
    assert len(set(whole)) == len(whole) == 30
    for size in (1, 4, 9):
        assert sorted(one.id for one in drain(postgres_sessions, size)) == sorted(whole)


@pytest.mark.postgres
def test_every_way_of_inserting_stamps_the_transaction(postgres_sessions: sessionmaker[Session]) -> None:
    """The ORM names a column and leaves it empty, which a default would let pass."""
    with transaction(postgres_sessions) as session:
        write_lead(session, "lea_1", {}, new=True)
        session.add(Activity(**a_fact("by_orm", "lea_1")))
        session.flush()
        session.connection().execute(insert(Activity.__table__), a_fact("by_core", "lea_1"))
        mine = session.scalar(select(func.txid_current()))
    with postgres_sessions() as session:
        assert set(session.scalars(select(Activity.txid))) == {mine}
        assert set(session.scalars(select(ChangeLog.txid))) == {mine}


@pytest.mark.postgres
def test_a_store_moved_to_a_younger_cluster_says_so_until_its_clock_is_set(
    postgres_sessions: sessionmaker[Session],
) -> None:
    fill(postgres_sessions)
    with transaction(postgres_sessions) as session:
        session.connection().exec_driver_sql("ALTER TABLE change_log DISABLE TRIGGER USER")
        session.connection().exec_driver_sql("UPDATE change_log SET txid = txid + 1000000")
        session.connection().exec_driver_sql("ALTER TABLE change_log ENABLE TRIGGER USER")
    with postgres_sessions() as session:
        facts = read_feed(session, None, 1000)
        assert {one.entity for one in facts.items} == {"activity"}
        with pytest.raises(StoreError, match="clock_behind"):
            read_feed(session, facts.next_cursor)
    with transaction(postgres_sessions) as session:
        assert catch_up(session.connection()) == catch_up(session.connection()) > 0
    with transaction(postgres_sessions) as session:
        write_lead(session, "lea_after", {}, new=True)
    rest = read(postgres_sessions, facts.next_cursor)
    assert [one.entity_id for one in rest][-1] == "lea_after"
    assert len(rest) == 21


def test_readers_skip_and_repeat_nothing_while_many_write(
    sessions: sessionmaker[Session], together: Together
) -> None:
    """Eight writers with random batches, delays before the commit, and rollbacks; readers of three paces."""
    with transaction(sessions) as session:
        write_lead(session, "lea_1", {}, new=True)
    committed: set[str] = {"lead/lea_1@1"}
    lock, done, read_by = threading.Lock(), threading.Event(), {}
    finished: list[int] = []

    def write(number: int) -> None:
        chance = random.Random(number)
        left = ROWS // WRITERS
        while left > 0:
            size = min(left, chance.randrange(1, 60))
            kept = chance.random() > 0.15
            ids = add_some(sessions, chance, size, kept)
            if kept:
                left -= size
                with lock:
                    committed.update(ids)
        with lock:
            finished.append(number)
            if len(finished) == WRITERS:
                done.set()

    def follow(pace: int) -> None:
        seen: list[str] = []
        cursor, last_round = None, False
        while True:
            if done.is_set():
                settle(sessions)
                last_round = True
            with sessions() as session:
                page = read_feed(session, cursor, pace)
            seen += [one.id for one in page.items]
            cursor = page.next_cursor
            if last_round and not page.items:
                break
        read_by[pace] = seen

    paces = [23, 200, 1000]
    work = [lambda number=number: write(number) for number in range(WRITERS)]
    work += [lambda pace=pace: follow(pace) for pace in paces]
    together(len(work), lambda number: work[number]())
    for pace in paces:
        assert len(read_by[pace]) == len(set(read_by[pace])), "repeated"
        assert set(read_by[pace]) == committed, "skipped"


def add_some(sessions: sessionmaker[Session], chance: random.Random, size: int, kept: bool) -> list[str]:
    """Add entries and activities in one transaction that takes its time, and keep or roll it back."""
    ids = []
    with sessions() as session:
        postgres = session.get_bind().dialect.name == "postgresql"
        connection = session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        for _ in range(2):
            entries = [an_entry() for _ in range(size // 2)]
            facts = [a_fact(f"act_{uuid.uuid4().hex[:20]}", "lea_1") for _ in range(size - size // 2)]
            if entries:
                connection.execute(insert(ChangeLog.__table__), entries)
            if postgres:
                connection.execute(select(func.pg_sleep(chance.random() * 0.01)))
            connection.execute(insert(Activity.__table__), facts)
            ids += [f"team/{one['entity_id']}@1" for one in entries]
            ids += [f"activity/{one['id']}" for one in facts]
            size = 1
        session.commit() if kept else session.rollback()
    return ids


def an_entry() -> dict[str, Any]:
    """An entry of nobody: here only its place matters."""
    return {
        "entity": "team",
        "entity_id": f"tea_{uuid.uuid4().hex[:20]}",
        "version": 1,
        "changes": {},
        "actor": "job:test",
        "recorded_at": T0,
        "written_at": T0,
        "previous_hash": GENESIS,
        "hash": GENESIS,
    }


def fill(sessions: sessionmaker[Session]) -> None:
    """Ten leads with two versions each and a call each, in several transactions."""
    for number in range(10):
        with transaction(sessions) as session:
            write_lead(session, f"lea_{number}", {}, hours=number / 2, new=True)
            session.add(Activity(**a_fact(f"act_{number}", f"lea_{number}", hours=number / 2)))
            write_lead(session, f"lea_{number}", {"need": "x"}, hours=number / 2)
    settle(sessions)


def an_order(order_id: str) -> dict[str, Any]:
    fact = a_fact(order_id, "")
    for name in ("lead_id", "channel", "direction"):
        del fact[name]
    return fact | {"account_id": "acc_1", "amount": 5.0}


def read(sessions: sessionmaker[Session], cursor: str | None) -> list[Event]:
    settle(sessions)
    with sessions() as session:
        return read_feed(session, cursor, 1000).items


def drain(sessions: sessionmaker[Session], size: int) -> list[Event]:
    events: list[Event] = []
    cursor: str | None = None
    while True:
        with sessions() as session:
            page = read_feed(session, cursor, size)
        if not page.items:
            return events
        events += page.items
        cursor = page.next_cursor
