"""An import adds the good rows, explains the bad ones, and adds nothing when run again, on both stores."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.ids import stable_id
from crm_store.imports.jobs import ImportReport, run_import
from crm_store.imports.mapping import HIDDEN, KINDS, ColumnMapping
from crm_store.models import Activity, Contract, ImportJob, Lead, OrderSnapshot
from crm_store.repositories.fields import FIELDS, RECORDS
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import states_of, write_record

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LEADS: dict[str, Any] = {
    "entity": "lead",
    "source": "crm",
    "timezone": "Asia/Shanghai",
    "columns": [
        {"column": "编号", "field": "external_id"},
        {"column": "公司", "field": "company"},
        {"column": "状态", "field": "status", "values": {"新": "new", "赢单": "won"}},
        {"column": "预计量", "field": "expected_volume"},
        {"column": "创建时间", "field": "created_at"},
    ],
}
LEAD_HEADER = "编号,公司,状态,预计量,创建时间,没用的列"
ACTIVITIES: dict[str, Any] = {
    "entity": "activity",
    "source": "crm",
    "columns": [
        {"column": "id", "field": "external_id"},
        {"column": "lead", "field": "lead_id"},
        {"column": "account", "field": "account_id"},
        {"column": "channel", "field": "channel"},
        {"column": "seconds", "field": "duration_s"},
        {"column": "said", "field": "text"},
        {"column": "at", "field": "occurred_at"},
        {"column": "entered", "field": "recorded_at"},
    ],
    "constants": {"direction": "in"},
}
ACTIVITY_HEADER = "id,lead,account,channel,seconds,said,at,entered"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_leads_from_a_chinese_export(job: "Job", encoding: str) -> None:
    lines = [LEAD_HEADER, '1,"杭州, 某厂",新,"1,200",2026/3/1 8:00,x', "2,,赢单,,2026-03-02 00:00,"]
    report = job.run(LEADS, lines, encoding)
    assert (report.rows_read, report.rows_added, report.rows_rejected) == (2, 2, 0)
    with job.sessions() as session:
        query = select(Lead.external_id, Lead.company, Lead.status, Lead.expected_volume, Lead.created_at)
        assert session.execute(query.order_by(Lead.external_id)).all() == [
            ("1", "杭州, 某厂", "new", 1200.0, datetime(2026, 3, 1, tzinfo=UTC)),
            ("2", None, "won", None, datetime(2026, 3, 1, 16, tzinfo=UTC)),
        ]
        assert verify(session) == []


def test_what_an_undated_export_says_is_known_from_now_on(job: "Job") -> None:
    """That the lead was won is not thereby known since it was created."""
    job.run(LEADS, [LEAD_HEADER, "1,甲,赢单,,2024-01-01,"])
    with job.sessions() as session:
        [state] = states_of(session, "lead", stable_id("lead", "crm", "1"))
    assert state["recorded_at"] == NOW
    assert state["status"] == "won"


def test_bad_rows_are_explained_and_stop_nothing(job: "Job") -> None:
    lines = [
        LEAD_HEADER,
        "1,甲,新,1,2026-03-01,",
        "2,乙,卖了,1,2026-03-01,",
        "3,丙,新,很多,2026-03-01,",
        "4,丁",
        ",戊,新,1,2026-03-01,",
        "6,己,新,1,三月,=1+1",
        "7,庚,新,1,2026-03-01,",
        f"8,{'长' * 201},新,1,2026-03-01,",
    ]
    report = job.run(LEADS, lines)
    assert (report.rows_read, report.rows_added, report.rows_rejected) == (8, 2, 6)
    assert [(row["line"], row["code"], row["field"]) for row in rejected(report)] == [
        ("3", "not_allowed", "status"),
        ("4", "wrong_type", "expected_volume"),
        ("5", "wrong_cell_count", ""),
        ("6", "required", "external_id"),
        ("7", "wrong_type", "created_at"),
        ("9", "too_long", "company"),
    ]
    assert all(row["reason_zh"] and row["reason_en"] for row in rejected(report))
    assert rejected(report)[4]["没用的列"] == "'=1+1"
    assert job.count(Lead) == 2


def test_rejected_rows_once_corrected_can_be_imported(job: "Job") -> None:
    job.run(LEADS, [LEAD_HEADER, "1,甲,新,1,2026-03-01,", "2,乙,卖了,1,2026-03-01,"])
    report = job.run(LEADS, [LEAD_HEADER, "1,甲,新,1,2026-03-01,", "2,乙,赢单,1,2026-03-01,"])
    assert (report.rows_added, report.rows_known, report.rows_rejected) == (1, 1, 0)


@pytest.mark.parametrize("times", [2, 3])
def test_a_rerun_adds_nothing(job: "Job", times: int) -> None:
    lines = [LEAD_HEADER, "1,甲,新,1,2026-03-01,", "2,乙,新,1,2026-03-01,", "2,乙,新,1,2026-03-01,"]
    reports = [job.run(LEADS, lines) for _ in range(times)]
    assert [report.rows_added for report in reports] == [2] + [0] * (times - 1)
    with job.sessions() as session:
        assert len(states_of(session, "lead", stable_id("lead", "crm", "2"))) == 1


def test_a_changed_row_is_a_new_version_and_an_empty_cell_changes_nothing(job: "Job", noise: None) -> None:
    job.run(LEADS, [LEAD_HEADER, "1,甲,新,5,2026-03-01,"])
    report = job.run(LEADS, [LEAD_HEADER, "1,,赢单,,2026-03-01,"])
    assert report.rows_added == 1
    with job.sessions() as session:
        states = states_of(session, "lead", stable_id("lead", "crm", "1"))
        assert [(state["status"], state["company"], state["expected_volume"]) for state in states] == [
            ("new", "甲", 5.0),
            ("won", "甲", 5.0),
        ]


def test_an_empty_cell_clears_its_field_when_the_mapping_says_so(job: "Job") -> None:
    columns = [*LEADS["columns"][:1], {"column": "公司", "field": "company", "clear_empty": True}]
    job.run(LEADS, [LEAD_HEADER, "1,甲,新,5,2026-03-01,"])
    job.run(LEADS | {"columns": columns}, [LEAD_HEADER, "1,,,,,"])
    with job.sessions() as session:
        assert session.execute(select(Lead.company, Lead.expected_volume)).all() == [(None, 5.0)]


def test_a_history_keeps_the_times_of_its_source(job: "Job", noise: None) -> None:
    """Rows may stand in any order; a rerun, or an older row, is known already."""
    columns = [*LEADS["columns"][:3], {"column": "创建时间", "field": "recorded_at"}]
    history = LEADS | {"columns": columns, "timezone": "UTC"}
    lines = [LEAD_HEADER, "1,甲,赢单,,2026-03-09,", "1,甲,新,,2026-03-01,"]
    assert [job.run(history, lines).rows_added for _ in range(2)] == [2, 0]
    assert job.run(history, [LEAD_HEADER, "1,旧名,新,,2026-03-05,"]).rows_added == 0
    assert job.run(history, [LEAD_HEADER, "1,新名,赢单,,2026-03-20,"]).rows_added == 1
    with job.sessions() as session:
        states = states_of(session, "lead", stable_id("lead", "crm", "1"))
        assert [(state["recorded_at"].day, state["status"], state["company"]) for state in states] == [
            (1, "new", "甲"),
            (9, "won", "甲"),
            (20, "won", "新名"),
        ]
        assert verify(session) == []


def test_a_record_known_by_its_outside_id_keeps_its_own(job: "Job") -> None:
    with transaction(job.sessions) as session:
        values = {"source": "crm", "external_id": "1", "company": "甲"}
        write_record(session, "lead", "lea_own", values, actor="user:li", recorded_at=NOW, now=NOW)
    assert job.run(LEADS, [LEAD_HEADER, "1,乙,,,,"]).rows_added == 1
    with job.sessions() as session:
        assert session.execute(select(Lead.id, Lead.company)).all() == [("lea_own", "乙")]


def test_activities_find_their_subjects(job: "Job", noise: None) -> None:
    lines = [
        ACTIVITY_HEADER,
        'a1,noise 0,,chat,30.5,"你好, ""在吗""",2026-03-01 08:00:00,2026-03-01 09:00:00',
        "a2,nobody,,chat,1,,2026-03-01,2026-03-01",
        "a3,,,chat,1,,2026-03-01,2026-03-01",
        "a4,noise 1,,fax,1,,2026-03-01,2026-03-01",
        "a5,noise 1,,call,,,,2026-03-01",
        "a6,noise 1,,call,,,2026-03-01,",
        "a7,noise 1,A,view,,,2026-03-01,2026-03-01",
    ]
    reports = [job.run(ACTIVITIES, lines) for _ in range(2)]
    assert [report.rows_added for report in reports] == [2, 0]
    assert [(row["line"], row["code"], row["field"]) for row in rejected(reports[0])] == [
        ("3", "unknown_reference", "lead_id"),
        ("4", "no_subject", "lead_id"),
        ("5", "not_allowed", "channel"),
        ("6", "required", "occurred_at"),
        ("7", "required", "recorded_at"),
    ]
    with job.sessions() as session:
        first = session.get_one(Activity, stable_id("activity", "crm", "a1"))
        assert (first.lead_id, first.duration_s, first.text) == (
            stable_id("lead", "crm", "noise 0"),
            30.5,
            '你好, "在吗"',
        )
        assert (first.occurred_at.hour, first.recorded_at.hour, first.direction) == (8, 9, "in")


