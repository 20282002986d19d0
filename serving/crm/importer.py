"""Runs import jobs behind the requests that start them, one at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock

from sqlalchemy import Engine

from crm_store.database import session_factory, transaction
from crm_store.imports import jobs
from crm_store.repositories import import_jobs
from crm_store.repositories.problems import StoreError
from serving.edge import log_unexpected
from serving.workers import Worker

log = logging.getLogger("leadpulse.serving")


@dataclass
class Importer:
    """The thread that imports run in, started with the first. A job that it leaves unfinished is resumed."""

    engine: Engine
    folder: Path
    clock: Callable[[], datetime]
    _worker: Worker | None = None
    _lock: Lock = field(default_factory=Lock)

    def submit(self, job_id: str) -> Future[None]:
        """Run a job as soon as those before it are done; the future tells when that is."""
        with self._lock:
            self._worker = self._worker or Worker("imports")
        return self._worker.submit(lambda: self.run(job_id))

    def run(self, job_id: str) -> None:
        """Run a job from where it stands. What stops it is written into the job; nothing is raised."""
        try:
            jobs.resume_import(self.engine, job_id, folder=self.folder, now=self.clock())
        except StoreError as error:
            log.info("import %s stopped: %s", job_id, error.problem.code)
        except Exception as error:
            log_unexpected(error, job_id, "import")
            with transaction(session_factory(self.engine)) as session:
                words = "internal: 导入中断，可重试 / the import broke off and can be resumed"
                import_jobs.set_status(session, job_id, "failed", self.clock(), words)
