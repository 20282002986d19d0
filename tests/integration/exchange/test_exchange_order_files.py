"""Orders from files that an ERP drops into a folder: each file once, whenever it comes."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.connectors.csv_orders import CsvOrderConnector
from crm_store.connectors.orders import CsvOrders
from crm_store.connectors.pull import PullReport, pull_orders
from crm_store.connectors.settings import read_connectors
from crm_store.connectors.sql_orders import SqlOrderConnector
from crm_store.database import transaction
from crm_store.domain.ids import stable_id
from crm_store.models import OrderSnapshot
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.records import write_record

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
# Nothing here depends on the kind of store.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
HEADER = "订单号,客户编号,下单日期,金额,状态,修改时间"
COLUMNS = {
    "number": "订单号",
    "customer": "客户编号",
    "occurred_at": "下单日期",
    "amount": "金额",
    "state": "状态",
    "updated_at": "修改时间",
}


def test_each_file_is_taken_once_and_in_the_order_of_its_time(drop: "Drop") -> None:
    drop.csv("b.csv", 20, "S1,A,2026-05-20,100,生产中,2026-05-21 10:00")
    drop.csv(
        "a.csv",
        30,
        "S1,A,2026-05-20,100,待排产,2026-05-20 10:00",
        'S2,A,2026/5/20,"1,200.50",已发货,2026-05-20 11:00',
    )
    report = drop.pull()
    assert (report.read, report.added) == (3, 3)
    assert drop.states() == [
        ("S1", "to_schedule", 100.0),
        ("S1", "in_production", 100.0),
        ("S2", "shipped", 1200.5),
    ]
    assert drop.pull().read == 0


@ON_SQLITE
def test_a_file_that_comes_late_with_an_old_date_is_taken_all_the_same(drop: "Drop") -> None:
    drop.csv("new.csv", 5, "S1,A,2026-05-20,100,已发货,2026-05-25 10:00")
    drop.pull()
    drop.csv(
        "old.csv",
        400,
        "S3,A,2026-04-20,100,已发货,2026-04-25 10:00",
        "S1,A,2026-05-20,1,待排产,2026-05-20 10:00",
    )
    assert drop.pull().added == 1
    assert drop.states() == [("S1", "shipped", 100.0), ("S3", "shipped", 100.0)]


@ON_SQLITE
def test_a_file_that_is_still_being_written_waits(drop: "Drop") -> None:
    path = drop.csv("a.csv", 0, "S1,A,2026-05-20,100,已发货,2026-05-25 10:00")
    assert drop.pull().read == 0
    os.utime(path, (NOW.timestamp() - 60, NOW.timestamp() - 60))
    assert drop.pull().added == 1


@ON_SQLITE
def test_a_daily_dump_without_times_adds_only_what_changed(drop: "Drop") -> None:
    columns = {name: column for name, column in COLUMNS.items() if name != "updated_at"}
    lines = [f"S{number},A,2026-05-20,100,待排产," for number in range(4)]
    drop.csv("monday.csv", 50, *lines)
    assert drop.pull(columns=columns).added == 4
    drop.csv("tuesday.csv", 26, *lines[:3], "S3,A,2026-05-20,100,已发货,")
    assert drop.pull(columns=columns).added == 1


@ON_SQLITE
def test_a_workbook_will_do(drop: "Drop") -> None:
    path = drop.folder / "orders.xlsx"
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["订单日报"])
        sheet.write_row(2, 0, HEADER.split(","))
        sheet.write_row(3, 0, ["S1", "A", datetime(2026, 5, 20), 99.5, "已发货", datetime(2026, 5, 21)])  # noqa: DTZ001
    os.utime(path, (NOW.timestamp() - 3600,) * 2)
    assert drop.pull().added == 1
    assert drop.states() == [("S1", "shipped", 99.5)]


@ON_SQLITE
def test_rows_that_are_no_orders_wait_with_their_reason(drop: "Drop") -> None:
    drop.csv(
        "a.csv",
        5,
        "S1,A,gestern,100,已发货,2026-05-25 10:00",
        "S2",
        ",A,2026-05-20,1,已发货,2026-05-25 10:00",
    )
    report = drop.pull()
    assert (report.added, report.waiting) == (0, 3)
    assert report.waiting_file is not None
    kept = [json.loads(line) for line in report.waiting_file.read_text("utf-8").splitlines()]
    assert sorted(entry["code"] for entry in kept) == ["required", "wrong_cell_count", "wrong_type"]
    assert all(entry["zh"] and entry["en"] for entry in kept)


@ON_SQLITE
def test_a_file_without_a_column_stops_the_pull_and_says_which(drop: "Drop") -> None:
    drop.csv("a.csv", 5, header="订单号,金额")
    with pytest.raises(StoreError) as caught:
        drop.pull()
    assert caught.value.problem.code == "missing_column"


def test_connectors_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "connectors.json"
    assert read_connectors(file, {}) == {}
    common = {"source": "erp", "account_source": "crm", "columns": COLUMNS}
    sql = {"kind": "sql", "url": "env:ERP_URL", "table": "orders"}
    file.write_text(json.dumps({"erp": common | sql, "drop": common | {"kind": "csv", "folder": "/erp"}}))
    found = read_connectors(file, {"ERP_URL": "sqlite://"})
    assert isinstance(found["erp"], SqlOrderConnector)
    assert found["erp"].settings.url == "sqlite://"
    assert isinstance(found["drop"], CsvOrderConnector)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "ftp"},
        {"colour": "red"},
        {"columns": {"number": "a"}},
        {"states": {"x": "lost"}},
        {"timezone": "Mars"},
        {"url": "env:NOT_SET"},
    ],
)
def test_a_configuration_that_cannot_work_is_refused_without_quoting_it(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    file = tmp_path / "connectors.json"
    good = {"source": "erp", "account_source": "crm", "columns": COLUMNS, "kind": "sql"}
    secret = {"url": "postgresql://erp:geheim@db/erp", "table": "orders"}
    file.write_text(json.dumps({"erp": good | secret | change}))
    with pytest.raises(StoreError) as caught:
        read_connectors(file, {})
    assert caught.value.problem.code == "connectors_invalid"
    assert "geheim" not in caught.value.problem.zh + caught.value.problem.en


class Drop:
    """A folder of an ERP's files, and the store that they go to."""

    def __init__(self, sessions: sessionmaker[Session], folder: Path) -> None:
        self.sessions, self.folder = sessions, folder / "drop"
        self.folder.mkdir()

    def csv(self, name: str, hours_ago: float, *lines: str, header: str = HEADER) -> Path:
        path = self.folder / name
        path.write_text("\n".join([header, *lines]) + "\n", "gb18030")
        os.utime(path, (NOW.timestamp() - 3600 * hours_ago,) * 2)
        return path

    def pull(self, **change: Any) -> PullReport:
        given = {"source": "erp", "account_source": "crm", "columns": COLUMNS, "folder": str(self.folder)}
        connector = CsvOrderConnector("drop", CsvOrders.model_validate(given | change))
        return pull_orders(self.sessions, connector, folder=self.folder.parent / "waiting", now=NOW)

    def states(self) -> list[tuple[str, str | None, float]]:
        query = select(OrderSnapshot).order_by(OrderSnapshot.external_id)
        with self.sessions() as session:
            found = session.scalars(query).all()
        return [(one.external_id.partition("@")[0], one.delivery_state, one.amount) for one in found]


@pytest.fixture
def drop(sessions: sessionmaker[Session], tmp_path: Path) -> Drop:
    values = {"source": "crm", "external_id": "A", "name": "甲厂"}
    known_since = NOW - timedelta(days=90)
    with transaction(sessions) as session:
        one = stable_id("account", "crm", "A")
        write_record(session, "account", one, values, actor="user:li", recorded_at=known_since, now=NOW)
    return Drop(sessions, tmp_path)
