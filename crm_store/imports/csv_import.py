"""Importing one CSV file of any kind of record or fact through a column mapping."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from crm_store.database import session_factory, transaction
from crm_store.imports.batches import Batch, BatchReader
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.reader import CsvRows, FileFacts, examine
from crm_store.imports.records import RecordImport
from crm_store.imports.rejects import Rejects
from crm_store.repositories import bulk
from crm_store.repositories.bulk import Progress
from crm_store.repositories.fields import FACTS
from crm_store.repositories.import_jobs import finish_job, start_job

ACTOR = "import"


def check_header(file: Path, mapping: ColumnMapping) -> None:
    """Raise StoreError when the file lacks a column that the mapping names."""
    with CsvRows(file, examine(file, mapping.encoding), mapping.delimiter) as rows:
        mapping.places(rows.header)


@dataclass(frozen=True)
class ImportReport:
    """How an import went. ``rejects_file`` is None when no row was rejected."""

    job_id: str
    rows_read: int
    rows_added: int
    rows_rejected: int
    rejects_file: Path | None

    @property
    def rows_known(self) -> int:
        """Rows that were good and said nothing new."""
        return self.rows_read - self.rows_added - self.rows_rejected


def run_import(
    engine: Engine,
    mapping: ColumnMapping,
    file: Path,
    *,
    rejects_folder: Path,
    now: datetime,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file: good rows into the store, bad ones into ``rejects_folder``. A rerun adds nothing.

    Each batch is one transaction, so a job that was stopped goes on where it was when run again.
    Memory is bounded by the batch. ``progress`` is told (lines done, lines in all). Raises StoreError when
    the file as a whole cannot be read: no header, a mapped column missing, UTF-16.
    """
    return Job(engine, mapping, file, rejects_folder, now).run(progress)


class Job:
    """One import job, from its first row in ``import_job`` to its last."""

    def __init__(
        self, engine: Engine, mapping: ColumnMapping, file: Path, rejects_folder: Path, now: datetime
    ) -> None:
        self._engine, self._mapping, self._file, self._now = engine, mapping, file, now
        self._rejects_folder = rejects_folder

    def run(self, progress: Progress | None = None, load: "Load | None" = None) -> ImportReport:
        """Run it. ``load`` stores batches and returns rows added; by default, the mapping's way."""
        facts = examine(self._file, self._mapping.encoding)
        load = load or self._load
        with CsvRows(self._file, facts, self._mapping.delimiter) as rows:
            job_id = self._start(facts)
            reader = BatchReader(self._engine, self._mapping, self._now)
            with Rejects(self._rejects_folder / f"{job_id}.csv", rows.header) as rejects:
                batches = _reporting(reader, reader.batches(rows, rejects), facts, progress)
                added = load(batches, rejects)
        report = ImportReport(job_id, reader.rows_read, added, rejects.count, rejects.path)
        self._finish(report)
        return report

    def _load(self, batches: Iterable[Batch], rejects: Rejects) -> int:
        mapping = self._mapping
        if mapping.is_fact:
            return sum(load_fact_batch(self._engine, mapping, batch) for batch in batches)
        records = RecordImport(self._engine, mapping, ACTOR, self._now)
        return sum(records.apply(batch, rejects) for batch in batches)

    def _start(self, facts: FileFacts) -> str:
        with transaction(session_factory(self._engine)) as session:
            return start_job(session, self._mapping.name, self._file.name[:255], facts.sha256, self._now).id

    def _finish(self, report: ImportReport) -> None:
        with transaction(session_factory(self._engine)) as session:
            finish_job(
                session,
                report.job_id,
                read=report.rows_read,
                added=report.rows_added,
                rejected=report.rows_rejected,
                rejects_file=None if report.rejects_file is None else str(report.rejects_file),
                now=self._now,
            )


Load = Callable[[Iterable[Batch], Rejects], int]


def load_fact_batch(engine: Engine, mapping: ColumnMapping, batch: Batch) -> int:
    """Add a batch of facts and return how many were new."""
    import pyarrow as pa

    source = pa.repeat(pa.scalar(mapping.source, pa.string()), batch.table.num_rows)
    return bulk.load_facts(engine, FACTS[mapping.entity], batch.table.append_column("source", source))


def _reporting(
    reader: BatchReader, batches: Iterable[Batch], facts: FileFacts, progress: Progress | None
) -> Iterable[Batch]:
    for batch in batches:
        yield batch
        if progress is not None:
            progress(min(reader.line, facts.lines), facts.lines)
