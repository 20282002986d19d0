"""A thread that does one thing at a time and can be given up when it hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
_Job = tuple[Callable[[], object], "Future[object]"]


class Worker:
    """One daemon thread with a queue. A hung job never keeps the process from ending."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Queue a job; its result or exception arrives in the future."""
        future: Future[T] = Future()
        self._jobs.put((work, future))  # type: ignore[arg-type]
        return future

    def close(self) -> None:
        """Let the thread end after what is queued; doesn't wait for it."""
        self._jobs.put(None)

    @property
    def alive(self) -> bool:
        """Whether the thread still runs: an abandoned worker that is alive hangs in its job."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, future = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            del job, work, future  # a result must not live until the next job comes
