"""Files as customers send them: what a preview says of them and what an import makes of them."""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.ids import stable_id
from crm_store.imports import jobs
from crm_store.imports.jobs import (
    ImportReport,
    cancel_import,
    kept_file,
    report_of,
    resume_import,
    run_import,
    start_import,
)
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.mappings import list_mappings, read_mapping, save_mapping, saved_mapping
from crm_store.imports.preview import preview
from crm_store.models import Account, ContactRelation, Lead
from crm_store.repositories.import_jobs import get_job, list_jobs
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import states_of, write_record

NOW = datetime(2026, 6, 1, tzinfo=UTC)
# Nothing here depends on the kind of store.
ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
LEADS = ColumnMapping.model_validate(
    {
        "entity": "lead",
        "source": "crm",
        "columns": [
            {"column": "编号", "field": "external_id"},
            {"column": "公司", "field": "company"},
            {"column": "更新时间", "field": "recorded_at"},
        ],
    }
)


def test_a_chinese_workbook_is_previewed_and_then_imported(desk: "Desk") -> None:
    path = desk.folder / "展会.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["2026 春季展会名单"])
        sheet.write_row(2, 0, ["公司名称", "联系人", "手机", "预计采购量", "创建时间", "颜色"])
        sheet.write_row(3, 0, ["杭州某厂", "王经理", 13800138000, 1200.5, 46086.25, "红"])
        sheet.write_row(4, 0, ["苏州某厂", "李", 13900139000, "很多", "昨天", "蓝"])
    seen = preview(desk.engine, path, now=NOW, entity="lead", source="expo")
    assert (seen.header_line, seen.lines, seen.unmapped) == (3, 5, ("颜色",))
    assert (dict(seen.fates), dict(seen.problems)) == ({"create": 1, "refuse": 1}, {"wrong_type": 2})
    good, bad = seen.rows
    assert good.values["phone"] == "13800138000"
    assert good.values["created_at"] == datetime(2026, 3, 4, 22, tzinfo=UTC)
    assert [problem.field for problem in bad.problems] == ["expected_volume", "created_at"]
    assert desk.count(Lead) == 0
    assert seen.mapping is not None
    report = desk.run(seen.mapping, path)
    assert (report.rows_added, report.rows_rejected) == (1, 1)
    again = preview(desk.engine, path, now=NOW, mapping=seen.mapping)
    assert dict(again.fates) == {"known": 1, "refuse": 1}


@ON_SQLITE
def test_a_preview_says_what_would_become_of_known_rows(desk: "Desk") -> None:
    desk.run(LEADS, desk.write("编号,公司,更新时间", "1,甲,2026-03-01", "2,乙,2026-03-01"))
    file = desk.write(
        "编号,公司,更新时间,其他", "1,甲,2026-03-01,", "2,丙,2026-04-01,", "3,丁,2026-04-01,", "4"
    )
    seen = preview(desk.engine, file, now=NOW, mapping=LEADS)
    assert [row.fate for row in seen.rows] == ["known", "update", "create", "refuse"]
    assert seen.unmapped == ("其他",)
    assert [problem.code for problem in seen.rows[3].problems] == ["wrong_cell_count"]


@ON_SQLITE
def test_a_hubspot_export_loads_companies_and_then_deals(desk: "Desk") -> None:
    desk.record("rep", "r1", {"name": "Li Wei"})
    companies = desk.write(
        "Record ID,Company name,Company owner,Create Date", "77,Acme,Li Wei,2026-01-05 09:00"
    )
    deals = desk.write(
        "Record ID,Deal Name,Deal Stage,Close Date,Deal owner,Amount,Create Date,Associated Company IDs",
        "1,Pump,Contract Sent,2026-09-01 00:00,Li Wei,5000,2026-02-01 10:00,77",
        "2,Valve,Appointment Scheduled,,Nobody,,2026-02-01 10:00,77",
        "3,Seal,Dreaming,,Li Wei,,2026-02-01 10:00,78",
    )
    for entity, file in (("account", companies), ("opportunity", deals)):
        seen = preview(desk.engine, file, now=NOW, entity=entity, source="hubspot")
        assert seen.product == "hubspot"
        assert seen.mapping is not None
        report = desk.run(seen.mapping, file)
    assert (report.rows_added, report.rows_rejected) == (1, 2)
    assert [(row["code"], row["field"]) for row in rejected(report)] == [
        ("unknown_reference", "owner_id"),
        ("unknown_reference", "account_id"),
    ]


