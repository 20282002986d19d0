"""An import job of activities against the store's own bulk load of the same rows, on both stores.

Ours reads a CSV file, parses, validates, gives ids, looks up references and loads. The reference loads what
was prepared beforehand into the same table, with the same indexes, triggers and settings: ``executemany``
in one transaction on SQLite, COPY of ready text on PostgreSQL. Every run has a fresh store.
"""

import csv
import io
import os
import random
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import create_engine, func, make_url, select, text

from crm_store.database import migrate, open_engine, write_connection
from crm_store.domain.ids import stable_id
from crm_store.imports.jobs import run_import
from crm_store.imports.mapping import ColumnMapping
from crm_store.models import Activity
from crm_store.models.base import to_micros
from crm_store.models.choices import CHANNELS
from crm_store.repositories.writes.bulk import load_history
from tests.bench._upserts import compare_upserts

ROWS = 1_000_000
RUNS = 3
LEADS = 20_000
REPS = 30
NOW = datetime(2026, 1, 1, tzinfo=UTC)
POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
SOURCE = "bench"
COLUMNS = ("编号", "线索", "销售", "渠道", "方向", "时长", "内容", "发生时间", "记录时间")
FIELDS = (
    "external_id",
    "lead_id",
    "rep_id",
    "channel",
    "direction",
    "duration_s",
    "text",
    "occurred_at",
    "recorded_at",
)
TABLE_COLUMNS = ("id", "source", *FIELDS)
MAPPING = ColumnMapping.model_validate(
    {
        "name": "bench",
        "entity": "activity",
        "source": SOURCE,
        "columns": [
            {"column": column, "field": field} for column, field in zip(COLUMNS, FIELDS, strict=True)
        ],
    }
)
WORDS = ("客户想看报价单", '约下周演示, 带"样机"', "预算还没批", "", "问交付周期", "和上次一样")

Row = tuple[Any, ...]
Load = Callable[[str, "Data"], float]


