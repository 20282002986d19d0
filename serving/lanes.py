"""Natural batching: what arrives while a batch is being scored is scored together next.

Nothing waits for a timer, so a lone request is as quick as without it; under load the fixed cost of a read
and a prediction is shared. Long requests have a lane of their own, so that they don't hold up short ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress

from serving.errors import ServingError
from serving.ladder import Outcomes
from serving.workers import Worker

_Waiting = tuple[Sequence[str], "asyncio.Future[Outcomes]"]
# Ids scored together. A request of more than this many ids is long.
SHORT = 32


class Lane:
    """One thread that scores batch after batch. Belongs to the event loop that calls it."""

    def __init__(self, work: Callable[[Sequence[str]], Outcomes], name: str, timeout: float) -> None:
        self._work = work
        self._name = name
        self._timeout = timeout
        self._worker = Worker(name)
        self._waiting: list[_Waiting] = []
        self._batch: list[_Waiting] = []
        self._batch_number = 0

    async def submit(self, ids: Sequence[str]) -> Outcomes:
        """Return an outcome for each of ``ids``. Raises ServingError("timeout") if a batch hangs."""
        future: asyncio.Future[Outcomes] = asyncio.get_running_loop().create_future()
        self._waiting.append((ids, future))
        if not self._batch:
            self._start()
        return await future

    def close(self) -> None:
        """Let the thread end."""
        self._worker.close()

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._batch = self._take()
        self._batch_number += 1
        number = self._batch_number
        ids = [entity_id for wanted, _ in self._batch for entity_id in wanted]
        watchdog = loop.call_later(self._timeout, self._give_up, number)

        def done(job: Future[Outcomes]) -> None:
            with suppress(RuntimeError):  # the loop is closed: the server stopped meanwhile
                loop.call_soon_threadsafe(self._finish, number, job, watchdog)

        self._worker.submit(lambda: self._work(ids)).add_done_callback(done)

    def _take(self) -> list[_Waiting]:
        """Take what waits, up to SHORT ids, but at least one request."""
        size = 0
        for count, (ids, _) in enumerate(self._waiting):
            size += len(ids)
            if size > SHORT and count:
                break
        else:
            count = len(self._waiting)
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _finish(self, number: int, job: Future[Outcomes], watchdog: asyncio.TimerHandle) -> None:
        watchdog.cancel()
        if number != self._batch_number or not self._batch:
            return
        batch, self._batch = self._batch, []
        error = job.exception()
        for _, future in batch:
            if future.done():
                continue
            if error is None:
                future.set_result(job.result())
            else:
                future.set_exception(error)
        if self._waiting:
            self._start()

    def _give_up(self, number: int) -> None:
        """Leave a hung batch to its thread and go on with a new one."""
        if number != self._batch_number or not self._batch:
            return
        batch, self._batch = self._batch, []
        for _, future in batch:
            if not future.done():
                future.set_exception(ServingError("timeout"))
        self._worker.close()
        self._worker = Worker(self._name)
        if self._waiting:
            self._start()
