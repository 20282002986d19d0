"""Many moments at once, one moment at a time, and one entity in plain Python say the same of any history.

The histories hold late entries, corrections, ties on window edges, Chinese text and rows of nobody.
"""

import math
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from features.engines import ibis_engine, python_engine
from features.engines.spans import MOST_MOMENTS
from tests.parity.histories import ORIGIN, arrow_tables, histories
from tests.sizes import full

IDS = {"lead": ("L1", "L2", "nobody"), "account": ("A1", "A2", "nobody")}
# Weeks around the histories' two moments, and the moments on and beside the edges of windows.
WEEKS = [ORIGIN + timedelta(weeks=w) for w in range(-12, 20)]
EDGES = [ORIGIN + timedelta(days=d, microseconds=us) for d in (0, 7, 23, 30) for us in (-1, 0, 1)]
MOMENTS = sorted({*WEEKS, *EDGES, ORIGIN - timedelta(days=400)})


@pytest.mark.parametrize("entity", ["lead", "account"])
@settings(
    max_examples=full(3, 60),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(history=histories)
def test_many_moments_at_once_are_each_moment_alone(entity, history):
    rows = _asked(entity, MOMENTS)
    sources = arrow_tables(history)
    assert [shape for _, shape in ibis_engine.parts(ibis_engine.asked_table(rows))] == ["grid"]

    frame = ibis_engine.compute(entity, rows, sources)

    alone = [
        ibis_engine.compute(entity, rows[rows.as_of == moment], sources)
        for moment in (ORIGIN, WEEKS[3], WEEKS[-1], EDGES[-1])
    ]
    for one in alone:
        same = frame[frame.as_of == one.as_of.iloc[0]].reset_index(drop=True)
        pd.testing.assert_frame_equal(same, one, rtol=1e-12, atol=0)
    for found in frame.to_dict("records"):
        expected = python_engine.evaluate(entity, history, found["entity_id"], found["as_of"])
        differing = {n: (v, found[n]) for n, v in expected.items() if not _same(v, found[n])}
        assert not differing, (found["entity_id"], found["as_of"])


def test_more_moments_than_bits_are_worked_out_in_parts():
    moments = [ORIGIN + timedelta(days=d) for d in range(MOST_MOMENTS + 5)]
    rows = _asked("lead", moments)
    asked = ibis_engine.asked_table(rows)
    history = {
        "activities": [
            {
                "record_id": f"act-{day}",
                "lead_id": "L1",
                "channel": "chat",
                "occurred_at": ORIGIN + timedelta(days=day),
                "recorded_at": ORIGIN + timedelta(days=day),
            }
            for day in (0, 2, 58, 63)
        ]
    }

    frame = ibis_engine.compute("lead", rows, arrow_tables(history), ["lead_chats_7d", "lead_chats_all"])

    assert [len(part) for part, _ in ibis_engine.parts(asked)] == [3 * MOST_MOMENTS, 3 * 5]
    chats = frame[frame.entity_id == "L1"].set_index("as_of")
    assert list(chats.lead_chats_7d[[moments[d] for d in (0, 2, 6, 7, 9, 58, 62, 63, 64)]]) == [
        *(1, 2, 2, 1, 0, 1, 1, 2, 2)
    ]
    assert chats.lead_chats_all[moments[64]] == 4
    assert frame[["entity_id", "as_of"]].equals(rows)


def test_scattered_moments_are_worked_out_row_by_row():
    rows = pd.DataFrame(
        [(f"L{n}", ORIGIN + timedelta(days=n, hours=age)) for n in range(9) for age in (0, 24)],
        columns=["entity_id", "as_of"],
    )

    assert [shape for _, shape in ibis_engine.parts(ibis_engine.asked_table(rows))] == ["rows"]


def _asked(entity, moments):
    asked = [(entity_id, as_of) for entity_id in IDS.get(entity, ()) for as_of in moments]
    rows = pd.DataFrame(asked, columns=["entity_id", "as_of"])
    return rows.assign(as_of=rows.as_of.dt.as_unit("us"))


def _same(expected, found):
    if expected is None or found is None:
        return expected is None and (found is None or found != found)
    if isinstance(expected, str):
        return found == expected
    return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
