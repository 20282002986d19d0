"""The figures stay cheap as the store grows: few queries, little memory, and the same answers."""

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from discipline_records import HOUR, T0, put
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity
from crm_store.repositories.writes.bulk import MOMENT, load_facts, load_history
from crm_store.services.discipline import completeness, entry_delays, incomplete_records
from tests.sizes import full

ENTRIES = full(20_000, 1_000_000)
LEADS = full(5_000, 100_000)
REPS = 30
SPAN_H = 24 * 30
# A page of rows and one cell's delays; all rows at once would take hundreds of megabytes.
MOST_BYTES = 16_000_000


@pytest.fixture
def staffed(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    with transaction(sessions) as session:
        put(session, "lead", "lea_1")
        for number in range(REPS):
            put(session, "rep", f"rep_{number:02}")
    return sessions


def entries(count: int) -> pa.Table:
    """Each entry's delay is its number modulo 48 hours, so that every percentile is known beforehand."""
    numbers = range(count)
    made = [T0 + timedelta(hours=number % SPAN_H) for number in numbers]
    return pa.table(
        {
            "id": [f"act_{number}" for number in numbers],
            "source": ["crm"] * count,
            "external_id": [str(number) for number in numbers],
            "lead_id": ["lea_1"] * count,
            "rep_id": [f"rep_{number % REPS:02}" for number in numbers],
            "channel": ["call"] * count,
            "direction": ["out"] * count,
            "occurred_at": pa.array(
                [at - (number % 48) * HOUR for number, at in zip(numbers, made, strict=True)], MOMENT
            ),
            "recorded_at": pa.array(made, MOMENT),
        }
    )


def test_the_heat_map_of_many_entries_needs_little_memory(
    staffed: sessionmaker[Session], store_engine: Engine
):
    assert load_facts(store_engine, Activity, entries(ENTRIES)) == ENTRIES
    with staffed() as session:
        entry_delays(session, T0, T0 + HOUR)  # compiled before it is measured
        tracemalloc.start()
        found = entry_delays(session, T0, T0 + SPAN_H * HOUR)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MOST_BYTES
    assert sum(cell.entries for cell in found.cells) == ENTRIES
    late = sum(cell.entries * cell.late_share for cell in found.cells)
    assert late == pytest.approx(sum(number % 48 > 24 for number in range(ENTRIES)))


def histories(count: int) -> Iterator[dict[str, Any]]:
    """Every second lead has a company, every fourth a phone too, every fifth nothing but an owner."""
    for number in range(count):
        fields = {"owner_id": f"rep_{number % REPS:02}"}
        if number % 5:
            fields |= {"company": "甲厂"} if number % 2 == 0 else {}
            fields |= {"phone": "139"} if number % 4 == 0 else {}
        yield {
            "id": f"lea_{number:06}_",
            "source": "bulk",
            "external_id": str(number),
            "recorded_at": T0,
            "fields": fields,
        }


def test_completeness_of_many_leads(staffed: sessionmaker[Session], store_engine: Engine):
    load_history(store_engine, "lead", histories(LEADS), actor="import:bulk", reason=None, now=T0)
    with staffed() as session:
        by_rep = completeness(session, "lead", "rep")
        (everybody,) = completeness(session, "lead")
        worst = incomplete_records(session, "lead", limit=20)
    filled = {field.field: field.filled for field in everybody.fields}
    assert filled["company"] == sum(number % 5 > 0 and number % 2 == 0 for number in range(LEADS))
    assert filled["phone"] == sum(number % 5 > 0 and number % 4 == 0 for number in range(LEADS))
    assert everybody.records == sum(one.records for one in by_rep) == LEADS + 1
    mean = sum(one.share * one.records for one in by_rep) / everybody.records
    assert everybody.share == pytest.approx(mean)
    assert {one.share for one in worst} == {0.0}
    assert len({one.record_id for one in worst}) == 20
