"""One entity at a time is told to be scored or not as the batch tells it of all."""

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.parity.histories import AS_OFS, arrow_tables, make_history
from training.outcomes import LeadWon, NoPurchase, NotRenewed, Outcome, days

OUTCOMES: list[Outcome] = [
    LeadWon(within=days(30)),
    NoPurchase(within=days(90), active_within=days(180)),
    NotRenewed(before_end=(days(60),), grace=days(30)),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: type(outcome).__name__)
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10**6), size=st.sampled_from((0, 3, 12)))
def test_an_entity_is_a_subject_when_the_batch_says_so(tmp_path, outcome, seed, size):
    history = make_history(seed, size)
    for row in history["lead_states"]:
        row["status"] = {"甲": "won", "乙": "lost"}.get(row["status"], "new")
    history["contract_events"] = _each_signed_once(history["contract_events"])
    for name, table in arrow_tables(history).items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    key = f"{outcome.entity}_id"
    for now in AS_OFS[:2]:
        batch = set(outcome.subjects_at(tmp_path, pd.Timestamp(now)).entity_id)
        for entity_id in ("L1", "L2") if outcome.entity == "lead" else ("A1", "A2"):
            own = {name: [row for row in rows if row.get(key) == entity_id] for name, rows in history.items()}
            assert outcome.is_subject(own, now) is (entity_id in batch)


def _each_signed_once(events):
    """Give every account contracts of its own, each with the events that a contract can have."""
    told = {}
    for row in events:
        if row["account_id"] and row["contract_id"]:
            row["contract_id"] = f"{row['account_id']}-{row['contract_id']}"
            told.setdefault((row["contract_id"], row["event"]), row)
    return list(told.values())
