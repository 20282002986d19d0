"""The power fails on SQLite: whatever of the write-ahead log had not reached the disk may be cut anywhere."""

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import fault_steps
from sqlalchemy import Engine, event, func, select, text

from crm_store.database import open_engine, session_factory
from crm_store.models import Lead
from crm_store.repositories.writes.changelog import verify
from tests.sizes import full

STEPS = 25
CUTS = full(40, 1_000)
FULL = 2


def test_a_commit_on_sqlite_waits_for_the_disk(sqlite_engine: Engine) -> None:
    with sqlite_engine.connect() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == FULL
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_a_log_cut_behind_the_last_acknowledged_commit_loses_nothing(
    sqlite_engine: Engine, sqlite_url: str, tmp_path: Path
) -> None:
    """After each commit all of it is on the disk; what the next one had begun to write may be torn."""
    main = Path(sqlite_url.removeprefix("sqlite:///"))
    log = main.with_name(f"{main.name}-wal")
    sessions = session_factory(sqlite_engine)
    event.listen(sqlite_engine, "connect", never_checkpoint)
    with sqlite_engine.connect():  # nor is anything checkpointed when a last connection closes
        fault_steps.prepare(sessions)
        synced = [log.stat().st_size]
        for number in range(STEPS):
            fault_steps.step(sessions, number)
            synced.append(log.stat().st_size)
        assert synced == sorted(synced)
        whole, store = log.read_bytes(), main.read_bytes()
    chance = random.Random(4)
    for place in range(CUTS):
        acknowledged = chance.randrange(STEPS)
        cut = chance.randrange(synced[acknowledged], synced[acknowledged + 1])
        torn = chance.random() < 0.3
        check_after_power_failure(tmp_path / str(place), store, whole[:cut], acknowledged, torn, chance)


def never_checkpoint(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA wal_autocheckpoint=0").close()


def check_after_power_failure(
    folder: Path, store: bytes, log: bytes, acknowledged: int, torn: bool, chance: random.Random
) -> None:
    """Open what the disk held and look: ``torn`` ends it in garbage, as a half-written sector does."""
    folder.mkdir()
    (folder / "store.db").write_bytes(store)
    (folder / "store.db-wal").write_bytes(log + (chance.randbytes(300) if torn else b""))
    engine = open_engine(f"sqlite:///{folder / 'store.db'}")
    with session_factory(engine)() as session:
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"
        assert session.scalar(select(func.count()).select_from(Lead)) == acknowledged
        assert verify(session) == []
    fault_steps.step(session_factory(engine), acknowledged)
    fault_steps.check(engine, acknowledged + 1)
    engine.dispose()
    shutil.rmtree(folder)
