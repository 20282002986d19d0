"""Import jobs: started, resumed after whatever stopped them, cancelled.

A job settles the fate of its rows batch by batch. Each batch is one transaction that holds the rows, the
count of rows rejected and the job's position; the rejected rows are on disk before it commits. A job that is
killed anywhere goes on behind its last committed batch, and nothing is lost, doubled or counted twice.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import session_factory, transaction
from crm_store.imports.batches import Batch, BatchReader
from crm_store.imports.files import Rows, open_mapped
from crm_store.imports.loading import Load, load_all_it_can, loader
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.ordering import Ordered
from crm_store.imports.reader import CHUNK_ROWS, Chunk
from crm_store.imports.rejects import Rejects
from crm_store.imports.sheets import fingerprint
from crm_store.models import ImportJob
from crm_store.repositories import import_jobs
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes.bulk import Progress

RECORD_ROWS = 5_000
"""Rows of records in one transaction: few enough that other writers of SQLite wait seconds, not minutes."""


@dataclass(frozen=True)
class ImportReport:
    """How an import went, or how far it has come. ``rejects_file`` is None while no row is rejected."""

    job_id: str
    status: str
    rows_read: int
    rows_added: int
    rows_rejected: int
    rejects_file: Path | None

    @property
    def rows_known(self) -> int:
        """Rows that were good and said nothing new."""
        return self.rows_read - self.rows_added - self.rows_rejected


def report_of(job: ImportJob) -> ImportReport:
    """Return a job's report."""
    rejects = None if job.rejects_file is None else Path(job.rejects_file)
    return ImportReport(job.id, job.status, job.rows_read, job.rows_added, job.rows_rejected, rejects)


def check_header(file: Path, mapping: ColumnMapping) -> None:
    """Raise StoreError when the file lacks a column that the mapping names."""
    with open_mapped(file, mapping) as rows:
        mapping.places(rows.header)


def start_import(
    sessions: sessionmaker[Session],
    mapping: ColumnMapping,
    file: Path,
    *,
    folder: Path,
    who: str,
    now: datetime,
    file_name: str | None = None,
) -> str:
    """Record a job and keep a copy of its file in ``folder``; return its id, for ``resume_import``.

    ``who`` is whom the change log will name. Raises StoreError, and records nothing, when the file cannot be
    read or lacks a mapped column.
    """
    with open_mapped(file, mapping) as rows:
        mapping.places(rows.header)
        digest = rows.sha256
    with transaction(sessions) as session:
        job = _start(session, mapping, file_name or file.name, digest, who, now)
        kept = kept_file(folder, job.id)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, kept)
        return job.id


def resume_import(
    engine: Engine, job_id: str, *, folder: Path, now: datetime, progress: Progress | None = None
) -> ImportReport:
    """Run a job that ``start_import`` recorded, from where it stands to its end; then its copy is deleted.

    A finished job is reported and not run again; a failed or cancelled one goes on. Raises StoreError when
    the file cannot be read any more, or the job goes on elsewhere.
    """
    sessions = session_factory(engine)
    with sessions() as session:
        job = import_jobs.get_job(session, job_id)
    if job.status == "finished":
        return report_of(job)
    mapping = ColumnMapping.model_validate(job.mapping)
    with transaction(sessions) as session:
        import_jobs.set_status(session, job_id, "running", now)
    kept = kept_file(folder, job_id)
    report = _Run(engine, mapping, kept, folder / "rejects", now).from_position(job_id, progress)
    kept.unlink(missing_ok=True)
    return report


def cancel_import(session: Session, job_id: str, now: datetime) -> ImportReport:
    """Stop a job behind the batch that it is at. What is loaded stays; the job can be resumed."""
    return report_of(import_jobs.set_status(session, job_id, "cancelled", now))


def kept_file(folder: Path, job_id: str) -> Path:
    """Return where the copy of a job's file is kept until the job is finished."""
    return folder / "files" / job_id


def run_import(
    engine: Engine,
    mapping: ColumnMapping,
    file: Path,
    *,
    rejects_folder: Path,
    now: datetime,
    who: str = "file",
    progress: Progress | None = None,
    load: Load | None = None,
) -> ImportReport:
    """Import a file where it lies: good rows into the store, bad ones into ``rejects_folder``.

    A rerun adds nothing; after a kill, it goes on where the job was. Memory is bounded by the batch.
    ``progress`` is told (rows done, lines in all). ``load`` stores batches, by default the mapping's way.
    Raises StoreError when the file as a whole cannot be read: no header, a mapped column missing, UTF-16.
    """
    return _Run(engine, mapping, file, rejects_folder, now).anew(who, progress, load)