def test_orders_of_a_composite_id(job: "Job", noise: None) -> None:
    mapping = {
        "entity": "order_snapshot",
        "source": "crm",
        "columns": [
            {"column": "order", "join": ["item"], "field": "external_id"},
            {"column": "customer", "field": "account_id"},
            {"column": "amount", "field": "amount"},
            {"column": "at", "field": "occurred_at", "before": "2026-05-01T00:00:00Z"},
        ],
    }
    lines = [
        "order,item,customer,amount,at",
        "o,1,A,10,2026-03-01",
        "o,2,A,20,2026-03-01",
        "o,,A,1,2026-03-01",
    ]
    report = job.run(mapping, [*lines, "o,3,A,1,2026-05-01"])
    assert report.rows_added == 2
    assert [row["code"] for row in rejected(report)] == ["required", "date_out_of_range"]
    with job.sessions() as session:
        query = select(OrderSnapshot.external_id, OrderSnapshot.amount, OrderSnapshot.recorded_at)
        assert session.execute(query.order_by(OrderSnapshot.external_id)).all() == [
            ("o-1", 10.0, datetime(2026, 3, 1, tzinfo=UTC)),
            ("o-2", 20.0, datetime(2026, 3, 1, tzinfo=UTC)),
        ]


def test_rows_that_fit_only_one_by_one_are_rejected(job: "Job", noise: None) -> None:
    fields = ["external_id", "title", "account_id", "amount", "start_at", "end_at", "status"]
    mapping = {
        "entity": "contract",
        "source": "crm",
        "columns": [{"column": name, "field": name} for name in fields],
    }
    lines = [
        ",".join(fields),
        "1,甲,A,10,2026-01-01,2026-12-31,active",
        "2,乙,A,10,2026-01-01,2025-12-31,active",
        "3,丙,A,,2026-01-01,2026-12-31,active",
    ]
    report = job.run(mapping, lines)
    assert report.rows_added == 1
    assert [row["code"] for row in rejected(report)] == ["bad_term", "required"]
    again = job.run(mapping, [lines[0], "1,甲,A,10,2027-01-01,2026-12-31,active"])
    assert [row["code"] for row in rejected(again)] == ["bad_term"]
    assert job.count(Contract) == 1


