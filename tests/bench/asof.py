"""What a record as of a moment costs: against the length of its own history, and against the whole log.

Ratios of medians: ``log_ratio`` is a log a hundred times as long against a short one, at the same history (it
must stay near 1); ``history_N_ratio`` is a history of N versions against one of ten.
"""

import os
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from crm_store.database import session_factory
from crm_store.repositories.history.asof import as_of
from crm_store.repositories.writes.bulk import load_history
from tests.bench._stores import analyzed, stores

SMALL = 10_000
LARGE = 1_000_000
HISTORIES = (10, 100, 1_000)
OTHERS = 10
READS = 300
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def run() -> dict[str, Any]:
    """Return the ratios and microseconds of a read, per store. ``LEADPULSE_BENCH_ROWS``: the long log."""
    large = int(os.environ.get("LEADPULSE_BENCH_ROWS", LARGE))
    result: dict[str, Any] = {"small": SMALL, "large": large}
    for name, store in stores().items():
        with store() as engine:  # type: ignore[operator]
            _load(engine, "wanted", HISTORIES)
            _load(engine, "small", [OTHERS] * (SMALL // OTHERS))
            analyzed(engine)
            before = _read_all(engine)
            _load(engine, "large", [OTHERS] * ((large - SMALL) // OTHERS))
            analyzed(engine)
            after = _read_all(engine)
        first = HISTORIES[0]
        result[f"{name}_log_ratio"] = round(max(after[one] / before[one] for one in HISTORIES), 3)
        for one in HISTORIES:
            result[f"{name}_history_{one}_us"] = round(after[one] * 1e6, 1)
            result[f"{name}_history_{one}_ratio"] = round(after[one] / after[first], 3)
    return result


def _read_all(engine: Engine) -> dict[int, float]:
    return {length: _median(engine, f"wanted-{place}", length) for place, length in enumerate(HISTORIES)}


def _median(engine: Engine, lead_id: str, length: int) -> float:
    """Return the median seconds of reading the record as it was last."""
    seconds = []
    moment = NOW + length * MINUTE
    with session_factory(engine)() as session:
        for _ in range(READS + 20):
            start = time.perf_counter()
            found = as_of(session, "lead", lead_id, moment)
            seconds.append(time.perf_counter() - start)
            if found is None or found.version != length:
                raise RuntimeError("the record is not what it should be")
    return statistics.median(seconds[20:])


def _load(engine: Engine, prefix: str, lengths: Any) -> None:
    load_history(engine, "lead", _versions(prefix, lengths), actor="import:b", reason=None, now=NOW)


def _versions(prefix: str, lengths: Any) -> Iterator[dict[str, Any]]:
    for place, length in enumerate(lengths):
        lead_id = f"{prefix}-{place}"
        for version in range(length):
            yield {
                "id": lead_id,
                "source": "bench",
                "external_id": lead_id,
                "recorded_at": NOW + version * MINUTE,
                "fields": {"company": "甲", "need": f"第{version}次"},
            }
