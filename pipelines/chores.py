"""What a served data folder does by itself, one function a chore; each may be done at any time, and again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.runtime import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from crm_store.intake.registry.enrich import Enricher
    from crm_store.repositories.problems import Problem
    from pipelines.runtime import Runtime

# A running import moves with every batch, and a batch takes seconds.
STALLED = timedelta(minutes=5)


def tidy(runtime: Runtime) -> int:
    """Open and close the tasks of papers that run out, forget expired idempotency keys; return the tasks."""
    from crm_store.database import transaction
    from crm_store.services.expiry_tasks import expiry_tasks
    from crm_store.services.idempotency import purge

    with transaction(runtime.sessions) as session:
        tasks = expiry_tasks(session, utc_now())
    while True:
        with transaction(runtime.sessions) as session:
            if purge(session, utc_now()) == 0:
                return tasks


def resume_imports(runtime: Runtime) -> int:
    """Go on with imports whose process is gone, and return how many came to their end.

    Raises StoreError as the first that cannot go on does; it is then marked as failed, and not tried again.
    """
    from crm_store.database import transaction
    from crm_store.imports.jobs import kept_file, resume_import
    from crm_store.repositories import import_jobs
    from crm_store.repositories.problems import StoreError

    with runtime.sessions() as session:
        stalled = import_jobs.stalled_jobs(session, utc_now() - STALLED)
    for job in stalled:
        folder = next((one for one in _import_folders(runtime) if kept_file(one, job).exists()), None)
        try:
            if folder is None:
                raise StoreError(_file_gone(job))
            resume_import(runtime.engine, job, folder=folder, now=utc_now())
        except StoreError as error:
            if error.problem.code not in ("import_elsewhere", "import_cancelled"):
                words = f"{error.problem.code}: {error.problem.zh} / {error.problem.en}"
                with transaction(runtime.sessions) as session:
                    import_jobs.set_status(session, job, "failed", utc_now(), words)
                raise
    return len(stalled)


def pull_due_orders(runtime: Runtime) -> int:
    """Pull the order connectors of the data folder that are due; return the orders added.

    Raises the StoreErrors of those that failed, as one group, after all have been tried.
    """
    from crm_store.connectors.pull import due, pull_orders
    from crm_store.connectors.settings import read_connectors
    from crm_store.repositories.problems import StoreError

    connectors = read_connectors(runtime.settings.connectors_file, os.environ)
    folder, now, added, failed = runtime.settings.folder / "connectors", utc_now(), 0, []
    for name in due(runtime.sessions, connectors, now):
        try:
            added += pull_orders(runtime.sessions, connectors[name], folder=folder, now=now).added
        except StoreError as error:
            failed.append(error)
    if failed:
        raise ExceptionGroup("order pulls", failed)
    return added


def retrain_due_models(runtime: Runtime) -> int:
    """Train again what its schedule or its drift asks for, in a process of its own; return how many were due.

    Raises RuntimeError with what the process said last if it fails.
    """
    import subprocess
    import sys

    from pipelines.lifecycle import due, policy_of

    policy, now = policy_of(runtime), runtime.now()
    wanted = [model for model in runtime.models() if due(runtime, model, now, policy)]
    if wanted:
        command = [sys.executable, "-m", "pipelines.cli", "model", "retrain", "--due"]
        folder = str(runtime.settings.folder)
        done = subprocess.run(  # noqa: S603 - our own command line
            [*command, "--home", folder], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1:])
    return len(wanted)


@dataclass
class Enriching:
    """Filling in accounts from the company registry that the data folder sets up, if it does."""

    runtime: Runtime

    def __call__(self) -> int:
        """Go over the accounts once; return how many were filled in."""
        from crm_store.intake.registry.accounts import enrich_accounts

        return 0 if self._enricher is None else enrich_accounts(self._enricher, now=utc_now()).filled_in

    @cached_property
    def _enricher(self) -> Enricher | None:
        """One for the process: its breaker remembers how the registry did."""
        from crm_store.intake.registry.settings import read_registry

        return read_registry(self.runtime.settings.registry_file, os.environ, self.runtime.sessions)


def _import_folders(runtime: Runtime) -> tuple[Path, Path]:
    """Where imports keep the copies of their files: the command's, and the API's."""
    return runtime.settings.imports_folder, runtime.settings.uploads_folder


def _file_gone(job: str) -> Problem:
    from crm_store.repositories.problems import Problem

    zh, en = f"导入 {job} 的文件已不在，请重新导入", f"the file of import {job} is gone: import it again"
    return Problem("file_unreadable", None, zh, en)
