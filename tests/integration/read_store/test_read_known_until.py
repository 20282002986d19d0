"""What stopped being true stops counting from then on, and not before: corrections, order states, merges."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity, MergeLog, OrderSnapshot
from crm_store.repositories.sources.event_log import entity_history, export_sources
from crm_store.repositories.writes.bulk import load_facts
from tests.integration.read_store.clock import HOUR, T0, Write

Told = list[tuple[str, float, float | None]]


@pytest.mark.usefixtures("amended")
def test_an_entry_holds_until_it_is_corrected(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    expected = [("act_wrong", 1.0, 10.0), ("act_better", 10.0, 12.0), ("act_right", 12.0, None)]
    assert both(store_engine, sessions, tmp_path, "activities", "lead", "lea_4") == expected


@pytest.mark.usefixtures("amended")
def test_a_state_of_an_order_holds_until_the_next_one_of_the_same_order(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    expected = [("ord_a", 1.0, 6.0), ("ord_b", 6.0, None), ("ord_other", 7.0, None)]
    assert both(store_engine, sessions, tmp_path, "orders", "account", "acc_3") == expected


@pytest.mark.usefixtures("amended", "merged")
def test_a_survivor_has_what_happened_with_the_merged_lead_from_the_merge_to_its_undoing(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    # What was corrected before the merge was never known to the survivor.
    found = both(store_engine, sessions, tmp_path, "activities", "lead", "lea_3")
    assert found == [("act_right", 20.0, 30.0)]


@pytest.mark.usefixtures("merged")
def test_a_surviving_account_has_the_orders_and_tickets_of_the_merged_one(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    # A third ticket event is of a ticket that was deleted before the merge.
    for source, count in (("orders", 3), ("ticket_events", 2), ("contract_events", 2)):
        found = both(store_engine, sessions, tmp_path, source, "account", "acc_3")
        own = both(store_engine, sessions, tmp_path, source, "account", "acc_1")
        still_known = [one for one in own if one[2] is None]
        assert len(still_known) == count
        assert found == [(name, max(25.0, known), until) for name, known, until in still_known]


@pytest.mark.usefixtures("company")
def test_what_was_said_of_a_deleted_record_holds_until_then_and_again_from_its_restoration(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path, write: Write
) -> None:
    write("ticket", "tic_3", {"deleted_at": None}, 20)
    found = both(store_engine, sessions, tmp_path, "ticket_events", "account", "acc_1")
    assert [one for one in found if "tic_3" in one[0]] == [
        ("tic_3@1#opened", 8.0, 9.0),
        ("tic_3@1#opened", 20.0, None),
    ]


def both(
    engine: Engine, sessions: sessionmaker[Session], folder: Path, source: str, entity: Any, entity_id: str
) -> Told:
    """Return (record, known from, known until) in hours after T0; files and single reads must agree."""
    export_sources(engine, folder)
    rows = pq.read_table(folder / f"{source}.parquet").to_pylist()
    in_files = told([row for row in rows if row[f"{entity}_id"] == entity_id])
    with sessions() as session:
        assert told(entity_history(session, entity, entity_id, [source])[source]) == in_files
    return in_files


def told(rows: list[dict[str, Any]]) -> Told:
    rows = sorted(rows, key=lambda row: (row["occurred_at"], row["recorded_at"], row["record_id"]))
    return [(row["record_id"], hours(row["recorded_at"]), hours(row["known_until"])) for row in rows]


def hours(moment: datetime | None) -> Any:
    return None if moment is None else round((moment - T0) / HOUR, 6)


@pytest.fixture
def amended(company: None, store_engine: Engine) -> None:
    """A call entered wrongly and corrected twice, and an order whose delivery state changed."""
    call = {"source": "crm", "lead_id": "lea_4", "channel": "call", "direction": "out", "occurred_at": T0}
    steps = [("act_wrong", 1, None), ("act_better", 10, "act_wrong"), ("act_right", 12, "act_better")]
    entries = [
        call | {"id": name, "external_id": name, "recorded_at": T0 + hour * HOUR, "corrects_id": corrects}
        for name, hour, corrects in steps
    ]
    load_facts(store_engine, Activity, pa.Table.from_pylist(entries))
    order = {"source": "erp", "account_id": "acc_3", "amount": 5.0, "occurred_at": T0}
    states = [("ord_a", "N1@1", 1), ("ord_b", "N1@2", 6), ("ord_other", "N10@1", 7)]
    rows = [
        order | {"id": name, "external_id": external_id, "recorded_at": T0 + hour * HOUR}
        for name, external_id, hour in states
    ]
    load_facts(store_engine, OrderSnapshot, pa.Table.from_pylist(rows))


@pytest.fixture
def merged(company: None, sessions: sessionmaker[Session], write: Write) -> None:
    """Lead 4 merged into lead 3 and apart again; account 1 merged into account 3."""
    with transaction(sessions) as session:
        session.add(merge("lead", "lea_4", "lea_3", 20, 30))
        session.add(merge("account", "acc_1", "acc_3", 25, None))


def merge(entity: str, merged_id: str, survivor_id: str, since: float, until: float | None) -> MergeLog:
    return MergeLog(
        id=f"mer_{merged_id}",
        entity=entity,
        merged_id=merged_id,
        survivor_id=survivor_id,
        changes=[],
        actor="user:li",
        merged_at=T0 + since * HOUR,
        undone_at=None if until is None else T0 + until * HOUR,
    )
