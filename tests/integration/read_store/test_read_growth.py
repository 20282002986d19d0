"""A log of sources that is kept up reads as a full export would, wherever it broke off."""

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.sources import SOURCES
from crm_store.models import Activity, MergeLog, OrderSnapshot
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sources import files as source_files
from crm_store.repositories.sources import growth as source_growth
from crm_store.repositories.sources.event_log import export_sources, keep_sources
from crm_store.repositories.sources.files import files_of, read_log, read_rows
from crm_store.repositories.writes.bulk import load_facts
from crm_store.services.merging import merge, undo
from features.engines import ibis_engine, refresh
from features.store import FeatureStore
from tests.integration.read_store.clock import HOUR, T0, Write
from tests.sizes import full

LEADS, ACCOUNTS, REPS = ("lea_1", "lea_2", "lea_3", "lea_4"), ("acc_1", "acc_2", "acc_4"), ("rep_1", "rep_2")
STEPS = 8


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("seed", range(full(2, 60)))
def test_whatever_happened_the_log_reads_as_a_full_export(seed: int, store: "Store") -> None:
    random = Random(seed)
    assert store.keep().whole
    for _ in range(STEPS):
        for _ in range(random.randrange(1, 6)):
            store.happen(random)
        assert not store.keep().whole
        store.assert_whole()


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("seed", range(full(1, 20)))
def test_broken_off_anywhere_it_goes_on(seed: int, store: "Store", monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(seed)
    store.keep()
    for _ in range(STEPS):
        store.happen(random)
        before = told(store.log)
        breaks = random.choice(
            [(pq, "write_table"), (source_growth, "write_log"), (source_files.shutil, "rmtree")]
        )
        with monkeypatch.context() as broken:
            broken.setattr(*breaks, _killed)
            try:
                store.keep()
            except Killed:
                assert breaks[1] == "rmtree" or told(store.log) == before
        store.keep()
        store.assert_whole()


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("seed", range(full(1, 40)))
def test_frames_and_online_rows_are_those_of_a_rebuild(
    seed: int, store: "Store", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    features = FeatureStore(tmp_path)
    features.sources = store.log
    (tmp_path / "registry.db").touch()  # what Feast would register is not read here
    for _ in range(full(3, STEPS)):
        for _ in range(random.randrange(1, 6)):
            store.happen(random)
        store.now += timedelta(days=random.choice([0, 1, 29, 61]))
        store.keep()
        export_sources(store.engine, store.whole)
        for entity, ids in (("lead", LEADS), ("account", ACCOUNTS)):
            rows = pd.DataFrame({"entity_id": ids, "as_of": [pd.Timestamp(store.now)] * len(ids)})
            with monkeypatch.context() as broken, suppress(Killed):
                if random.random() < 0.3:
                    broken.setattr(refresh, "_keep", _killed)
                features.refresh(entity, rows)
            found = features.refresh(entity, rows)
            rebuilt = ibis_engine.compute(entity, rows, store.whole)
            pd.testing.assert_frame_equal(found, rebuilt, rtol=1e-12, check_dtype=False)
            features.publish(entity, found, offline=False)
            online = features.online(entity, ids)
            assert online.as_of == [store.now] * len(ids)
            for values, expected in zip(online.values, rebuilt.to_dict("records"), strict=True):
                assert values == {name: _plain(expected[name]) for name in values or ()}
    features.rows.close()


@pytest.mark.usefixtures("company")
def test_nothing_new_writes_nothing(store: "Store") -> None:
    store.keep()
    store.keep()
    pieces = _pieces(store.log)

    assert not any(store.keep().rows.values())
    assert _pieces(store.log) == pieces


@pytest.mark.usefixtures("company")
def test_many_small_increments_make_few_pieces(store: "Store") -> None:
    store.keep()
    for number in range(20):
        store.chat(f"act_more_{number}", T0, lead_id="lea_1")
        assert not store.keep().whole
        assert len(_pieces(store.log)) < 7
    store.assert_whole()
    folders = {path.name for path in store.log.iterdir() if path.is_dir()}
    assert len(folders) < 12


@pytest.mark.usefixtures("company")
def test_another_form_a_lost_file_and_a_wish_make_a_new_base(store: "Store") -> None:
    store.keep()
    assert store.keep(form="other").whole
    assert not store.keep(form="other").whole
    files_of(store.log, "orders")[0].unlink()
    assert store.keep(form="other").whole
    assert store.keep(form="other", whole=True).whole
    store.assert_whole()


def test_a_store_put_back_to_yesterday_makes_a_new_base(
    company_copy: Callable[[], None], store: "Store"
) -> None:
    store.chat("act_1000", T0, lead_id="lea_1")
    store.keep()
    company_copy()
    store.chat("act_other", T0, lead_id="lea_2")

    assert store.keep().whole
    store.assert_whole()


@pytest.mark.usefixtures("company")
def test_too_much_that_is_new_makes_a_new_base(store: "Store", monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep()
    monkeypatch.setattr(source_growth, "MOST_GROWN", 0.01)
    store.chat("act_1000", T0, lead_id="lea_1")

    assert store.keep().whole
    store.assert_whole()


@pytest.mark.usefixtures("company")
def test_a_reader_of_the_log_before_still_finds_its_files(store: "Store") -> None:
    store.keep()
    store.chat("act_1000", T0, lead_id="lea_1")
    store.keep()
    files = files_of(store.log, "activities")
    store.chat("act_1001", T0, lead_id="lea_1")
    store.keep()

    assert all(file.is_file() for file in files)


class Killed(BaseException):
    """As if the process ended here."""


def _killed(*_: Any, **__: Any) -> None:
    raise Killed


class Store:
    """The small company, the log of its sources, and whatever may happen to it."""

    def __init__(self, engine: Engine, sessions: sessionmaker[Session], write: Write, folder: Path) -> None:
        self.engine, self.sessions, self.write = engine, sessions, write
        self.log, self.whole = folder / "log", folder / "whole"
        self.now = T0 + 100 * HOUR
        self._number = 100

    def keep(self, form: str = "one", *, whole: bool = False) -> Any:
        """Bring the log up to the store."""
        self.now += HOUR
        return keep_sources(self.engine, self.log, form, self.now, whole=whole)

    def assert_whole(self) -> None:
        export_sources(self.engine, self.whole)
        assert told(self.log) == told(self.whole)

    def happen(self, random: Random) -> None:
        """Let one thing happen, known now or, entered by a job, a while ago."""
        self.now += HOUR
        what = random.choice(
            (
                *(self._lead, self._activity) * 2,
                *(self._ticket, self._contract, self._order, self._leave, self._account),
                *(self._deletion, self._merge, self._undo),
            )
        )
        with suppress(StoreError):  # e.g. a merge of what is merged already
            what(random)

    def chat(self, name: str, at: datetime, **values: Any) -> None:
        row = {"id": name, "source": "crm", "external_id": name, "occurred_at": at, "recorded_at": self.now}
        row |= {"channel": "chat", "direction": "in"}
        load_facts(self.engine, Activity, pa.Table.from_pylist([row | values]))

    def _name(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}_{self._number}"

    def _write(self, entity: str, record_id: str, values: dict[str, Any]) -> None:
        self.write(entity, record_id, values, (self.now - T0) / HOUR)

    def _lead(self, random: Random) -> None:
        lead = random.choice([*LEADS, self._name("lea")])
        values = {
            "owner_id": random.choice([*REPS, None]),
            "status": random.choice(["new", "won", "contacted"]),
        }
        self._write("lead", lead, values | {"campaign": random.choice(["春季", "秋季"]), "need": "手套"})

    def _account(self, random: Random) -> None:
        self._write("account", random.choice(ACCOUNTS), {"name": "医院", "tier": random.choice("SAB")})

    def _ticket(self, random: Random) -> None:
        values = {
            "title": "漏液",
            "status": "open",
            "opened_at": T0,
            "account_id": random.choice(ACCOUNTS[:2]),
        }
        values |= random.choice([{}, {"first_response_at": self.now}, {"satisfaction": 3.0}])
        self._write("ticket", random.choice(["tic_1", "tic_2", "tic_3", self._name("tic")]), values)

    def _contract(self, random: Random) -> None:
        self._write(
            "contract", random.choice(["con_1", "con_2"]), {"status": random.choice(["active", "lapsed"])}
        )

    def _leave(self, random: Random) -> None:
        values = {
            "rep_id": random.choice(REPS),
            "start_at": T0,
            "end_at": self.now + 90 * HOUR,
            "kind": "annual",
        }
        self._write("leave", "lve_1", values | {"status": random.choice(["approved", "cancelled"])})

    def _activity(self, random: Random) -> None:
        whom = random.choice([{"lead_id": random.choice(LEADS)}, {"account_id": random.choice(ACCOUNTS[:2])}])
        with self.sessions() as session:
            there = session.scalars(select(Activity.id).order_by(Activity.id)).all()
        wrong = {"corrects_id": random.choice(there)} if random.random() < 0.4 else {}
        late = timedelta(hours=random.choice([0, 0, 30, 200]))
        self.chat(self._name("act"), self.now - late, rep_id=random.choice([*REPS, None]), **whom, **wrong)

    def _order(self, random: Random) -> None:
        name = self._name("ord")
        row = {"id": name, "source": "erp", "external_id": f"{random.randrange(4)}@{name}", "amount": 5.0}
        row |= {"account_id": random.choice(ACCOUNTS[:2]), "occurred_at": T0, "recorded_at": self.now}
        load_facts(self.engine, OrderSnapshot, pa.Table.from_pylist([row]))

    def _deletion(self, random: Random) -> None:
        which = random.choice(
            [("ticket", "tic_1"), ("lead", "lea_2"), ("contract", "con_1"), ("leave", "lve_1")]
        )
        self._write(*which, {"deleted_at": random.choice([self.now, None])})

    def _merge(self, random: Random) -> None:
        entity, ids = random.choice([("lead", LEADS), ("account", ACCOUNTS)])
        survivor, merged = random.sample(ids, 2)
        with transaction(self.sessions) as session:
            merge(session, entity, survivor, merged, actor="user:li", now=self.now)

    def _undo(self, random: Random) -> None:
        with self.sessions() as session:
            made = session.scalars(select(MergeLog.id).where(MergeLog.undone_at.is_(None))).all()
        if made:
            with transaction(self.sessions) as session:
                undo(session, random.choice(sorted(made)), actor="user:li", now=self.now)


def _plain(value: Any) -> Any:
    return None if value != value else pytest.approx(value) if isinstance(value, float) else value


def told(folder: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    """Return every row of every source, each as often as it is there."""
    return {
        name: Counter(tuple(row.values()) for row in read_rows(folder, name, list(table.columns)).to_pylist())
        for name, table in SOURCES.items()
    }


def _pieces(folder: Path) -> Any:
    log = read_log(folder)
    assert log is not None
    return log.pieces


@pytest.fixture
def store(
    company: None,
    store_engine: Engine,
    sessions: sessionmaker[Session],
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Store:
    monkeypatch.setattr(source_growth, "MOST_GROWN", 100.0)  # a dozen things would be too much of so little
    write("account", "acc_4", {"name": "丁医院"})
    return Store(store_engine, sessions, write, tmp_path)


@pytest.fixture
def company_copy(store_url: str, store_engine: Engine, store: Store, tmp_path: Path) -> Callable[[], None]:
    """Keep the company as it is now; the result puts it back. A file only: PostgreSQL restores otherwise."""
    if not store_url.startswith("sqlite"):
        pytest.skip("the store is no file")
    copy = tmp_path / "copy.db"
    with store_engine.connect() as connection:
        connection.connection.cursor().execute("VACUUM INTO ?", [str(copy)])

    def put_back() -> None:
        store_engine.dispose()
        file = Path(str(store_engine.url.database))
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
        shutil.copyfile(copy, file)

    return put_back