@pytest.mark.parametrize("entity", sorted(set(RECORDS) & set(KINDS)))
def test_every_kind_of_record_can_be_imported(job: "Job", noise: None, entity: str) -> None:
    kinds = {"string": "x", "float": "0.5", "integer": "3", "boolean": "是", "moment": "2026-03-01"}
    known = {"account": "A", "contact": "C1", "opportunity": "O", "rep": "R"}
    special = {"end_at": "2026-04-01", "external_id": "new", "to_id": "C2"}
    names = [name for name in FIELDS[entity] if name not in HIDDEN]
    row = []
    for name in names:
        field = FIELDS[entity][name]
        plain = field.allowed[0] if field.allowed else kinds[field.kind]
        value = known.get(field.reference, "") if field.reference else plain
        row.append(special.get(name, value))
    mapping = {
        "entity": entity,
        "source": "crm",
        "columns": [{"column": name, "field": name} for name in names],
    }
    report = job.run(mapping, [",".join(names), ",".join(row)])
    assert (report.rows_added, report.rows_rejected) == (1, 0)


def test_a_file_without_a_mapped_column_is_refused_whole(job: "Job") -> None:
    with pytest.raises(StoreError) as caught:
        job.run(LEADS, ["编号,公司", "1,甲"])
    assert (caught.value.problem.code, caught.value.problem.field) == ("missing_column", "状态")
    assert job.count(Lead) == 0


