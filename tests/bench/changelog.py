"""What the change log costs: writing records with it against writing them without, on both stores.

The plain paths do what a store without history would, into the same tables without triggers: a single write
locks the row, compares its version and updates it; a batch checks its values, reads what is there, and
inserts or updates all rows at once. Beside them stand paths that do not even do that: ``blind`` is one UPDATE
by key that looks at nothing, ``bare`` one statement run for all rows.

``same`` is our own upsert, with the log taken out of it: it finds outside ids, asks the rules and gives every
row its outcome, but writes no text, hash or entry and reads none. That is what the log itself adds.
"""

import os
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from crm_store.database import session_factory, transaction
from crm_store.models import Lead
from crm_store.repositories.fields import FIELDS, check_changes, complete_new
from crm_store.repositories.rows import any_of, insert_rows, update_rows
from crm_store.repositories.writes import chains, upsert
from crm_store.repositories.writes.chains import Chain, Entry, Signature
from crm_store.repositories.writes.records import write_record
from crm_store.repositories.writes.upsert import UpsertRow
from tests.bench._stores import analyzed, stores, without_triggers

WRITES = 300
BATCH = 5_000
RUNS = 9
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEAD: Table = Lead.__table__  # type: ignore[assignment]
READ = select(LEAD).where(LEAD.c.id == bindparam("wanted")).with_for_update()
WRITE = (
    update(LEAD)
    .where(LEAD.c.id == bindparam("wanted"), LEAD.c.version == bindparam("seen"))
    .values(need=bindparam("new"), version=bindparam("next"), updated_at=bindparam("now"))
)

NO_ENTRY = Entry("lead", "", 0, "", "", None, NOW, NOW, "", "")

Step = Callable[[int], object]
Batch = Callable[[Engine, str, int], None]
Store = Callable[[], AbstractContextManager[Engine]]


def run() -> dict[str, Any]:
    """Return, per store, the ratios of medians and both sides' milliseconds."""
    writes = int(os.environ.get("LEADPULSE_BENCH_ROWS", WRITES))
    result: dict[str, Any] = {"writes": writes, "batch": BATCH}
    for name, store in stores().items():
        result |= {f"{name}_{key}": value for key, value in _of(store, writes).items()}  # type: ignore[arg-type]
    return result


def _of(store: Store, writes: int) -> dict[str, float]:
    with store() as ours, store() as plain:
        for engine in (ours, plain):
            _bring(engine, "seed", 0)
            analyzed(engine)
        without_triggers(plain, "lead")
        logged, locked, blind = _median_of(
            writes, _logged_write(ours), _plain_write(plain, locked=True), _plain_write(plain, locked=False)
        )
        found = {
            "single_ratio": logged / locked,
            "single_ms": logged * 1e3,
            "single_plain_ms": locked * 1e3,
            "single_blind_ratio": logged / blind,
        }
        for kind, logged_batch, plain_batch, bare_batch in (
            ("create", _bring, _plain_create, _bare_create),
            ("update", _change, _plain_change, _bare_change),
        ):
            rounds = [
                (
                    _timed(logged_batch, ours, f"{kind}{number}", number),
                    _timed(plain_batch, plain, f"{kind}{number}", number),
                    _timed(_unlogged(logged_batch), plain, f"{kind}-same{number}", number + RUNS),
                    _timed(bare_batch, plain, f"{kind}-bare{number}", number + 2 * RUNS),
                )
                for number in range(1, RUNS + 1)
            ]
            mine, theirs, same, least = (statistics.median(side) for side in zip(*rounds, strict=True))
            found[f"batch_{kind}_ratio"] = mine / theirs
            found[f"batch_{kind}_same_ratio"] = mine / same
            found[f"batch_{kind}_bare_ratio"] = mine / least
            found[f"batch_{kind}_s"] = mine
        return {key: round(value, 3) for key, value in found.items()}


def _median_of(writes: int, *steps: Step) -> list[float]:
    """Return the median seconds of each step, run in turns so that all meet the same weather."""
    seconds: list[list[float]] = [[] for _ in steps]
    for number in range(writes + 30):
        for step, times in zip(steps, seconds, strict=True):
            start = time.perf_counter()
            step(number % BATCH)
            times.append(time.perf_counter() - start)
    return [statistics.median(times[30:]) for times in seconds]


def _logged_write(engine: Engine) -> Step:
    sessions = session_factory(engine)

    def write(number: int) -> None:
        with transaction(sessions) as session:
            values = {"need": f"{time.perf_counter_ns()}"}
            write_record(session, "lead", _id(0, number), values, actor="job:b", recorded_at=NOW, now=NOW)

    return write


def _plain_write(engine: Engine, *, locked: bool) -> Step:
    sessions = session_factory(engine)
    blind = update(LEAD).where(LEAD.c.id == bindparam("wanted")).values(need=bindparam("new"))

    def write(number: int) -> None:
        with transaction(sessions) as session:
            connection, wanted = session.connection(), _id(0, number)
            change = {"wanted": wanted, "new": f"{time.perf_counter_ns()}"}
            if not locked:
                connection.execute(blind, change)
                return
            row = connection.execute(READ, {"wanted": wanted}).one()
            seen = {"seen": row.version, "next": row.version + 1, "now": NOW}
            connection.execute(WRITE, change | seen)

    return write


