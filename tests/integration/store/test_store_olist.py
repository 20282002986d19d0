"""The Olist preset: what is known when, on made-up rows in the real columns; the counts of the real files."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.domain.ids import stable_id
from crm_store.imports.jobs import ImportReport
from crm_store.imports.olist import FILES, import_olist
from crm_store.models import Account, Lead, OrderSnapshot, Rep
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import states_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MADE_UP = {
    "leads": """mql_id,first_contact_date,landing_page_id,origin
m1,2018-01-05,page1,social
m2,2018-01-06,page1,
m3,2018-02-10,page2,email
m4,someday,page2,email
""",
    "deals": """mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,lead_type,lead_behaviour_profile,\
has_company,has_gtin,average_stock,business_type,declared_product_catalog_size,declared_monthly_revenue
m1,s1,d1,r1,2018-01-20 10:30:00,pet,online,cat,,,,reseller,,0
m3,s9,d1,r2,2018-02-08 09:00:00,toys,online,,,,,reseller,,0
m9,s1,d1,r1,2018-03-01 09:00:00,toys,online,,,,,reseller,,0
""",
    "items": """order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o1,1,p1,s1,2018-03-02 08:00:00,58.9,13.29
o1,2,p1,s1,2018-03-02 08:00:00,58.9,13.29
o2,1,p2,s2,2017-05-03 11:05:13,239.9,19.93
o3,1,p2,s2,2020-02-03 20:23:22,75.99,14.7
o4,1,p2,s7,2018-02-03 20:23:22,75.99,14.7
""",
    "sellers": """seller_id,seller_zip_code_prefix,seller_city,seller_state
