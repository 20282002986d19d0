"""Orders pulled from another database, of the same kind as the store: each change once, none lost."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from order_pulls import COLUMNS, NOW, ORDERS, Erp, Pull
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    insert,
    select,
)
from sqlalchemy.orm import Session, sessionmaker

from crm_store.connectors import pull as pulling
from crm_store.connectors.pull import PullReport
from crm_store.connectors.sql_orders import _open, _reading
from crm_store.domain.ids import stable_id
from crm_store.models import OrderSnapshot
from crm_store.repositories.connector_state import get_state
from crm_store.repositories.problems import StoreError

# Nothing here depends on the kind of store.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def test_an_order_is_followed_through_its_states(erp: "Erp", pull: "Pull") -> None:
    erp.put("S1", status="待排产", changed=NOW - timedelta(hours=9))
    assert pull().added == 1
    assert pull().added == 0
    erp.put("S1", status="生产中", changed=NOW - timedelta(hours=5))
    erp.put("S2", status="已发货", total=70, changed=NOW - timedelta(hours=4))
    assert pull().added == 2
    erp.put("S1", status="已发货", total=120, changed=NOW - timedelta(hours=1))
    assert pull().added == 1
    assert pull.states("S1") == [("to_schedule", 100.0), ("in_production", 100.0), ("shipped", 120.0)]
    assert pull.states("S2") == [("shipped", 70.0)]


@ON_SQLITE
def test_a_change_of_something_else_is_no_new_state(erp: "Erp", pull: "Pull") -> None:
    erp.put("S1", changed=NOW - timedelta(hours=9))
    pull()
    erp.put("S1", changed=NOW - timedelta(hours=1))
    assert pull().added == 0


def test_rows_that_were_committed_late_are_met_in_the_overlap(erp: "Erp", pull: "Pull") -> None:
    """Their time lies below the watermark, but not by more than an hour; equal times are met as well."""
    erp.put("S1", changed=NOW - timedelta(hours=2))
    pull()
    erp.put("late", changed=NOW - timedelta(hours=2, minutes=50))
    erp.put("equal", changed=NOW - timedelta(hours=2))
    assert pull().added == 2


def test_an_order_edited_twice_within_a_tick_of_its_clock_is_taken_twice(erp: "Erp", pull: "Pull") -> None:
    moment = NOW - timedelta(hours=2)
    for status in ("待排产", "生产中", "已发货"):
        erp.put("S1", status=status, changed=moment)
        pull()
        pull()
    assert sorted(state for state, _ in pull.states("S1")) == ["in_production", "shipped", "to_schedule"]


@pytest.mark.parametrize("skew", [timedelta(hours=3), timedelta(hours=-3)])
def test_a_clock_that_is_wrong_hides_nothing(erp: "Erp", pull: "Pull", skew: timedelta) -> None:
    """Ahead or behind, by more than the overlap; nothing is known before it was pulled."""
    erp.put("S1", changed=NOW + skew)
    assert pull().added == 1
    later = NOW + timedelta(hours=4)
    erp.put("S2", changed=later + skew)
    erp.put("S1", status="已发货", changed=later + skew)
    assert pull(later).added == 2
    assert pull(later).added == 0
    with pull.sessions() as session:
        assert max(session.scalars(select(OrderSnapshot.recorded_at))) <= later


@ON_SQLITE
def test_customers_are_found_by_outside_id_then_credit_code_then_name(erp: "Erp", pull: "Pull") -> None:
    erp.put("by id", cust="A", tax_no="91330100MA0000002X", cust_name="乙厂")
    erp.put("by code", cust="?", tax_no="91330100ma0000002x", cust_name="甲厂")
    erp.put("by name", cust=None, tax_no=None, cust_name="甲厂")
    erp.put("nobody", cust=None, tax_no=None, cust_name="丁厂")
    erp.put("two of a name", cust=None, tax_no=None, cust_name="丙厂")
    report = pull()
    assert (report.added, report.waiting) == (3, 2)
    with pull.sessions() as session:
        found = session.execute(select(OrderSnapshot.external_id, OrderSnapshot.account_id))
        owners = {number.partition("@")[0]: account for number, account in found}
    expected = {"by id": "A", "by code": "B", "by name": "A"}
    assert owners == {number: stable_id("account", "crm", one) for number, one in expected.items()}


@ON_SQLITE
def test_an_order_without_its_customer_waits_and_is_taken_once_the_customer_is_there(
    erp: "Erp", pull: "Pull"
) -> None:
    erp.put("S9", cust="new", tax_no=None, cust_name="新厂")
    report = pull()
    assert (report.added, report.waiting) == (0, 1)
    assert report.waiting_file is not None
    [entry] = map(json.loads, report.waiting_file.read_text("utf-8").splitlines())
    assert (entry["code"], entry["order"]["number"]) == ("unknown_customer", "S9")
    pull.account("new", "新厂")
    report = pull(NOW + timedelta(days=3))
    assert (report.added, report.waiting, report.waiting_file) == (1, 0, None)
    assert not list(pull.folder.iterdir())


@ON_SQLITE
def test_rows_that_are_no_orders_are_kept_with_their_reason(erp: "Erp", pull: "Pull") -> None:
    erp.put("S1", status="丢了")
    erp.put("S2", total=None)
    erp.put("S3", ordered=datetime(1900, 1, 1, tzinfo=UTC))
    erp.put("S4")
    report = pull()
    assert (report.read, report.added, report.waiting) == (4, 1, 3)
    assert report.waiting_file is not None
    codes = [json.loads(line)["code"] for line in report.waiting_file.read_text("utf-8").splitlines()]
    assert sorted(codes) == ["date_out_of_range", "not_allowed", "required"]
    assert pull(states={"丢了": "shipped"}).added == 1


@pytest.mark.parametrize("step", ["advance", "add_orders"])
def test_a_pull_that_dies_goes_on_behind_its_last_page(
    erp: "Erp", pull: "Pull", monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The transaction of a page holds its rows and its watermark, or neither."""
    for number in range(10):
        erp.put(f"S{number}", changed=NOW - timedelta(hours=10 - number))
    original, calls = getattr(pulling.connector_state, step), 0

    def dies(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(pulling.connector_state, step, dies)
        with pytest.raises(KeyboardInterrupt):
            pull(page_rows=2)
    taken = len(pull.all())
    assert 0 < taken < 10
    with pull.sessions() as session:
        state = get_state(session, "erp")
        assert state is not None
        assert state.rows == taken
        last = max(session.scalars(select(OrderSnapshot.recorded_at)))
        assert datetime.fromisoformat(str(state.watermark)) == last
    assert pull(page_rows=2).added == 10 - taken
    assert len(pull.all()) == 10


def test_rows_edited_while_they_are_read_are_neither_lost_nor_doubled(erp: "Erp", pull: "Pull") -> None:
    for number in range(8):
        erp.put(f"S{number}", changed=NOW - timedelta(hours=20 - number))
    later = [NOW - timedelta(minutes=30 - minute) for minute in range(10)]

    def meddle(page: int) -> None:
        erp.put(f"S{page}", status="已发货", changed=later[page])

    pull(page_rows=2, between=meddle)
    assert pull.states("S0") == [("to_schedule", 100.0)]
    pull()
    assert {number: pull.states(number)[-1][0] for number in ("S0", "S1", "S2", "S7")} == {
        "S0": "shipped",
        "S1": "shipped",
        "S2": "shipped",
        "S7": "to_schedule",
    }
    assert len(pull.all()) == len(set(pull.all()))


@pytest.mark.parametrize(
    ("kind", "as_kept"),
    [
        (String(40), lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}"),
        (String(40), lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}"),
        (BigInteger(), lambda moment: int(moment.timestamp())),
        (DateTime(), lambda moment: moment.replace(tzinfo=None)),
        (Date(), lambda moment: moment.date()),
    ],
    ids=["text", "iso text", "unix seconds", "timestamp", "date"],
)
def test_whatever_way_the_erp_keeps_its_times(
    erp_url: str, pull: "Pull", kind: Any, as_kept: Callable[[datetime], Any]
) -> None:
    table = Table(
        "so_header",
        MetaData(),
        Column("order_no", String(40), primary_key=True),
        *(Column(name, String(40)) for name in ("cust", "tax_no", "cust_name", "ordered", "total", "status")),
        Column("changed", kind),
    )
    engine = create_engine(erp_url)
    table.create(engine)
    first, second = NOW - timedelta(days=3), NOW - timedelta(days=1)
    row = {"cust": "A", "ordered": "2026/05/20", "total": "1,200.50", "status": "已发货"}
    with engine.begin() as connection:
        connection.execute(insert(table).values(row | {"order_no": "S1", "changed": as_kept(first)}))
    assert pull().added == 1
    with engine.begin() as connection:
        connection.execute(insert(table).values(row | {"order_no": "S2", "changed": as_kept(second)}))
    report = pull()
    assert (report.added, report.waiting) == (1, 0)
    assert pull().added == 0
    assert pull.states("S2") == [("shipped", 1200.5)]
    engine.dispose()


def test_two_pulls_at_once_do_not_move_each_others_watermark(erp: "Erp", pull: "Pull") -> None:
    for number in range(6):
        erp.put(f"S{number}", changed=NOW - timedelta(hours=10 - number))
    ran: list[PullReport] = []

    def overtake(page: int) -> None:
        if not ran:
            ran.append(pull())

    with pytest.raises(StoreError) as caught:
        pull(page_rows=2, between=overtake)
    assert caught.value.problem.code == "pull_elsewhere"
    assert len(pull.all()) == 6


def test_the_outside_database_is_only_read(erp: "Erp", pull: "Pull") -> None:
    engine = _open(pull.settings())
    with pytest.raises(Exception, match=r"(?i)readonly|read-only"), _reading(engine, 30) as connection:
        connection.execute(delete(ORDERS))
    engine.dispose()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"table": "no_such_table"}, "connector_unreachable"),
        ({"columns": COLUMNS.model_copy(update={"amount": "nothing"})}, "missing_column"),
        ({"table": 'so_header"; DROP TABLE so_header; --'}, "connector_unreachable"),
    ],
)
def test_an_outside_database_that_is_not_as_said(
    erp: "Erp", pull: "Pull", change: dict[str, Any], code: str
) -> None:
    erp.put("S1")
    with pytest.raises(StoreError) as caught:
        pull(**change)
    assert caught.value.problem.code == code
    with pull.sessions() as session:
        state = get_state(session, "erp")
        assert state is not None
        assert state.last_error is not None
        assert code in state.last_error
    assert pull().added == 1
    with pull.sessions() as session:
        recovered = get_state(session, "erp")
        assert recovered is not None
        assert (recovered.last_error, recovered.last_run_at) == (None, NOW)


@ON_SQLITE
def test_a_refusal_never_tells_the_password(pull: "Pull") -> None:
    with pytest.raises(StoreError) as caught:
        pull(url="postgresql+psycopg://erp:geheim@127.0.0.1:1/erp")
    assert caught.value.problem.code == "connector_unreachable"
    assert "geheim" not in str(caught.value) + caught.value.problem.zh


@pytest.fixture
def erp(erp_url: str) -> Iterator[Erp]:
    erp = Erp(erp_url)
    yield erp
    erp.engine.dispose()


@pytest.fixture
def pull(sessions: sessionmaker[Session], erp_url: str, tmp_path: Path) -> Pull:
    folder = tmp_path / "connectors"
    folder.mkdir()
    pull = Pull(sessions, erp_url, folder)
    pull.account("A", "甲厂")
    pull.account("B", "乙厂", "91330100MA0000002X")
    for twin in ("C", "D"):
        pull.account(twin, "丙厂")
    return pull
