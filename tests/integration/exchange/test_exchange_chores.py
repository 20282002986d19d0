"""What a served folder does by itself with imports, order connectors and the company registry."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.ids import stable_id
from crm_store.imports.jobs import start_import
from crm_store.imports.mapping import ColumnMapping
from crm_store.intake.registry.settings import read_registry
from crm_store.models import Account, ImportJob, Lead, OrderSnapshot
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.records import write_record
from pipelines import chores
from pipelines.runtime import Runtime
from pipelines.settings import Settings
from tests.integration.registry.local_registry import COMPANY, serving

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
LEADS = ColumnMapping.model_validate(
    {
        "entity": "lead",
        "source": "crm",
        "columns": [{"column": "编号", "field": "external_id"}, {"column": "公司", "field": "company"}],
    }
)
ORDERS = {
    "kind": "csv",
    "source": "erp",
    "account_source": "crm",
    "columns": {"number": "单号", "customer": "客户", "occurred_at": "日期", "amount": "金额"},
}


def test_an_import_whose_process_is_gone_goes_on(served: "Served") -> None:
    job = served.start(served.runtime.settings.imports_folder)

    assert served.at(timedelta(minutes=6), chores.resume_imports) == 1

    assert served.job(job).status == "finished"
    assert served.leads() == ["甲公司", "乙公司"]


def test_an_upload_goes_on_too_and_one_that_moves_is_left_alone(served: "Served") -> None:
    job = served.start(served.runtime.settings.uploads_folder)

    assert served.at(timedelta(minutes=4), chores.resume_imports) == 0
    assert served.job(job).status == "running"
    assert served.at(timedelta(minutes=6), chores.resume_imports) == 1
    assert served.job(job).status == "finished"


def test_an_import_without_its_file_fails_once_and_says_so(served: "Served", tmp_path: Path) -> None:
    job = served.start(tmp_path / "elsewhere")

    with pytest.raises(StoreError):
        served.at(timedelta(minutes=6), chores.resume_imports)

    assert served.job(job).status == "failed"
    assert "请重新导入" in (served.job(job).error or "")
    assert served.at(timedelta(hours=1), chores.resume_imports) == 0


def test_orders_are_pulled_every_four_hours(served: "Served") -> None:
    served.connectors(erp="drop")
    served.order("drop", "S1")
    assert served.at(timedelta(0), chores.pull_due_orders) == 1
    served.order("drop", "S2")

    assert served.at(timedelta(hours=3, minutes=59), chores.pull_due_orders) == 0
    assert served.at(timedelta(hours=4), chores.pull_due_orders) == 1
    assert served.orders() == ["S1", "S2"]


def test_a_connector_that_fails_delays_no_other_and_is_tried_again_soon(served: "Served") -> None:
    served.connectors(broken="no_such_folder", erp="drop")
    served.order("drop", "S1")

    with pytest.raises(ExceptionGroup):
        served.at(timedelta(0), chores.pull_due_orders)
    assert served.orders() == ["S1"]
    served.order("no_such_folder", "S2")
    assert served.at(timedelta(minutes=14), chores.pull_due_orders) == 0
    assert served.at(timedelta(minutes=15), chores.pull_due_orders) == 1


def test_accounts_are_filled_in_from_the_registry_that_is_set_up(
    served: "Served", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "geheim")
    with serving() as registry:
        settings = {"name": "local", "url": registry.url, "token": "env:REGISTRY_TOKEN"}
        served.runtime.settings.registry_file.write_text(json.dumps(settings))

        assert served.at(timedelta(0), lambda runtime: chores.Enriching(runtime)()) == 1

        assert registry.headers[0]["Authorization"] == "Bearer geheim"
    with served.sessions() as session:
        assert session.scalars(select(Account.insured_headcount)).one() == 86


def test_without_a_registry_nothing_is_asked(served: "Served") -> None:
    assert served.at(timedelta(0), lambda runtime: chores.Enriching(runtime)()) == 0


@pytest.mark.parametrize(
    "change", [{"url": "ftp://x"}, {"token": "env:NOT_SET"}, {"look_ups_a_day": 0}, {"colour": "red"}]
)
def test_a_registry_that_cannot_work_is_refused(served: "Served", change: dict[str, Any]) -> None:
    good = {"name": "local", "url": "https://registry.example/companies"}
    served.runtime.settings.registry_file.write_text(json.dumps(good | change))
    with pytest.raises(StoreError) as caught:
        read_registry(served.runtime.settings.registry_file, {}, served.sessions)
    assert caught.value.problem.code == "registry_invalid"


class Served:
    """A data folder with one account, whose chores are done at moments that the test chooses."""

    def __init__(self, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runtime, self.sessions, self._monkeypatch = runtime, runtime.sessions, monkeypatch
        with transaction(self.sessions) as session:
            one = stable_id("account", "crm", "A")
            values = {"source": "crm", "external_id": "A", "name": COMPANY}
            early = NOW - timedelta(days=1)
            write_record(session, "account", one, values, actor="user:li", recorded_at=early, now=early)

    def at(self, later: timedelta, chore: Any) -> Any:
        self._monkeypatch.setattr(chores, "utc_now", lambda: NOW + later)
        return chore(self.runtime)

    def start(self, folder: Path) -> str:
        """Record an import, as a process does that dies right after."""
        file = self.runtime.settings.folder / "leads.csv"
        file.write_text("编号,公司\n1,甲公司\n2,乙公司\n")
        return start_import(self.sessions, LEADS, file, folder=folder, who="user:li", now=NOW)

    def job(self, job: str) -> ImportJob:
        with self.sessions() as session:
            return session.get_one(ImportJob, job)

    def leads(self) -> list[str | None]:
        with self.sessions() as session:
            return list(session.scalars(select(Lead.company).order_by(Lead.external_id)))

    def connectors(self, **folders: str) -> None:
        home = self.runtime.settings.folder
        named = {name: ORDERS | {"folder": str(home / folder)} for name, folder in folders.items()}
        self.runtime.settings.connectors_file.write_text(json.dumps(named))

    def order(self, folder: str, number: str) -> None:
        file = self.runtime.settings.folder / folder / f"{number}.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"单号,客户,日期,金额\n{number},A,2026-05-20,100\n")
        os.utime(file, ((NOW - timedelta(hours=1)).timestamp(),) * 2)

    def orders(self) -> list[str]:
        with self.sessions() as session:
            found = session.scalars(select(OrderSnapshot.external_id).order_by(OrderSnapshot.external_id))
            return [(one or "").split("@")[0] for one in found]


@pytest.fixture
def served(
    store_url: str, sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    runtime = Runtime(Settings(home=tmp_path / "home", database_url=store_url))
    runtime.settings.folder.mkdir()
    yield Served(runtime, monkeypatch)
    runtime.engine.dispose()