def test_a_name_that_two_records_have_is_no_reference(desk: "Desk") -> None:
    for number in ("a", "b"):
        desk.record("rep", number, {"name": "王伟"})
    desk.record("rep", "c", {"name": "李娜"})
    columns = [*LEADS.model_dump()["columns"], {"column": "负责人", "field": "owner_id", "by_name": True}]
    mapping = ColumnMapping.model_validate(LEADS.model_dump() | {"columns": columns})
    file = desk.write("编号,公司,更新时间,负责人", "1,甲,2026-03-01,李娜", "2,乙,2026-03-01,王伟")
    report = desk.run(mapping, file)
    assert [(row["line"], row["field"]) for row in rejected(report)] == [("3", "owner_id")]


def test_versions_of_a_record_may_stand_anywhere_in_a_file_of_any_length(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is many batches long and in no order; every version is loaded at its time."""
    monkeypatch.setattr(jobs, "RECORD_ROWS", 50)
    monkeypatch.setattr(jobs, "CHUNK_ROWS", 70)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        f"{one},第{age}版,{start + timedelta(days=age):%Y-%m-%d}" for one in range(40) for age in range(10)
    ]
    random.Random(3).shuffle(rows)
    file = desk.write("编号,公司,更新时间", *rows, "坏行", "1,x,没有日期")
    report = desk.run(LEADS, file)
    assert (report.rows_added, report.rows_rejected) == (400, 2)
    with desk.sessions() as session:
        states = states_of(session, "lead", stable_id("lead", "crm", "7"))
        assert verify(session) == []
    assert [state["company"] for state in states] == [f"第{age}版" for age in range(10)]
    again = desk.run(LEADS, file)
    assert (again.rows_added, again.rows_known, again.rows_rejected) == (0, 400, 2)


@ON_SQLITE
def test_a_row_older_than_the_log_is_refused_and_not_dropped(desk: "Desk") -> None:
    desk.run(LEADS, desk.write("编号,公司,更新时间", "1,新,2026-03-09"))
    report = desk.run(LEADS, desk.write("编号,公司,更新时间", "1,旧,2026-03-01"))
    assert (report.rows_added, report.rows_rejected) == (0, 1)
    assert [(row["line"], row["code"]) for row in rejected(report)] == [("2", "older_than_stored")]


@ON_SQLITE
def test_back_and_forth_within_one_batch_is_two_versions(desk: "Desk") -> None:
    desk.run(LEADS, desk.write("编号,公司,更新时间", "1,甲,2026-03-01"))
    report = desk.run(LEADS, desk.write("编号,公司,更新时间", "1,乙,2026-03-02", "1,甲,2026-03-03"))
    assert report.rows_added == 2


def test_of_a_batch_that_the_database_refuses_all_other_rows_load(desk: "Desk") -> None:
    desk.record("account", "A", {"name": "旁人"})
    for name in "abc":
        desk.record("contact", name, {"name": name})
    fields = ["external_id", "account_id", "from_id", "to_id", "kind"]
    mapping = ColumnMapping.model_validate(
        {
            "entity": "contact_relation",
            "source": "crm",
            "columns": [{"column": name, "field": name} for name in fields],
        }
    )
    pairs = [
        "1,A,a,b,influence",
        "2,A,b,c,influence",
        "3,A,a,b,influence",
        "4,A,c,c,influence",
        "5,A,c,a,influence",
    ]
    report = desk.run(mapping, desk.write(",".join(fields), *pairs))
    assert report.rows_added == 3
    assert [row["line"] for row in rejected(report)] == ["4", "5"]
    assert desk.count(ContactRelation) == 3


@ON_SQLITE
def test_an_export_of_ours_may_name_records_by_our_own_ids(desk: "Desk") -> None:
    account = desk.record("account", "A", {"name": "旁人"})
    file = desk.write("编号,姓名,客户", f"1,王,{account}")
    seen = preview(desk.engine, file, now=NOW, entity="contact", source="crm")
    assert seen.rows[0].values["account_id"] == account


@ON_SQLITE
def test_a_corrected_rejects_file_can_be_imported_as_it_is(desk: "Desk") -> None:
    """The reasons stand in columns of their own, and what was disarmed is read as it was."""
    report = desk.run(LEADS, desk.write("编号,公司,更新时间", "1,=甲,没有日期"))
    assert report.rejects_file is not None
    corrected = report.rejects_file.read_text("utf-8-sig").replace("没有日期", "2026-03-01")
    report.rejects_file.write_text(corrected, "utf-8-sig")
    assert desk.run(LEADS, report.rejects_file).rows_added == 1
    with desk.sessions() as session:
        assert session.scalars(select(Lead.company)).all() == ["=甲"]


@ON_SQLITE
def test_phones_that_excel_shortened_are_refused(desk: "Desk") -> None:
    file = desk.write("编号,公司,电话", "1,甲,1.38001E+10", "2,乙,13800138000")
    seen = preview(desk.engine, file, now=NOW, entity="lead", source="crm")
    assert [[problem.code for problem in row.problems] for row in seen.rows] == [["digits_lost"], []]


def test_a_job_is_kept_with_its_file_and_can_wait_be_cancelled_and_resumed(desk: "Desk") -> None:
    file = desk.write("编号,公司,更新时间", "1,甲,2026-03-01", "2")
    job_id = start_import(desk.sessions, LEADS, file, folder=desk.folder, who="wang", now=NOW)
    file.unlink()
    with transaction(desk.sessions) as session:
        assert cancel_import(session, job_id, NOW).status == "cancelled"
    report = resume_import(desk.engine, job_id, folder=desk.folder, now=NOW)
    assert (report.status, report.rows_added, report.rows_rejected) == ("finished", 1, 1)
    assert resume_import(desk.engine, job_id, folder=desk.folder, now=NOW) == report
    assert not kept_file(desk.folder, job_id).exists()
    with desk.sessions() as session:
        [job] = list_jobs(session)
        assert report_of(job) == report
        assert (job.entity, job.actor, job.mapping) == (
            "lead",
            "import:wang",
            LEADS.model_dump(mode="json", exclude_defaults=True),
        )


@ON_SQLITE
def test_a_job_whose_file_changed_fails_and_says_so(desk: "Desk") -> None:
    file = desk.write("编号,公司,更新时间", "1,甲,2026-03-01")
    job_id = start_import(desk.sessions, LEADS, file, folder=desk.folder, who="wang", now=NOW)
    kept_file(desk.folder, job_id).write_text("编号,公司,更新时间\n")
    with pytest.raises(StoreError) as caught:
        resume_import(desk.engine, job_id, folder=desk.folder, now=NOW)
    assert caught.value.problem.code == "import_file_changed"
    with desk.sessions() as session:
        job = get_job(session, job_id)
        assert job.status == "failed"
        assert job.error is not None
        assert "import_file_changed" in job.error


def test_a_job_that_is_cancelled_while_it_runs_stops_behind_its_batch(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RECORD_ROWS", 10)
    file = desk.write("编号,公司", *(f"{number},甲" for number in range(30)))
    mapping = ColumnMapping.model_validate(
        LEADS.model_dump() | {"columns": LEADS.model_dump()["columns"][:2]}
    )

    def cancel(_done: int, _total: int) -> None:
        with transaction(desk.sessions) as session:
            [job] = list_jobs(session)
            cancel_import(session, job.id, NOW)

    with pytest.raises(StoreError) as caught:
        run_import(desk.engine, mapping, file, rejects_folder=desk.folder, now=NOW, progress=cancel)
    assert caught.value.problem.code == "import_cancelled"
    assert desk.count(Lead) == 10


def test_mappings_are_saved_version_by_version(desk: "Desk") -> None:
    renamed = LEADS.model_copy(update={"timezone": "Asia/Shanghai"})
    for mapping in (LEADS, LEADS, renamed):
        with transaction(desk.sessions) as session:
            saved = save_mapping(session, "线索", mapping, actor="user:wang", reason=None, now=NOW)
    assert saved.version == 2
    with desk.sessions() as session:
        assert saved_mapping(session, "线索").mapping == renamed
        assert saved_mapping(session, "线索", version=1).mapping == LEADS
        assert [one.name for one in list_mappings(session)] == ["线索"]
        with pytest.raises(StoreError) as caught:
            saved_mapping(session, "没有")
    assert caught.value.problem.code == "unknown_mapping"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"entity": "lead", "source": "x", "columns": [{"column": "a"}]}']
)
def test_a_mapping_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(StoreError) as caught:
        read_mapping(text)
    assert caught.value.problem.code == "mapping_invalid"


class Desk:
    """Writes files, runs imports and looks at one store."""

    def __init__(self, engine: Engine, sessions: sessionmaker[Session], folder: Path) -> None:
        self.engine, self.sessions, self.folder = engine, sessions, folder
        self._files = 0

    def write(self, *lines: str) -> Path:
        self._files += 1
        file = self.folder / f"file-{self._files}.csv"
        file.write_text("\n".join(lines) + "\n")
        return file

    def run(self, mapping: ColumnMapping, file: Path) -> ImportReport:
        return run_import(self.engine, mapping, file, rejects_folder=self.folder / "rejects", now=NOW)

    def record(self, entity: str, external_id: str, values: dict[str, Any]) -> str:
        one = stable_id(entity, "crm", external_id)
        with transaction(self.sessions) as session:
            values = {"source": "crm", "external_id": external_id, **values}
            write_record(session, entity, one, values, actor="user:li", recorded_at=NOW, now=NOW)
        return one

    def count(self, model: type[Lead] | type[Account] | type[ContactRelation]) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0


def rejected(report: ImportReport) -> list[dict[str, str]]:
    assert report.rejects_file is not None
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def desk(store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path) -> Desk:
    return Desk(store_engine, sessions, tmp_path)