class Data:
    """The same rows three times: the CSV file to import, tuples for SQLite, text for COPY."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count
        self.file = folder / "activities.csv"
        self.tuples: list[Row] = []
        self.copy_text = io.StringIO()
        copy = csv.writer(self.copy_text)
        with self.file.open("w", encoding="utf-8", newline="") as file:
            ours = csv.writer(file)
            ours.writerow(COLUMNS)
            for cells, row, occurred_at, recorded_at in _rows(count):
                ours.writerow(cells)
                copy.writerow([*row, occurred_at, recorded_at])
                self.tuples.append((*row, to_micros(occurred_at), to_micros(recorded_at)))


def run(rows: int | None = None) -> dict[str, Any]:
    """Return ratios (ours to reference, median of paired runs) and rows per second, per store.

    ``LEADPULSE_BENCH_ROWS`` sets the number of rows. Without a PostgreSQL server that part is left out
    and named in ``skipped``.
    """
    count = rows or int(os.environ.get("LEADPULSE_BENCH_ROWS", ROWS))
    with TemporaryDirectory() as folder:
        data = Data(Path(folder), count)
        result: dict[str, Any] = {"rows": count, "runs": RUNS}
        result |= _compare("sqlite", data, _sqlite_stores, _executemany)
        if _postgres_answers():
            result |= _compare("postgres", data, _postgres_stores, _copy)
        else:
            result["skipped"] = "postgres: no server"
    return result | compare_upserts()


def _compare(store: str, data: Data, stores: Any, reference: Load) -> dict[str, Any]:
    pairs = []
    for _ in range(RUNS):
        with stores(data) as url:
            ours = _import(url, data)
        with stores(data) as url:
            pairs.append((ours, reference(url, data)))
    ours_s, reference_s = (statistics.median(side) for side in zip(*pairs, strict=True))
    return {
        f"{store}_ratio": round(statistics.median(a / b for a, b in pairs), 3),
        f"{store}_rows_per_s": round(data.count / ours_s),
        f"{store}_reference_rows_per_s": round(data.count / reference_s),
    }


def _import(url: str, data: Data) -> float:
    engine = open_engine(url)
    start = time.perf_counter()
    report = run_import(engine, MAPPING, data.file, rejects_folder=data.folder, now=NOW)
    seconds = time.perf_counter() - start
    if report.rows_added != data.count or _stored(engine) != data.count:
        raise RuntimeError(f"only {report.rows_added} of {data.count} rows were loaded")
    engine.dispose()
    return seconds


def _executemany(url: str, data: Data) -> float:
    engine = open_engine(url)
    marks = ", ".join("?" * len(TABLE_COLUMNS))
    statement = f"INSERT INTO activity ({', '.join(TABLE_COLUMNS)}) VALUES ({marks})"
    start = time.perf_counter()
    with write_connection(engine) as connection:
        connection.connection.cursor().executemany(statement, data.tuples)
    seconds = time.perf_counter() - start
    engine.dispose()
    return seconds


def _copy(url: str, data: Data) -> float:
    engine = open_engine(url)
    ready = data.copy_text.getvalue().encode()
    statement = f"COPY activity ({', '.join(TABLE_COLUMNS)}) FROM STDIN WITH (FORMAT csv)"
    start = time.perf_counter()
    with write_connection(engine) as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(statement) as copy:
            for at in range(0, len(ready), 1 << 20):
                copy.write(ready[at : at + (1 << 20)])
    seconds = time.perf_counter() - start
    engine.dispose()
    return seconds


@contextmanager
def _sqlite_stores(data: Data) -> Iterator[str]:
    path = data.folder / f"{uuid.uuid4().hex}.db"
    yield _prepared(f"sqlite:///{path}")
    for file in data.folder.glob(f"{path.name}*"):
        file.unlink()


@contextmanager
def _postgres_stores(_data: Data) -> Iterator[str]:
    server = make_url(_postgres_url())
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"leadpulse_bench_{uuid.uuid4().hex[:12]}"
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield _prepared(server.set(database=name).render_as_string(hide_password=False))
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


def _prepared(url: str) -> str:
    """Migrate a store and give it the leads and reps that the activities refer to."""
    migrate(url)
    engine = open_engine(url)
    for entity, count in (("rep", REPS), ("lead", LEADS)):
        name = {"name": "某人"} if entity == "rep" else {}
        load_history(
            engine,
            entity,
            [
                {
                    "id": stable_id(entity, SOURCE, str(index)),
                    "source": SOURCE,
                    "external_id": str(index),
                    "recorded_at": NOW,
                    "fields": name,
                }
                for index in range(count)
            ],
            actor="import:bench",
            reason=None,
            now=NOW,
        )
    engine.dispose()
    return url


def _stored(engine: Any) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(Activity)))


def _rows(count: int) -> Iterator[tuple[Row, Row, datetime, datetime]]:
    chance = random.Random(20)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    for index in range(count):
        lead, rep = str(chance.randrange(LEADS)), str(chance.randrange(REPS))
        occurred_at = start + timedelta(seconds=40 * index)
        recorded_at = occurred_at + timedelta(minutes=chance.randrange(600))
        duration = round(chance.expovariate(1 / 90), 1)
        said = (chance.choice(CHANNELS), chance.choice(("in", "out")), duration, chance.choice(WORDS) or None)
        moments = (f"{occurred_at:%Y-%m-%d %H:%M:%S}", f"{recorded_at:%Y-%m-%d %H:%M:%S}")
        ids = (stable_id("lead", SOURCE, lead), stable_id("rep", SOURCE, rep))
        own = stable_id("activity", SOURCE, str(index))
        yield (
            (str(index), lead, rep, *said, *moments),
            (own, SOURCE, str(index), *ids, *said),
            occurred_at,
            recorded_at,
        )


def _postgres_url() -> str:
    return os.environ.get("LEADPULSE_TEST_POSTGRES", POSTGRES).replace(
        "postgresql://", "postgresql+psycopg://"
    )


def _postgres_answers() -> bool:
    engine = create_engine(_postgres_url(), connect_args={"connect_timeout": 3})
    try:
        with engine.connect():
            return True
    except Exception:
        if "LEADPULSE_TEST_POSTGRES" in os.environ:
            raise
        return False
    finally:
        engine.dispose()
