"""What a served data folder does by itself: seals the log, sees to papers that run out, forgets keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

from pipelines.progress import Steps
from pipelines.runtime import utc_now
from pipelines.seals import keep_sealing

if TYPE_CHECKING:
    from pipelines.runtime import Runtime

# Papers run out by the day and keys by the hour: looking this often is soon enough, and costs nothing.
TIDY_EVERY_SECONDS = 600.0


@contextmanager
def housekeeping(runtime: Runtime) -> Iterator[None]:
    """Keep house in two threads while the block runs."""
    stop = Event()
    threads = [
        Thread(target=work, args=(runtime, stop), name=work.__name__, daemon=True)
        for work in (keep_sealing, keep_tidy)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)


def keep_tidy(runtime: Runtime, stop: Event) -> None:
    """Tidy up every ten minutes until ``stop``; what fails is told on standard error and tried again."""
    console = Steps().console
    while not stop.is_set():
        try:
            tidy(runtime)
        except Exception as error:
            console.print(f"[red]✗[/] housekeeping failed 例行任务失败: {error}", highlight=False)
        stop.wait(TIDY_EVERY_SECONDS)


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
