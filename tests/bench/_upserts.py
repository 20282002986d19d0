"""Record upserts against the same rows, ready-made, put into the same tables. Part of the bench ``bulk``.

The reference is COPY on PostgreSQL and one prepared INSERT on SQLite, with the triggers in place.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from crm_store.database import session_factory, transaction, write_connection
from crm_store.repositories.writes.upsert import MAX_ROWS, UpsertRow, upsert_records
from tests.bench._stores import analyzed, stores

RUNS = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = ("change_log", "lead")

Ready = dict[str, tuple[list[str], Any]]


def compare_upserts() -> dict[str, Any]:
    """Return, per store, the ratio of medians and upserts a second; each run brings 5,000 new leads."""
    result: dict[str, Any] = {"upsert_rows": MAX_ROWS}
    for name, store in stores().items():
        ours, reference = _seconds(store)  # type: ignore[arg-type]
        result |= {
            f"{name}_upsert_ratio": round(ours / reference, 3),
            f"{name}_upserts_per_s": round(MAX_ROWS / ours),
            f"{name}_upsert_reference_per_s": round(MAX_ROWS / reference),
        }
    return result


def _seconds(store: Callable[[], AbstractContextManager[Engine]]) -> tuple[float, float]:
    with store() as mine, store() as plain:
        pairs = []
        for number in range(RUNS + 1):
            start = time.perf_counter()
            _upsert(mine, number)
            ours = time.perf_counter() - start
            ready = {table: _ready(mine, table, number) for table in TABLES}
            start = time.perf_counter()
            with write_connection(plain) as connection:
                for table, (columns, rows) in ready.items():
                    _put(connection, table, columns, rows)
            pairs.append((ours, time.perf_counter() - start))
            analyzed(mine)
            analyzed(plain)
        ours_s, reference_s = (statistics.median(side) for side in zip(*pairs[1:], strict=True))
    return ours_s, reference_s


def _upsert(engine: Engine, number: int) -> None:
    rows = [
        UpsertRow(
            {
                "source": "bench",
                "external_id": f"{number}-{place}",
                "company": f"某某医疗器械有限公司{place}",
                "phone": f"138{place:08}",
                "need": f"run {number}",
                "region": "浙江",
                "expected_volume": float(place),
            }
        )
        for place in range(MAX_ROWS)
    ]
    with transaction(session_factory(engine)) as session:
        results = upsert_records(session, "lead", rows, actor="import:b", recorded_at=NOW, now=NOW)
    if {one.status for one in results} != {"created"}:
        raise RuntimeError("not every row was created")


def _ready(engine: Engine, table: str, number: int) -> tuple[list[str], Any]:
    """Return one run's rows as the store's own loader takes them, outside the time that is measured."""
    of_run = f"need = 'run {number}'"
    narrowed = of_run if table == "lead" else f"entity_id IN (SELECT id FROM lead WHERE {of_run})"
    with engine.connect() as connection:
        found = list(connection.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys())
        columns = [name for name in found if name != "txid"]
        query = f"SELECT {', '.join(columns)} FROM {table} WHERE {narrowed}"
        if engine.dialect.name == "sqlite":
            return columns, connection.connection.cursor().execute(query).fetchall()
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(f"COPY ({query}) TO STDOUT") as copy:
            return columns, b"".join(map(bytes, copy))


def _put(connection: Any, table: str, columns: list[str], rows: Any) -> None:
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.connection.cursor().executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
        return
    with connection.connection.driver_connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        copy.write(rows)
