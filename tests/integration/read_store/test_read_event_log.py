"""Feature sources, in bulk and for one entity: the same rows, on both stores."""

from datetime import UTC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.domain.sources import SOURCES
from crm_store.repositories.sources import export as source_export
from crm_store.repositories.sources.event_log import (
    HISTORY_SOURCES,
    entity_history,
    export_sources,
    raw_record,
)
from tests.integration.read_store.clock import HOUR, T0, Write

ARROW = {"string": pa.string(), "float": pa.float64(), "moment": pa.timestamp("us", tz="UTC")}
LEADS = ("lea_1", "lea_2", "lea_3", "lea_4")
ACCOUNTS = ("acc_1", "acc_2", "acc_3")


@pytest.mark.usefixtures("company")
def test_every_source_is_a_file_with_its_columns_and_types(store_engine: Engine, tmp_path: Path) -> None:
    counts = export_sources(store_engine, tmp_path / "new" / "sources")
    assert counts == {
        "lead_states": 8,
        "account_states": 5,
        "activities": 20,
        "orders": 6,
        "ticket_events": 5,
        "contract_events": 3,
        "lead_flow": 5,
        "rep_states": 2,
        "rep_events": 3,
        "fit_events": 6,
        "leave_events": 0,
    }
    for name, table in SOURCES.items():
        file = pq.read_table(tmp_path / "new" / "sources" / f"{name}.parquet")
        assert file.schema.names == list(table.columns)
        assert file.schema.types == [ARROW[kind] for kind in table.columns.values()]
        assert file.num_rows == counts[name]