def test_the_job_is_on_record_and_progress_reaches_its_end(job: "Job") -> None:
    seen: list[tuple[int, int]] = []
    lines = [LEAD_HEADER, "1,甲,新,1,2026-03-01,", "2"]
    report = job.run(LEADS, lines, progress=lambda done, total: seen.append((done, total)))
    with job.sessions() as session:
        stored = session.scalars(select(ImportJob)).one()
        assert (stored.id, stored.rows_read, stored.rows_added, stored.rows_rejected) == (
            report.job_id,
            2,
            1,
            1,
        )
        assert stored.rejects_file == str(report.rejects_file)
        assert stored.finished_at == NOW
    assert seen[-1][0] == seen[-1][1]


class Job:
    """Runs imports of lines of text against one store."""

    def __init__(self, engine: Engine, sessions: sessionmaker[Session], folder: Path) -> None:
        self.engine, self.sessions, self.folder = engine, sessions, folder

    def run(
        self, mapping: dict[str, Any], lines: list[str], encoding: str = "utf-8", progress: Any = None
    ) -> ImportReport:
        file = self.folder / "import.csv"
        file.write_bytes(("\n".join(lines) + "\n").encode(encoding))
        return run_import(
            self.engine,
            ColumnMapping.model_validate(mapping),
            file,
            rejects_folder=self.folder / "rejects",
            now=NOW,
            progress=progress,
        )

    def count(self, model: Any) -> int:
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0


def rejected(report: ImportReport) -> list[dict[str, str]]:
    assert report.rejects_file is not None
    with report.rejects_file.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def job(store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path) -> Job:
    return Job(store_engine, sessions, tmp_path)


@pytest.fixture
def noise(sessions: sessionmaker[Session]) -> None:
    """Records that other rows refer to, or must not touch."""
    account = stable_id("account", "crm", "A")
    records: list[tuple[str, str, dict[str, Any]]] = [
        ("rep", "R", {"name": "旁人"}),
        ("account", "A", {"name": "旁人"}),
        *(("contact", name, {"name": "旁人", "account_id": account}) for name in ("C1", "C2")),
        ("opportunity", "O", {"title": "旁人", "stage": "proposal", "account_id": account}),
        *(("lead", f"noise {number}", {"company": "旁人"}) for number in range(3)),
    ]
    with transaction(sessions) as session:
        for entity, external_id, fields in records:
            record_id = stable_id(entity, "crm", external_id)
            values = {"source": "crm", "external_id": external_id, **fields}
            write_record(session, entity, record_id, values, actor="user:li", recorded_at=NOW, now=NOW)