class _Run:
    """One run of one job."""

    def __init__(
        self, engine: Engine, mapping: ColumnMapping, file: Path, rejects_folder: Path, now: datetime
    ) -> None:
        self._engine, self._mapping, self._file, self._now = engine, mapping, file, now
        self._sessions = session_factory(engine)
        self._rejects_folder = rejects_folder

    def anew(self, who: str, progress: Progress | None, load: Load | None) -> ImportReport:
        """Run a job for this file: one that was interrupted, or a new one."""
        with open_mapped(self._file, self._mapping) as rows:
            self._mapping.places(rows.header)
            with transaction(self._sessions) as session:
                job = import_jobs.unfinished_job(
                    session, file_sha256=rows.sha256, mapping=_as_json(self._mapping), actor=_actor(who)
                ) or _start(session, self._mapping, self._file.name, rows.sha256, who, self._now)
            return self._run(job, rows, progress, load)

    def from_position(self, job_id: str, progress: Progress | None) -> ImportReport:
        """Go on with a job whose file must still be what it was."""
        with self._sessions() as session:
            job = import_jobs.get_job(session, job_id)
        if not self._file.is_file() or fingerprint(self._file) != job.file_sha256:
            zh, en = (
                f"导入 {job_id} 的文件已不存在或已改变",
                f"the file of import {job_id} is gone or changed",
            )
            problem = Problem("import_file_changed", None, zh, en)
            self._fail(job_id, problem)
            raise StoreError(problem)
        with open_mapped(self._file, self._mapping) as rows:
            return self._run(job, rows, progress, None)

    def _run(self, job: ImportJob, rows: Rows, progress: Progress | None, load: Load | None) -> ImportReport:
        try:
            with ExitStack() as stack:
                self._settle_all(job, rows, stack, progress, load)
        except StoreError as error:
            if error.problem.code not in ("import_elsewhere", "import_cancelled"):
                self._fail(job.id, error.problem)
            raise
        if progress is not None:
            progress(rows.lines, rows.lines)
        with transaction(self._sessions) as session:
            return report_of(import_jobs.set_status(session, job.id, "finished", self._now))

    def _settle_all(
        self, job: ImportJob, rows: Rows, stack: ExitStack, progress: Progress | None, load: Load | None
    ) -> None:
        mapping, actor, position = self._mapping, job.actor or _actor("file"), job.position
        places = mapping.places(rows.header)
        rejects = Rejects(self._rejects_folder / f"{job.id}.csv", rows.header, job.rows_rejected)
        load = load or loader(mapping, actor, self._now)
        reader = BatchReader(self._engine, mapping, actor, self._now)
        chunks = self._chunks(rows, places, stack)
        for batch in reader.batches(chunks, places, rows.guarded, skip=position):
            self._settle(job.id, position, batch, load, rejects)
            position += batch.read
            if progress is not None:
                progress(min(position, rows.lines), rows.lines)

    def _chunks(self, rows: Rows, places: list[list[int]], stack: ExitStack) -> Iterator[Chunk]:
        """Return the rows, those of records by their times, if they have any."""
        if self._mapping.is_fact:
            return rows.chunks(CHUNK_ROWS)
        fields = [rule.field for rule in self._mapping.columns]
        if "recorded_at" not in fields:
            return rows.chunks(RECORD_ROWS)
        place = places[fields.index("recorded_at")]
        ordered = Ordered(rows.chunks(CHUNK_ROWS), self._mapping, place, rows.guarded)
        return stack.enter_context(ordered).chunks(RECORD_ROWS)

    def _settle(self, job_id: str, position: int, batch: Batch, load: Load, rejects: Rejects) -> None:
        """Commit what becomes of one batch, whole."""
        with transaction(self._sessions) as session:
            loaded = load_all_it_can(session, self._mapping.entity, load, batch)
            refused = sorted(batch.refused + loaded.refused, key=lambda one: one.line)
            import_jobs.advance_job(
                session,
                job_id,
                position,
                rows=batch.read,
                added=loaded.added,
                rejected=len(refused),
                rejects_file=str(rejects.target),
                now=self._now,
            )
            # Only who got beyond that line writes to the file, and before anybody else can get there.
            rejects.add(refused)

    def _fail(self, job_id: str, problem: Problem) -> None:
        with transaction(self._sessions) as session:
            error = f"{problem.code}: {problem.zh} / {problem.en}"
            import_jobs.set_status(session, job_id, "failed", self._now, error)


def _start(
    session: Session, mapping: ColumnMapping, file_name: str, digest: str, who: str, now: datetime
) -> ImportJob:
    return import_jobs.start_job(
        session,
        preset=mapping.name,
        entity=mapping.entity,
        mapping=_as_json(mapping),
        file_name=file_name,
        file_sha256=digest,
        actor=_actor(who),
        now=now,
    )


def _as_json(mapping: ColumnMapping) -> dict[str, Any]:
    return mapping.model_dump(mode="json", exclude_defaults=True)


def _actor(who: str) -> str:
    """Return how the change log names an import by somebody."""
    return f"import:{who}"[:80]
