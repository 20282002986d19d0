"""Nothing that was recorded after a moment changes what is said of it."""

from datetime import timedelta

import pandas as pd
import pytest

from features.catalog import CATALOG, names_of
from features.engines import ibis_engine, python_engine
from tests.parity.histories import ORIGIN, arrow_tables, make_history

THEN = ORIGIN - timedelta(days=30)
IDS = {"lead": ("L1", "L2"), "account": ("A1", "A2")}


@pytest.mark.parametrize("entity", ["lead", "account"])
def test_rows_and_corrections_recorded_later_do_not_show(entity, history):
    before = _both(entity, history)
    for name, rows in make_history(seed=5, size=80).items():
        planted = [
            row | {"recorded_at": max(row["recorded_at"], THEN + timedelta(microseconds=1)), "version": 99.0}
            for row in rows
        ]
        known = history[name][0].keys() if history[name] else rows[0].keys()
        history[name] = history[name] + [{key: row[key] for key in known} for row in planted]

    pd.testing.assert_frame_equal(_both(entity, history), before)


def test_the_same_rows_recorded_in_time_do_show(history):
    before = _both("lead", history)
    for row in make_history(seed=5, size=80)["activities"]:
        history["activities"].append(row | {"occurred_at": THEN, "recorded_at": THEN})

    assert not _both("lead", history).equals(before)


def test_the_trace_holds_only_what_had_been_recorded(history):
    for name in names_of("lead"):
        for row in python_engine.behind("lead", CATALOG[name], history, "L1", THEN):
            assert row["recorded_at"] <= THEN
            assert row["occurred_at"] <= THEN


def test_a_count_is_the_number_of_rows_in_its_trace(history):
    for name, value in python_engine.evaluate("lead", history, "L1", ORIGIN).items():
        rows = python_engine.behind("lead", CATALOG[name], history, "L1", ORIGIN)
        if CATALOG[name].function == "count":
            assert value == len(rows), name
        if value not in (None, 0.0):
            assert rows, name


def test_a_trace_is_in_order_and_of_this_entity(history):
    rows = python_engine.behind("account", CATALOG["account_amount_all"], history, "A1", ORIGIN)

    assert len(rows) > 1
    assert {row["account_id"] for row in rows} == {"A1"}
    assert [row["occurred_at"] for row in rows] == sorted(row["occurred_at"] for row in rows)


def _both(entity, history):
    """Return what the set engine says, having checked that the other says the same of a few."""
    rows = pd.DataFrame([(entity_id, THEN) for entity_id in IDS[entity]], columns=["entity_id", "as_of"])
    frame = ibis_engine.compute(entity, rows, arrow_tables(history))
    one = python_engine.evaluate(entity, history, IDS[entity][0], THEN)
    counts = [name for name in one if CATALOG[name].function == "count"]
    assert [one[name] for name in counts] == frame.loc[0, counts].tolist()
    return frame
