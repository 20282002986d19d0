"""Calls to something outside, each within a deadline: what hangs must not take the scores with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from serving.workers import Worker

T = TypeVar("T")


class DownError(Exception):
    """It did not answer: it is loading, failed, was too slow, or is left alone for a while."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True)
class GateLimits:
    """Deadlines in seconds.

    A call may take ``base`` plus ``per_row`` for each row: a row is read and named in about 0.02 ms, and many
    times that leaves room for a busy machine. After ``failures`` in a row it is left alone for ``rest``; then
    one call tries it. No more than ``hung`` threads are ever given up to what is dead.
    """

    base: float = 0.15
    per_row: float = 0.0005
    failures: int = 3
    rest: float = 5.0
    hung: int = 4


class Gate:
    """Calls one thing outside, one call at a time, and stops calling while it keeps failing."""

    def __init__(self, name: str, limits: GateLimits, monotonic: Callable[[], float]) -> None:
        self._name = name
        self._limits = limits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._worker = Worker(name)
        self._given_up: list[Worker] = []
        self._failures = 0
        self._rests_until = 0.0

    @property
    def state(self) -> str:
        """``ok``, ``failing`` (the last call failed) or ``resting`` (left alone)."""
        if self._failures >= self._limits.failures:
            return "resting"
        return "failing" if self._failures else "ok"

    def call(self, work: Callable[[], T], rows: int = 0) -> T:
        """Return what ``work`` returns; raise DownError when it fails, or not in the time for its rows."""
        worker = self._admit()
        job = worker.submit(work)
        try:
            found = job.result(self._limits.base + self._limits.per_row * rows)
        except TimeoutError:
            job.cancel()
            self._failed(worker, hung=True)
            raise DownError("slow") from None
        except Exception as error:
            self._failed(worker, hung=False)
            raise DownError(type(error).__name__) from error
        self._failures = 0
        return found

    def _admit(self) -> Worker:
        with self._lock:
            self._given_up = [worker for worker in self._given_up if worker.alive]
            if self._failures >= self._limits.failures:
                now = self._monotonic()
                if now < self._rests_until or len(self._given_up) >= self._limits.hung:
                    raise DownError("resting")
                self._rests_until = now + self._limits.rest  # this caller tries it, the others wait
            return self._worker

    def _failed(self, worker: Worker, *, hung: bool) -> None:
        with self._lock:
            self._failures += 1
            self._rests_until = self._monotonic() + self._limits.rest
            if hung and worker is self._worker:
                worker.close()
                self._given_up.append(worker)
                self._worker = Worker(self._name)