s1,13023,campinas,SP
s2,13844,mogi guacu,SP
s3,20031,rio de janeiro,RJ
""",
}


def test_the_four_files_become_leads_accounts_reps_and_orders(
    olist: "Olist", sessions: sessionmaker[Session]
) -> None:
    reports = olist()
    assert {
        kind: (report.rows_read, report.rows_added, report.rows_rejected) for kind, report in reports.items()
    } == {"leads": (4, 3, 1), "deals": (3, 2, 1), "items": (5, 3, 2), "sellers": (3, 3, 0)}
    with sessions() as session:
        assert ids(session, Account) == ["s1", "s2", "s3", "s9"]
        assert ids(session, Rep) == ["d1", "r1", "r2"]
        assert ids(session, Lead) == ["m1", "m2", "m3"]
        assert ids(session, OrderSnapshot) == ["o1-1", "o1-2", "o2-1"]
        assert verify(session) == []


def test_a_rerun_adds_nothing(olist: "Olist") -> None:
    olist()
    assert [report.rows_added for report in olist().values()] == [0, 0, 0, 0]


def test_a_win_is_known_from_its_day_on(olist: "Olist", sessions: sessionmaker[Session]) -> None:
    olist()
    won = datetime(2018, 1, 20, 10, 30, tzinfo=UTC)
    with sessions() as session:
        arrived, closed = states_of(session, "lead", stable_id("lead", "olist", "m1"))
    assert arrived["recorded_at"] == arrived["created_at"] == datetime(2018, 1, 5, tzinfo=UTC)
    assert (arrived["status"], arrived["channel"], arrived["campaign"]) == ("new", "social", "page1")
    assert (arrived["company"], arrived["account_id"], arrived["owner_id"]) == (None, None, None)
    assert (closed["recorded_at"], closed["closed_at"], closed["status"]) == (won, won, "won")
    assert closed["account_id"] == stable_id("account", "olist", "s1")
    assert closed["owner_id"] == stable_id("rep", "olist", "r1")


def test_a_win_dated_before_its_lead_is_known_with_the_lead(
    olist: "Olist", sessions: sessionmaker[Session]
) -> None:
    olist()
    with sessions() as session:
        _, closed = states_of(session, "lead", stable_id("lead", "olist", "m3"))
    assert closed["recorded_at"] == datetime(2018, 2, 10, tzinfo=UTC)
    assert closed["closed_at"] == datetime(2018, 2, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seller", "since", "region"),
    [
        ("s1", datetime(2018, 1, 20, 10, 30, tzinfo=UTC), "SP"),  # won before its first sale
        ("s2", datetime(2017, 5, 3, 11, 5, 13, tzinfo=UTC), "SP"),  # sold, never a lead
        ("s3", NOW, "RJ"),  # neither: known from the import on
        ("s9", datetime(2018, 2, 8, 9, tzinfo=UTC), None),  # only in the deals
    ],
)
def test_an_account_is_known_since_its_first_sign_of_life(
    olist: "Olist", sessions: sessionmaker[Session], seller: str, since: datetime, region: str | None
) -> None:
    olist()
    with sessions() as session:
        [state] = states_of(session, "account", stable_id("account", "olist", seller))
    assert (state["recorded_at"], state["region"]) == (since, region)


def test_rejected_rows_say_why(olist: "Olist") -> None:
    reports = olist()
    assert codes(reports["leads"]) == [("5", "wrong_type")]
    assert codes(reports["deals"]) == [("4", "unknown_reference")]
    assert codes(reports["items"]) == [("5", "date_out_of_range"), ("6", "unknown_reference")]


@pytest.mark.parametrize("kind", list(FILES))
def test_a_missing_file_is_named_and_nothing_is_written(
    olist: "Olist", olist_folder: Path, sessions: sessionmaker[Session], kind: str
) -> None:
    (olist_folder / FILES[kind]).unlink()
    with pytest.raises(StoreError) as caught:
        olist()
    assert caught.value.problem.code == "missing_file"
    assert FILES[kind] in caught.value.problem.en
    with sessions() as session:
        assert ids(session, Rep) == []


@pytest.mark.parametrize(("kind", "column"), [("deals", "won_date"), ("items", "price"), ("leads", "origin")])
def test_a_missing_column_is_named_and_nothing_is_written(
    olist: "Olist", olist_folder: Path, sessions: sessionmaker[Session], kind: str, column: str
) -> None:
    file = olist_folder / FILES[kind]
    file.write_text(file.read_text().replace(column, "other", 1))
    with pytest.raises(StoreError) as caught:
        olist()
    assert (caught.value.problem.code, caught.value.problem.field) == ("missing_column", column)
    with sessions() as session:
        assert ids(session, Rep) == []


@pytest.mark.olist
def test_the_real_files(
    store_engine: Engine,
    sessions: sessionmaker[Session],
    tmp_path: Path,
    require: Callable[[str], str],
) -> None:
    folder = Path(require("olist"))
    seen: list[tuple[int, int]] = []
    first, again = (
        import_olist(
            store_engine,
            folder,
            rejects_folder=tmp_path,
            now=NOW,
            progress=lambda done, total: seen.append((done, total)),
        )
        for _ in range(2)
    )
    assert {kind: report.rows_added for kind, report in first.items()} == {
        "leads": 8_000,
        "deals": 842,
        "items": 112_646,
        "sellers": 3_095,
    }
    assert [report.rows_added for report in again.values()] == [0, 0, 0, 0]
    assert codes(first["items"]) == [(line, "date_out_of_range") for line, _ in codes(first["items"])]
    assert seen == sorted(seen[: len(seen) // 2]) * 2
    assert seen[-1][0] == seen[-1][1]
    with sessions() as session:
        won = select(func.count()).select_from(Lead).where(Lead.status == "won")
        assert session.scalar(won) == 842
        assert session.scalar(select(func.count()).select_from(Account)) == 3_557
        assert verify(session) == []


Olist = Callable[[], dict[str, ImportReport]]


@pytest.fixture
def olist_folder(tmp_path: Path) -> Path:
    for kind, content in MADE_UP.items():
        (tmp_path / FILES[kind]).write_text(content)
    return tmp_path


@pytest.fixture
def olist(store_engine: Engine, olist_folder: Path) -> Olist:
    return lambda: import_olist(store_engine, olist_folder, rejects_folder=olist_folder / "rejects", now=NOW)


def ids(session: Session, model: type[Account] | type[Rep] | type[Lead] | type[OrderSnapshot]) -> list[str]:
    return list(session.scalars(select(model.external_id).order_by(model.external_id)))


def codes(report: ImportReport) -> list[tuple[str, str]]:
    assert report.rejects_file is not None
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as file:
        return [(row["line"], row["code"]) for row in csv.DictReader(file)]