@pytest.mark.usefixtures("company")
def test_the_history_of_an_entity_is_what_the_files_hold_row_by_row(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    export_sources(store_engine, tmp_path)
    with sessions() as session:
        for entity, ids in (("lead", LEADS), ("account", ACCOUNTS)):
            for entity_id in ids:
                history = entity_history(session, entity, entity_id)  # type: ignore[arg-type]
                assert list(history) == list(HISTORY_SOURCES[entity])
                for name, rows in history.items():
                    everyone = name == "lead_flow"
                    key = None if everyone else f"{entity}_id"
                    assert rows == from_file(tmp_path, name, key, entity_id), (name, entity_id)


@pytest.mark.usefixtures("company")
def test_no_row_of_an_entity_is_missing_from_the_histories(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    export_sources(store_engine, tmp_path)
    with sessions() as session:
        leads = [entity_history(session, "lead", lead_id) for lead_id in LEADS]
        accounts = [entity_history(session, "account", account_id) for account_id in ACCOUNTS]
    for name, owners in (("lead_states", leads), ("account_states", accounts), ("orders", accounts)):
        assert_same_ids(owners, name, from_file(tmp_path, name))
    for name in ("ticket_events", "contract_events"):
        assert_same_ids(accounts, name, from_file(tmp_path, name))


@pytest.mark.usefixtures("company")
def test_values_are_plain_and_moments_are_exact_to_the_microsecond(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        history = entity_history(session, "lead", "lea_1", ["lead_states", "activities"])
    assert list(history) == ["lead_states", "activities"]
    first, *_, last = history["lead_states"]
    assert (first["recorded_at"], first["created_at"]) == (T0, T0 - HOUR)
    assert first["recorded_at"].tzinfo is UTC
    assert (last["status"], last["closed_at"], last["version"]) == ("lost", T0 + 40 * HOUR, 4.0)
    assert {row["channel"] for row in history["activities"]} == {"chat"}
    assert any(row["duration_s"] == 50.0 for row in history["activities"])


@pytest.mark.usefixtures("company")
def test_an_event_stays_with_the_account_the_ticket_had_at_the_time(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        before, after = (
            [
                row["event"]
                for row in entity_history(session, "account", key, ["ticket_events"])["ticket_events"]
            ]
            for key in ("acc_2", "acc_1")
        )
    assert before == ["opened", "answered"]
    assert after == ["resolved", "rated", "opened"]


@pytest.mark.usefixtures("company")
def test_an_account_is_not_taken_for_another_that_its_id_is_part_of(
    sessions: sessionmaker[Session], write: Write
) -> None:
    write("account", "acc_10", {"name": "近名"})
    write("ticket", "tic_9", {"title": "t", "status": "open", "opened_at": T0, "account_id": "acc_10"})
    with sessions() as session:
        assert len(entity_history(session, "account", "acc_10", ["ticket_events"])["ticket_events"]) == 1
        events = entity_history(session, "account", "acc_1", ["ticket_events"])["ticket_events"]
    assert {row["ticket_id"] for row in events} == {"tic_1", "tic_3"}


@pytest.mark.usefixtures("company")
def test_an_unknown_entity_has_no_rows_and_an_unknown_source_is_an_error(
    sessions: sessionmaker[Session],
) -> None:
    with sessions() as session:
        assert entity_history(session, "account", "acc_none") == {
            name: [] for name in HISTORY_SOURCES["account"]
        }
        with pytest.raises(KeyError, match="orders"):
            entity_history(session, "lead", "lea_1", ["orders"])


def test_an_empty_store_gives_empty_files(store_engine: Engine, tmp_path: Path) -> None:
    assert set(export_sources(store_engine, tmp_path).values()) == {0}
    assert pq.read_table(tmp_path / "orders.parquet").num_rows == 0


@pytest.mark.usefixtures("company")
def test_small_batches_make_the_same_files_and_progress_tells_rows_so_far(
    store_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = export_sources(store_engine, tmp_path / "whole")
    monkeypatch.setattr(source_export, "BATCH_ROWS", 3)
    told: dict[str, list[int]] = {}
    export_sources(
        store_engine, tmp_path / "parts", lambda name, rows: told.setdefault(name, []).append(rows)
    )
    for name in SOURCES:
        assert from_file(tmp_path / "parts", name) == from_file(tmp_path / "whole", name)
        assert told.get(name, [0])[-1] == counts[name]
        assert told.get(name, []) == sorted(told.get(name, []))
    assert told["lead_states"][0] == 3


@pytest.mark.usefixtures("company")
def test_a_failed_export_leaves_the_old_files_and_nothing_else(store_engine: Engine, tmp_path: Path) -> None:
    export_sources(store_engine, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(name: str, rows: int) -> None:
        if name == "ticket_events":
            raise RuntimeError("stopped by the caller")

    with pytest.raises(RuntimeError, match="stopped"):
        export_sources(store_engine, tmp_path, fail)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.usefixtures("company")
def test_what_is_written_while_an_export_runs_is_not_in_it(
    store_engine: Engine, write: Write, tmp_path: Path
) -> None:
    def write_once(name: str, rows: int) -> None:
        if name == "activities":
            write("account", "acc_9", {"name": "迟到"}, 60)

    assert export_sources(store_engine, tmp_path, write_once)["account_states"] == 5
    assert export_sources(store_engine, tmp_path)["account_states"] == 6


@pytest.mark.usefixtures("company")
def test_every_row_opens_its_raw_record(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        for entity, ids in (("lead", LEADS), ("account", ACCOUNTS)):
            for entity_id in ids:
                for name, rows in entity_history(session, entity, entity_id).items():  # type: ignore[arg-type]
                    for row in rows:
                        raw = raw_record(session, name, row["record_id"])
                        assert raw is not None, row
                        assert raw["recorded_at"] == row["recorded_at"]


@pytest.mark.usefixtures("company")
def test_a_raw_state_says_who_when_what_and_why_with_the_phone_masked(
    sessions: sessionmaker[Session],
) -> None:
    with sessions() as session:
        raw = raw_record(session, "lead_states", "lea_1@1")
        assert raw is not None
        assert (raw["kind"], raw["id"], raw["version"]) == ("lead", "lea_1", 1)
        assert (raw["who"], raw["why"], raw["written_at"]) == ("user:li", "测试", T0)
        assert raw["changes"]["phone"] == [None, "138****1234"]
        shown = raw_record(session, "lead_flow", "lea_1@1#arrived", reveal=True)
        assert shown is not None
        assert shown["changes"]["phone"] == [None, "13812341234"]


@pytest.mark.usefixtures("company")
def test_a_raw_fact_is_its_columns(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        raw = raw_record(session, "orders", "ord_5")
    assert raw is not None
    assert (raw["kind"], raw["id"], raw["source"], raw["amount"]) == ("order_snapshot", "ord_5", "erp", 0.5)


@pytest.mark.usefixtures("company")
def test_a_record_that_is_not_there_opens_as_none(sessions: sessionmaker[Session]) -> None:
    unknown = (
        "",
        "lea_1",
        "lea_1@",
        "lea_1@9",
        "lea_1@x",
        "lea_none@1",
        "@1",
        "acc_1@1",
        "lea_1@" + "9" * 30,
    )
    with sessions() as session:
        for record_id in unknown:
            assert raw_record(session, "lead_states", record_id) is None
            assert raw_record(session, "activities", record_id) is None


def from_file(folder: Path, name: str, key: str | None = None, wanted: str = "") -> list[dict[str, Any]]:
    rows = pq.read_table(folder / f"{name}.parquet").to_pylist()
    kept = [row for row in rows if key is None or row[key] == wanted]
    return sorted(kept, key=lambda row: (row["occurred_at"], row["recorded_at"], row["record_id"]))


def assert_same_ids(histories: list[dict[str, list[Any]]], name: str, rows: list[Any]) -> None:
    found = [row["record_id"] for history in histories for row in history[name]]
    assert sorted(found) == sorted(row["record_id"] for row in rows)
