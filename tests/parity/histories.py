"""Made-up histories for the engines: dense tables with times on window edges, ties, gaps and late entries.

Hypothesis chooses seed and size, and so shrinks a failure to few rows.
"""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from crm_store.domain.sources import SOURCES, ColumnType, SourceTable

ORIGIN = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
AS_OFS = (ORIGIN, ORIGIN + timedelta(days=30), ORIGIN - timedelta(days=400))
ARROW: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "float": pa.float64(),
    "moment": pa.timestamp("us", "UTC"),
}

_TICK = timedelta(microseconds=1)
# Distances from the as-of moments that fall on and just beside the edges of the catalog's windows.
_EDGES = [timedelta(days=d) for d in (0, 1, 7, 30, 60, 90, 180, 365)]
_NEAR = [timedelta(0), timedelta(0), _TICK, -_TICK, timedelta(hours=5), timedelta(days=3)]
_LATE = [
    timedelta(0),
    timedelta(0),
    timedelta(0),
    timedelta(hours=1),
    timedelta(days=31),
    -timedelta(hours=2),
]
_TALK = ["chat", "call", "email", "meeting"]
_WORDS: dict[str, list[str | None]] = {
    "lead_id": ["L1", "L1", "L2", None],
    "account_id": ["A1", "A1", "A2", None],
    "campaign": ["春季展会", "春季展会", "web", None],
    "market": ["all"],
    "direction": ["in", "out", "out", "internal"],
    "text": ["今年预算不足", "准备招标，更换供应商", "你好", "竞品对比", "", None],
    "ticket_id": ["T1", "T2", "T3", "T4", None],
    "contract_id": ["C1", "C2", "C3", "C4", "C5", None],
    "product": ["手套", "口罩", None],
    "owner_id": ["R1", "R2", None],
    "rep_id": ["R1", "R2", None],
    "fit_id": ["R1|need|甲", "R1|need|甲", "R2|lead|L1", None],
    "stint_id": ["S1", "S2", "S3", "S4", None],
    "booking_id": ["B1", "B2", "B3", None],
}
_CHANNELS: dict[str, list[str | None]] = {
    "activities": [*_TALK, *_TALK, "site", "site", "download", "search", "search", "view", "assign"],
    "lead_states": ["chat", "春季", None],
    "lead_flow": ["chat", "春季", None],
}
_EVENTS: dict[str, list[str | None]] = {
    "ticket_events": ["opened", "answered", "resolved", "rated"],
    "contract_events": ["signed", "signed", "signed", "renewed", "lapsed"],
    "lead_flow": ["arrived", "won"],
    "rep_events": ["assigned", "assigned", "released", "contacted", "won", "lost"],
    "fit_events": ["assigned", "won", "contacted"],
    "leave_events": ["booked", "booked", "cancelled"],
}
_NUMBERS: list[float | None] = [0.0, 1.0, 2.5, 180.0, 179.9, 1234.56, None]


def make_history(seed: int, size: int) -> dict[str, list[dict[str, Any]]]:
    """Return about ``size`` rows of every source, of two leads, two accounts and nobody."""
    random = Random(seed)
    return {
        name: [_row(random, source, number) for number in range(random.randint(size // 2, size))]
        for name, source in SOURCES.items()
    }


histories = st.builds(make_history, seed=st.integers(0, 10**6), size=st.sampled_from((0, 3, 30, 80)))


def arrow_tables(history: dict[str, list[dict[str, Any]]]) -> dict[str, pa.Table]:
    """Return the history as the Arrow tables that the store would export; absent sources are empty."""
    tables = {}
    for name, source in SOURCES.items():
        schema = pa.schema([(column, ARROW[kind]) for column, kind in source.columns.items()])
        tables[name] = pa.Table.from_pylist(list(history.get(name, ())), schema=schema)
    return tables


def _row(random: Random, source: SourceTable, number: int) -> dict[str, Any]:
    row = {column: _cell(random, source.name, column, kind) for column, kind in source.columns.items()}
    row["occurred_at"] = _moment(random)
    row["recorded_at"] = row["occurred_at"] + random.choice(_LATE)
    row["record_id"] = f"{source.name}-{number * 7 % 997:03}"
    return row


def _cell(random: Random, source: str, column: str, kind: ColumnType) -> Any:
    if column == "version":
        return float(random.randint(1, 3))
    if column == "event":
        return random.choice(_EVENTS[source])
    if column == "channel":
        return random.choice(_CHANNELS[source])
    if kind == "string":
        return random.choice(_WORDS.get(column, ["甲", "乙", None]))
    if kind == "float":
        return random.choice(_NUMBERS)
    if column == "end_at" or (source == "leave_events" and column == "start_at" and random.random() < 0.5):
        return _moment(random) + timedelta(days=random.choice([30, 200, 400]))
    return random.choice([None, _moment(random), _moment(random)])


def _moment(random: Random) -> datetime:
    return random.choice(AS_OFS[:2]) - random.choice(_EDGES) + random.choice(_NEAR)
