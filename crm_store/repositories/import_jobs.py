"""The record of every import: which file, when, and how its rows fared."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm_store.domain.ids import new_id
from crm_store.models import ImportJob


def start_job(session: Session, preset: str, file_name: str, file_sha256: str, now: datetime) -> ImportJob:
    """Record that an import begins."""
    job = ImportJob(
        id=new_id("import"), preset=preset, file_name=file_name, file_sha256=file_sha256, started_at=now
    )
    session.add(job)
    session.flush()
    return job


def finish_job(
    session: Session,
    job_id: str,
    *,
    read: int,
    added: int,
    rejected: int,
    rejects_file: str | None,
    now: datetime,
) -> None:
    """Record how the import ended."""
    job = session.get_one(ImportJob, job_id)
    job.rows_read, job.rows_added, job.rows_rejected = read, added, rejected
    job.rejects_file, job.finished_at = rejects_file, now


def list_jobs(session: Session, limit: int = 50) -> list[ImportJob]:
    """Return the latest imports, newest first."""
    return list(session.scalars(select(ImportJob).order_by(ImportJob.started_at.desc()).limit(limit)))