def _timed(work: Batch, engine: Engine, need: str, number: int) -> float:
    start = time.perf_counter()
    work(engine, need, number)
    return time.perf_counter() - start


def _bring(engine: Engine, need: str, number: int) -> None:
    """Upsert the leads of one number; the first time that creates them."""
    rows = [UpsertRow(row, id=row.pop("id")) for row in _rows(need, number)]
    with transaction(session_factory(engine)) as session:
        results = upsert.upsert_records(session, "lead", rows, actor="import:b", recorded_at=NOW, now=NOW)
    if any(one.status not in ("created", "updated") for one in results):
        raise RuntimeError("not every row was written")


def _change(engine: Engine, need: str, number: int) -> None:
    _bring(engine, need, 0)


def _unlogged(work: Batch) -> Batch:
    """Return an upsert without what is the log's: its entries, their text and hashes, its look-ups."""

    def without(engine: Engine, need: str, number: int) -> None:
        with (
            patch.object(chains, "advance", _advance),
            patch.object(upsert, "insert_rows", _insert_but_entries),
            patch.object(upsert, "lock_all", _lock_all),
        ):
            work(engine, need, number)

    return without


def _advance(_entity: str, _id: str, chain: Chain, state: Any, _changes: Any, signature: Signature) -> Entry:
    chain.state, chain.version, chain.recorded_at = state, chain.version + 1, signature.recorded_at
    return NO_ENTRY


def _insert_but_entries(connection: Any, table: Table, columns: Any, rows: Any) -> int:
    return 0 if table.name == "change_log" else insert_rows(connection, table, columns, rows)


def _lock_all(session: Session, entity: str, ids: list[str]) -> dict[str, Chain]:
    connection = session.connection()
    query = select(LEAD.c.id, LEAD.c.version, LEAD.c.updated_at, *(LEAD.c[name] for name in FIELDS[entity]))
    query = query.where(any_of(connection, LEAD.c.id, ids)).order_by(LEAD.c.id).with_for_update()
    return {
        record_id: Chain(dict(zip(FIELDS[entity], values, strict=True)), version, "", updated_at)
        for record_id, version, updated_at, *values in connection.execute(query).all()
    }


def _plain_create(engine: Engine, need: str, number: int) -> None:
    with transaction(session_factory(engine)) as session:
        states = [
            {"id": row.pop("id")} | complete_new("lead", check_changes("lead", row | {"created_at": NOW}))
            for row in _rows(need, number)
        ]
        if _stored(session, states):
            raise RuntimeError("the rows are there already")
        rows = [(*state.values(), 1, NOW) for state in states]
        insert_rows(session.connection(), LEAD, [*states[0], "version", "updated_at"], rows)


def _plain_change(engine: Engine, need: str, number: int) -> None:
    with transaction(session_factory(engine)) as session:
        states = [{"id": row.pop("id")} | check_changes("lead", row) for row in _rows(need, 0)]
        before = _stored(session, states)
        changed = [
            (state["id"], state["need"], before[state["id"]].version + 1, NOW)
            for state in states
            if any(getattr(before[state["id"]], name) != value for name, value in state.items())
        ]
        if len(changed) != BATCH:
            raise RuntimeError("not every row changes")
        update_rows(session.connection(), LEAD, ["id", "need", "version", "updated_at"], changed)


def _stored(session: Session, states: list[dict[str, Any]]) -> dict[str, Any]:
    connection = session.connection()
    known = any_of(connection, LEAD.c.id, [state["id"] for state in states])
    return {row.id: row for row in connection.execute(select(LEAD).where(known).with_for_update())}


def _bare_create(engine: Engine, need: str, number: int) -> None:
    own = {"status": "new", "intake_state": "complete", "version": 1, "created_at": NOW, "updated_at": NOW}
    with transaction(session_factory(engine)) as session:
        session.connection().execute(insert(LEAD), [row | own for row in _rows(need, number)])


def _bare_change(engine: Engine, need: str, number: int) -> None:
    statement = (
        update(LEAD).where(LEAD.c.id == bindparam("wanted")).values(need=bindparam("new"), updated_at=NOW)
    )
    rows = [{"wanted": _id(0, place), "new": f"{need}{number}"} for place in range(BATCH)]
    with transaction(session_factory(engine)) as session:
        session.connection().execute(statement, rows)


def _rows(need: str, number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": _id(number, place),
            "source": "bench",
            "external_id": f"{number}-{place}",
            "company": f"某某医疗器械有限公司{place}",
            "contact_name": "王先生",
            "phone": f"138{place:08}",
            "need": need,
            "region": "浙江",
            "city": "杭州",
            "channel": "官网",
            "expected_volume": float(place),
        }
        for place in range(BATCH)
    ]


def _id(number: int, place: int) -> str:
    return f"lea_{number}_{place}"
