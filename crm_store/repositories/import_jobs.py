"""Import jobs on record, and what an import must look up or add beyond single records."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Table, func, select, update
from sqlalchemy.orm import Session

from crm_store.domain.ids import new_id
from crm_store.models import ChangeLog, ImportJob
from crm_store.repositories.fields import FACTS, RECORDS, Value
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.rows import in_batches, insert_arrow
from crm_store.repositories.writes import changelog

_LOOKUP = 5_000


def start_job(
    session: Session,
    *,
    preset: str,
    entity: str,
    mapping: dict[str, Any],
    file_name: str,
    file_sha256: str,
    actor: str,
    now: datetime,
    job_id: str | None = None,
) -> ImportJob:
    """Record that an import begins, under ``job_id`` if its file is kept by that name already."""
    job = ImportJob(
        id=job_id or new_id("import"),
        preset=preset,
        entity=entity,
        mapping=mapping,
        file_name=file_name[-255:],
        file_sha256=file_sha256,
        status="running",
        actor=actor,
        started_at=now,
        updated_at=now,
        position=0,
        rows_read=0,
        rows_added=0,
        rows_rejected=0,
    )
    session.add(job)
    session.flush()
    return job


def get_job(session: Session, job_id: str) -> ImportJob:
    """Return a job as it stands. Raises StoreError when there is none."""
    job = session.get(ImportJob, job_id, populate_existing=True)
    if job is None:
        zh, en = f"没有导入任务 {job_id}", f"there is no import {job_id}"
        raise StoreError(Problem("unknown_import", None, zh, en))
    return job


def unfinished_job(
    session: Session, *, file_sha256: str, mapping: dict[str, Any], actor: str
) -> ImportJob | None:
    """Return the latest import of the same bytes by the same mapping that did not come to its end."""
    query = (
        select(ImportJob)
        .where(ImportJob.file_sha256 == file_sha256, ImportJob.status == "running", ImportJob.actor == actor)
        .order_by(ImportJob.started_at.desc())
    )
    return next((job for job in session.scalars(query) if job.mapping == mapping), None)


def stalled_jobs(session: Session, before: datetime) -> list[str]:
    """Return the running jobs that have not moved since ``before``, the oldest first."""
    query = (
        select(ImportJob.id)
        .where(ImportJob.status == "running", ImportJob.updated_at < before)
        .order_by(ImportJob.started_at, ImportJob.id)
    )
    return list(session.scalars(query))


def list_jobs(session: Session, limit: int = 50) -> list[ImportJob]:
    """Return the latest imports, newest first."""
    query = select(ImportJob).order_by(ImportJob.started_at.desc(), ImportJob.id).limit(limit)
    return list(session.scalars(query))


def advance_job(
    session: Session,
    job_id: str,
    position: int,
    *,
    rows: int,
    added: int,
    rejected: int,
    rejects_file: str,
    now: datetime,
) -> None:
    """Count rows whose fate this transaction settles. Until it ends, nobody else gets beyond this line.

    Raises StoreError when the job is not at ``position`` any more: cancelled, or gone on elsewhere.
    """
    values = {
        "position": position + rows,
        "rows_read": position + rows,
        "rows_added": ImportJob.rows_added + added,
        "rows_rejected": ImportJob.rows_rejected + rejected,
        "updated_at": now,
    }
    statement = (
        update(ImportJob)
        .where(ImportJob.id == job_id, ImportJob.position == position, ImportJob.status == "running")
        .values(values | ({"rejects_file": rejects_file} if rejected else {}))
        .execution_options(synchronize_session=False)
    )
    if session.scalars(statement.returning(ImportJob.id)).one_or_none() is None:
        raise StoreError(_lost(get_job(session, job_id)))


def set_status(
    session: Session, job_id: str, status: str, now: datetime, error: str | None = None
) -> ImportJob:
    """Move a job to another status. A finished job stays finished."""
    job = get_job(session, job_id)
    if job.status != "finished":
        job.status, job.updated_at, job.error = status, now, None if error is None else error[:300]
        job.finished_at = now if status == "finished" else None
        session.flush()
    return job


def _lost(job: ImportJob) -> Problem:
    if job.status == "cancelled":
        return Problem("import_cancelled", None, f"导入 {job.id} 已取消", f"import {job.id} was cancelled")
    zh, en = f"导入 {job.id} 正在另一进程中继续", f"import {job.id} goes on in another process"
    return Problem("import_elsewhere", None, zh, en)


def table_of(entity: str) -> Table:
    """Return the table of a kind of record or fact."""
    model: Any = RECORDS.get(entity) or FACTS[entity]
    return model.__table__  # type: ignore[no-any-return]


def add_facts(connection: Connection, entity: str, facts: pa.Table) -> int:
    """Add facts whose id is new, within the caller's transaction, and return how many were."""
    return insert_arrow(connection, table_of(entity), facts)


def known_by_outside_id(
    connection: Connection, entity: str, source: str, external_ids: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """Return the stored rows of one outside system by outside id, whatever their own id is."""
    table = table_of(entity)
    found: dict[str, Mapping[str, Any]] = {}
    for some in in_batches(dict.fromkeys(external_ids), _LOOKUP):
        query = select(*table.c).where(table.c.source == source, table.c.external_id.in_(some))
        found |= {row["external_id"]: row for row in connection.execute(query).mappings()}
    return found


def ids_by_name(connection: Connection, entity: str, names: Iterable[str]) -> dict[str, str | None]:
    """Return name → id of the records so named; None where several are. Deleted records do not count."""
    table = table_of(entity)
    found: dict[str, str | None] = {}
    for some in in_batches(dict.fromkeys(names), _LOOKUP):
        query = (
            select(table.c.name, func.min(table.c.id).label("id"), func.count().label("records"))
            .where(table.c.name.in_(some), table.c.deleted_at.is_(None))
            .group_by(table.c.name)
        )
        found |= {row.name: row.id if row.records == 1 else None for row in connection.execute(query)}
    return found


def histories(
    connection: Connection, entity: str, record_ids: Iterable[str]
) -> dict[str, list[tuple[datetime, dict[str, Value]]]]:
    """Return, for each record, when it took each of its states, oldest first."""
    log = ChangeLog.__table__.c
    entries: dict[str, list[Any]] = {}
    for some in in_batches(dict.fromkeys(record_ids), _LOOKUP):
        query = (
            select(log.entity_id, log.recorded_at, log.changes)
            .where(log.entity == entity, log.entity_id.in_(some))
            .order_by(log.entity_id, log.version)
        )
        for row in connection.execute(query):
            entries.setdefault(row.entity_id, []).append(row)
    return {record_id: _states(entity, rows) for record_id, rows in entries.items()}


def _states(entity: str, rows: Sequence[Any]) -> list[tuple[datetime, dict[str, Value]]]:
    moments = [row.recorded_at for row in rows]
    return list(zip(moments, changelog.fold(entity, rows), strict=True))
