"""Shared rows kept in memory give the same figures as the rows themselves, in whatever order they came."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import features_of
from features.engines.python_engine import evaluate
from features.engines.shared_rows import SharedRows
from tests.parity.histories import AS_OFS, histories

FLOW = [feature.name for feature in features_of("lead") if "lead_flow" in feature.sources]


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(history=histories, shuffled=st.randoms(use_true_random=False), moment=st.sampled_from(AS_OFS[:2]))
def test_shared_rows_say_what_the_rows_say(history, shuffled: Random, moment):
    rows = list(history["lead_flow"])
    shuffled.shuffle(rows)
    shared = SharedRows()
    middle = len(rows) // 2
    # Some are taken in while they are not known yet, and become known between two questions.
    shared.add(rows[:middle], moment - timedelta(days=40))
    shared.add(rows[middle:], moment - timedelta(hours=1))

    for lead_id in ("L1", "L2", "nobody"):
        own = [row for row in rows if row["lead_id"] == lead_id]

        def figure(wanted, key, own=own, lead_id=lead_id):
            return shared.figure(wanted, key, own, lead_id, moment)

        plain = evaluate("lead", history, lead_id, moment, FLOW)
        assert evaluate("lead", history, lead_id, moment, FLOW, figure) == pytest.approx(plain)
