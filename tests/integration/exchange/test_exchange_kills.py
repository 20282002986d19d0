"""An import that is killed with SIGKILL, at any point, ends as if nothing had happened, on both stores."""

import multiprocessing
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from killed_job import POINTS, run_and_die
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import open_engine, session_factory, transaction
from crm_store.domain.ids import stable_id
from crm_store.imports import jobs
from crm_store.imports.jobs import ImportReport, run_import
from crm_store.imports.mapping import ColumnMapping
from crm_store.models import Activity, ChangeLog, ImportJob, Lead
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import write_record
from tests.sizes import full

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROWS = full(230, 4_000)
LEADS: dict[str, Any] = {
    "entity": "lead",
    "source": "crm",
    "columns": [
        {"column": "编号", "field": "external_id"},
        {"column": "公司", "field": "company"},
        {"column": "预计量", "field": "expected_volume"},
        {"column": "时间", "field": "recorded_at"},
    ],
}
ACTIVITIES: dict[str, Any] = {
    "entity": "activity",
    "source": "crm",
    "columns": [
        {"column": "编号", "field": "external_id"},
        {"column": "线索", "field": "lead_id"},
        {"column": "时间", "field": "occurred_at"},
    ],
    "constants": {"channel": "call", "direction": "in"},
}


@pytest.mark.parametrize("mapping", [LEADS, ACTIVITIES], ids=["records", "facts"])
def test_killed_imports_end_as_one_that_was_left_alone(
    store_url: str, sqlite_url: str, tmp_path: Path, mapping: dict[str, Any], smaller_batches: None
) -> None:
    """The run after the kills takes batches of another size, as a newer version might."""
    file = written(tmp_path, mapping)
    deaths = [(point, batch) for batch in (1, 2, 4) for point in POINTS][:: full(6, 1)]
    prepare(store_url)
    for point, batch in deaths:
        assert died(store_url, mapping, file, tmp_path / "rejects", point, batch)
    killed = finish(store_url, mapping, file, tmp_path / "rejects")
    alone_url = f"sqlite:///{tmp_path / 'alone.db'}"
    Path(tmp_path / "alone.db").write_bytes(Path(sqlite_url.removeprefix("sqlite:///")).read_bytes())
    if store_url != sqlite_url:
        prepare(alone_url)
        alone = finish(alone_url, mapping, file, tmp_path / "alone")
        assert counts(killed) == counts(alone)
        assert contents(killed) == contents(alone)
        assert rows_in(store_url) == rows_in(alone_url)
    assert killed.rows_read == ROWS
    assert killed.rows_rejected == ROWS // 10
    again = finish(store_url, mapping, file, tmp_path / "rejects")
    assert (again.rows_added, again.rows_rejected) == (0, ROWS // 10)


def test_two_runs_of_one_job_do_not_disturb_each_other(
    store_engine: Engine, sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second overtakes the first between two batches: the first gives up, and writes nothing more."""
    file = written(tmp_path, LEADS)
    monkeypatch.setattr(jobs, "RECORD_ROWS", 40)
    mapping, overtaken = ColumnMapping.model_validate(LEADS), []

    def overtake(done: int, total: int) -> None:
        if done >= 80 and not overtaken:
            overtaken.append(finish_with(store_engine, mapping, file, tmp_path))

    with pytest.raises(StoreError) as caught:
        run_import(store_engine, mapping, file, rejects_folder=tmp_path / "r", now=NOW, progress=overtake)
    assert caught.value.problem.code == "import_elsewhere"
    [other] = overtaken
    with sessions() as session:
        [job] = session.scalars(select(ImportJob)).all()
    assert (job.status, job.rows_read, job.rows_rejected) == ("finished", ROWS, ROWS // 10)
    assert len(contents(other).splitlines()) == 1 + ROWS // 10


def finish_with(engine: Engine, mapping: ColumnMapping, file: Path, folder: Path) -> ImportReport:
    return run_import(engine, mapping, file, rejects_folder=folder / "r", now=NOW)


def written(folder: Path, mapping: dict[str, Any]) -> Path:
    """Write a file in which every tenth row is bad, in one of three ways."""
    bad = ["{0},乙,不是数字,2026-03-01", "{0},丙", ",丁,1,2026-03-01"]
    lines = ["编号,公司,预计量,时间"]
    if mapping is ACTIVITIES:
        bad = ["{0},nobody,2026-03-01", "{0}", ",L1,2026-03-01"]
        lines = ["编号,线索,时间"]
    for number in range(ROWS):
        good = (
            f"{number},L{number % 5},2026-03-01" if mapping is ACTIVITIES else f"{number % 90},甲{number},1,"
        )
        clock = f"{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"
        day = "" if mapping is ACTIVITIES else f"2026-03-01 {clock}"
        lines.append(bad[number // 10 % 3].format(number) if number % 10 == 9 else good + day)
    file = folder / "import.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def prepare(url: str) -> None:
    """Give the activities their leads."""
    engine = open_engine(url)
    with transaction(session_factory(engine)) as session:
        for number in range(5):
            values = {"source": "crm", "external_id": f"L{number}"}
            one = stable_id("lead", "crm", f"L{number}")
            write_record(session, "lead", one, values, actor="user:li", recorded_at=NOW, now=NOW)
    engine.dispose()


def died(url: str, mapping: dict[str, Any], file: Path, rejects: Path, point: str, batch: int) -> bool:
    """Run an import that kills itself; return whether it did, and not before it came to the point."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["crm_store.imports.jobs"])
    child = processes.Process(target=run_and_die, args=(url, mapping, str(file), str(rejects), point, batch))
    child.start()
    child.join()
    return child.exitcode == -signal.SIGKILL


def finish(url: str, mapping: dict[str, Any], file: Path, rejects: Path) -> ImportReport:
    engine = open_engine(url)
    try:
        return run_import(
            engine, ColumnMapping.model_validate(mapping), file, rejects_folder=rejects, now=NOW
        )
    finally:
        engine.dispose()


def counts(report: ImportReport) -> tuple[int, int, int]:
    return report.rows_read, report.rows_added, report.rows_rejected


def contents(report: ImportReport) -> str:
    assert report.rejects_file is not None
    return report.rejects_file.read_text("utf-8-sig")


def rows_in(url: str) -> list[Any]:
    engine = open_engine(url)
    with session_factory(engine)() as session:
        assert verify(session) == []
        leads = select(Lead.external_id, Lead.company, Lead.version).order_by(Lead.id)
        log = select(ChangeLog.entity_id, ChangeLog.version, ChangeLog.changes, ChangeLog.recorded_at)
        activities = select(Activity.external_id, Activity.lead_id).order_by(Activity.id)
        found = [
            list(session.execute(leads)),
            sorted(map(str, session.execute(log))),
            list(session.execute(activities)),
        ]
    engine.dispose()
    return found


@pytest.fixture
def smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RECORD_ROWS", 64)
    monkeypatch.setattr(jobs, "CHUNK_ROWS", 64)
