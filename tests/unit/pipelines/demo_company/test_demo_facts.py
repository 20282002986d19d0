"""Activities and orders: all columns, legal values, recorded after they happened, none on a closed lead."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from crm_store.models import Base
from crm_store.models.choices import CHANNELS, DIRECTIONS
from pipelines.demo_company import DemoCompany
from pipelines.demo_company.records.facts import activity_table
from pipelines.demo_company.world.arrays import NOBODY, words
from pipelines.demo_company.world.batch import Batch
from pipelines.demo_company.world.clock import Clock


@pytest.mark.parametrize("name", ["activity", "order_snapshot"])
def test_tables_have_the_columns_of_their_models(small_company: DemoCompany, name: str) -> None:
    table = small_company.facts[name]
    columns = Base.metadata.tables[name].columns

    assert set(columns.keys()) - set(table.column_names) <= {"txid", "contact_id", "opportunity_id"}
    assert set(table.column_names) <= set(columns.keys())
    assert table.schema.field("occurred_at").type == pa.timestamp("us", tz="UTC")
    for column in columns:
        if not column.nullable:
            assert table[column.name].null_count == 0, column.name


@pytest.mark.parametrize("name", ["activity", "order_snapshot"])
def test_facts_are_recorded_after_they_happened_and_by_now(small_company: DemoCompany, name: str) -> None:
    for row in small_company.facts[name].to_pylist():
        assert row["occurred_at"] <= row["recorded_at"] <= small_company.now


@pytest.mark.parametrize("name", ["activity", "order_snapshot"])
def test_ids_are_unique_and_references_exist(small_company: DemoCompany, name: str) -> None:
    table = small_company.facts[name]
    known = {
        f"{entity}_id": {row["id"] for row in small_company.histories[entity]}
        for entity in ("lead", "account", "rep")
    }
    assert len(set(table["id"].to_pylist())) == table.num_rows
    for column, ids in known.items():
        if column in table.column_names:
            assert set(table[column].drop_null().to_pylist()) <= ids


def test_what_happened_to_a_lead_that_is_not_on_record_yet_is_not_either() -> None:
    now = datetime(2026, 3, 4, 6, tzinfo=UTC)
    clock = Clock(now)
    at, nobody = np.full(3, clock.now_day - 1), np.full(3, NOBODY)
    text = words([None] * 3)
    visits = Batch("site", "in", at, np.array([0, 1, NOBODY]), nobody, nobody, text, np.full(3, 60.0))
    written = np.array([clock.now_day - 2, clock.now_day + 0.1])
    ids = (words(["lea_0", "lea_1", None]), words([None]), words([None]))
    table = activity_table(np.random.default_rng(1), clock, [visits], written, ids)
    assert table["lead_id"].to_pylist() == ["lea_0", None]


def test_activities_are_legal(small_company: DemoCompany) -> None:
    rows = small_company.facts["activity"].to_pylist()

    assert {row["channel"] for row in rows} == set(CHANNELS)
    assert {row["direction"] for row in rows} == set(DIRECTIONS)
    assert all((row["lead_id"] is None) != (row["account_id"] is None) for row in rows)
    assert all(row["duration_s"] > 0 for row in rows if row["channel"] == "site")
    assert all(row["rep_id"] for row in rows if row["direction"] != "in")


def test_nothing_happens_to_a_lead_before_it_arrives_or_after_it_closes(small_company: DemoCompany) -> None:
    lives = _lead_lives(small_company)
    for row in small_company.facts["activity"].to_pylist():
        if row["lead_id"]:
            created, closed = lives[row["lead_id"]]
            assert created <= row["occurred_at"]
            assert closed is None or row["occurred_at"] <= closed


def test_nothing_happens_to_an_account_before_it_is_one(small_company: DemoCompany) -> None:
    since: dict[str, Any] = {}
    for row in small_company.histories["account"]:
        since.setdefault(row["id"], row["recorded_at"])
    for table in small_company.facts.values():
        for row in table.to_pylist():
            if row["account_id"]:
                assert since[row["account_id"]] <= row["occurred_at"]


def test_some_entries_are_made_days_late(tenth_company: DemoCompany) -> None:
    calls = [r for r in tenth_company.facts["activity"].to_pylist() if r["channel"] == "call"]
    late = sum(row["recorded_at"] - row["occurred_at"] > timedelta(hours=3) for row in calls)
    assert 0.08 < late / len(calls) < 0.25


def test_a_correction_points_at_an_earlier_entry_about_the_same_thing(tenth_company: DemoCompany) -> None:
    rows = {row["id"]: row for row in tenth_company.facts["activity"].to_pylist()}
    corrections = [row for row in rows.values() if row["corrects_id"]]

    assert corrections
    for row in corrections:
        first = rows[row["corrects_id"]]
        assert first["recorded_at"] < row["recorded_at"]
        same = ("lead_id", "account_id", "channel", "occurred_at")
        assert [first[name] for name in same] == [row[name] for name in same]


def test_some_leads_are_never_looked_at(tenth_company: DemoCompany) -> None:
    seen = {r["lead_id"] for r in tenth_company.facts["activity"].to_pylist() if r["channel"] == "view"}
    closed = {lead for lead, (_, end) in _lead_lives(tenth_company).items() if end is not None}
    assert 0.02 < len(closed - seen) / len(closed) < 0.15


def test_orders_have_amounts_and_states(small_company: DemoCompany) -> None:
    rows = small_company.facts["order_snapshot"].to_pylist()
    states = Counter(row["delivery_state"] for row in rows)

    assert all(row["amount"] > 0 and row["quantity"] >= 1 and row["freight"] > 0 for row in rows)
    assert set(states) <= {"shipped", "in_production", "to_schedule"}
    assert states.most_common(1)[0][0] == "shipped"


def _lead_lives(company: DemoCompany) -> dict[str, tuple[Any, Any]]:
    lives: dict[str, tuple[Any, Any]] = {}
    for row in company.histories["lead"]:
        created, closed = lives.get(row["id"], (row["fields"].get("created_at"), None))
        lives[row["id"]] = (created, row["fields"].get("closed_at", closed))
    return lives
