"""A scan for duplicates against a hash join on exact keys of the same leads, and the time per new lead.

The reference groups the leads by their telephone, e-mail, credit code and company name as typed, in memory:
the least that any search for duplicates does. ``LEADPULSE_BENCH_ROWS`` sets the number of leads (100,000).
"""

import os
import statistics
import time
from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from crm_store.database import migrate, open_engine, session_factory
from crm_store.models import DuplicatePair
from crm_store.repositories.writes.bulk import load_history
from crm_store.services.duplicates import find_duplicates
from pipelines.duplicate_scan import run_scan
from tests.data_makers.duplicates import Made, make_leads, true_pairs

ROWS = 100_000
ARRIVALS = 2_000
WARM_UP = 100
WORKERS = 2
SEED = 11
NOW = datetime(2026, 3, 1, tzinfo=UTC)
EXACT = ("phone", "email", "credit_code", "company")
LIKELY = 0.9

Pair = tuple[str, str]


def run(rows: int | None = None) -> dict[str, Any]:
    """Return seconds per 100,000 leads, their ratio to the reference, p50 and p99 (ms), precision, recall.

    Precision and recall are told of all that is proposed, and of what has a score of 0.9 or more.
    """
    count = rows or int(os.environ.get("LEADPULSE_BENCH_ROWS", ROWS))
    leads = list(make_leads(count, SEED))
    reference = min(_hash_join(leads) for _ in range(3))
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.db'}"
        seconds, found, arrivals = _measure(url, leads, Path(folder))
    truth = true_pairs(leads)
    told = {"": found.keys(), "_of_likely": {pair for pair, score in found.items() if score >= LIKELY}}
    true = {name: len(pairs & truth.keys()) for name, pairs in told.items()}
    return {
        "rows": count,
        "workers": WORKERS,
        "scan_s_per_100k": round(seconds * 100_000 / count, 1),
        "scan_ratio": round(seconds / reference, 1),
        "arrival_p50_ms": round(statistics.median(arrivals), 2),
        "arrival_p99_ms": round(statistics.quantiles(arrivals, n=100)[98], 2),
        **{f"precision{name}": round(true[name] / len(pairs), 4) for name, pairs in told.items()},
        **{f"recall{name}": round(true[name] / len(truth), 4) for name in told},
    }


def _measure(url: str, leads: list[Made], folder: Path) -> tuple[float, dict[Pair, float], list[float]]:
    migrate(url)
    engine = open_engine(url)
    origin = {"source": "bench", "recorded_at": NOW}
    rows = [origin | {"id": lead.id, "external_id": lead.id, "fields": lead.fields} for lead in leads]
    load_history(engine, "lead", rows, actor="import:bench", reason=None, now=NOW)
    start = time.perf_counter()
    run_scan(url, "lead", workers=WORKERS, notes=folder / "notes.json", report=lambda done, total: None)
    seconds = time.perf_counter() - start
    arrivals = []
    with session_factory(engine)() as session:
        pairs = session.execute(select(DuplicatePair.left_id, DuplicatePair.right_id, DuplicatePair.score))
        found = {(left, right): score for left, right, score in pairs}
        for lead in make_leads(WARM_UP + ARRIVALS, SEED + 1):
            start = time.perf_counter()
            find_duplicates(session, "lead", lead.fields)
            arrivals.append(1000 * (time.perf_counter() - start))
    engine.dispose()
    return seconds, found, arrivals[WARM_UP:]


def _hash_join(leads: list[Made]) -> float:
    """Return the seconds that grouping by exact values takes."""
    start = time.perf_counter()
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for lead in leads:
        for name in EXACT:
            if name in lead.fields:
                groups[name, lead.fields[name]].append(lead.id)
    _pairs = [pair for ids in groups.values() for pair in pairwise(ids)]
    return time.perf_counter() - start
