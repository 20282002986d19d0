"""An import that kills its own process at a chosen point: run by the tests, in a process of its own."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crm_store.database import open_engine
from crm_store.imports import jobs
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.rejects import Rejects
from crm_store.repositories import import_jobs

POINTS = (
    "before the rows",
    "before the position",
    "before the rejects",
    "after the rejects",
    "after a batch",
)


def run_and_die(url: str, mapping: dict[str, Any], file: str, rejects: str, point: str, batch: int) -> None:
    """Import until the point in the batch of that number; batches are of 40 rows."""
    jobs.RECORD_ROWS = jobs.CHUNK_ROWS = 40
    step: dict[str, tuple[Any, str, bool]] = {
        "before the rows": (jobs, "load_all_it_can", True),
        "before the position": (import_jobs, "advance_job", True),
        "before the rejects": (Rejects, "add", True),
        "after the rejects": (Rejects, "add", False),
        "after a batch": (jobs._Run, "_settle", False),
    }
    owner, name, before = step[point]
    setattr(owner, name, _deadly(getattr(owner, name), batch, before))
    jobs.run_import(
        open_engine(url),
        ColumnMapping.model_validate(mapping),
        Path(file),
        rejects_folder=Path(rejects),
        now=jobs.datetime.fromisoformat("2026-06-01T00:00:00+00:00"),
    )


def _deadly(function: Callable[..., Any], at: int, before: bool) -> Callable[..., Any]:
    calls = 0

    def run(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if before and calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return run
