"""Online features with a deadline: a store that is slow, hung or broken must not take the scores with it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from serving.kinds import KINDS
from serving.workers import Worker

log = logging.getLogger("leadpulse.serving")
# How long after a failure the online features are loaded again: someone may have built them meanwhile.
RETRY_SECONDS = 10.0
NOBODY = "-"


class OnlineRows(Protocol):
    """Features of several entities, in the order asked; None where the store has no row."""

    @property
    def values(self) -> Sequence[Mapping[str, object] | None]:
        """Feature name → value of each entity."""
        ...

    @property
    def as_of(self) -> Sequence[datetime | None]:
        """The moment each row was computed for."""
        ...


class OnlineReader(Protocol):
    """Reads the online store; may block and may raise anything."""

    def online(self, entity: str, ids: Sequence[str]) -> OnlineRows:
        """Return the rows of ``ids``, in order."""
        ...


class OnlineDownError(Exception):
    """The online store did not answer: it is loading, failed, was too slow, or is left alone for a while."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True)
class OnlineLimits:
    """Deadlines in seconds.

    A read may take ``base`` plus ``per_row`` for each row: a row is read and named in about 0.02 ms, and many
    times that leaves room for a busy machine. After ``failures`` in a row the store is left alone for
    ``rest``; then one read tries it. No more than ``hung`` threads are ever given up to a dead store.
    """

    base: float = 0.15
    per_row: float = 0.0005
    failures: int = 3
    rest: float = 5.0
    hung: int = 4


class LazyReader:
    """An online reader that takes seconds to load, and may fail to: loaded in the background, tried again.

    ``loading`` is the thread that everything slow is loaded in, one thing after the other.
    """

    def __init__(
        self,
        load: Callable[[], OnlineReader],
        loading: Worker,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._loading = loading
        self._monotonic = monotonic
        self._reader: OnlineReader | None = None
        self._error: str | None = None
        self._try_at: float | None = float("-inf")

    def __call__(self) -> OnlineReader | None:
        """Return the reader, None while it is loading; raise OnlineDownError while it can't be loaded."""
        if self._reader is not None:
            return self._reader
        if self._try_at is not None and self._monotonic() >= self._try_at:
            self._try_at = None
            self._loading.submit(self._try)
        if self._error is not None:
            raise OnlineDownError(self._error)
        return None

    def _try(self) -> None:
        try:
            reader = self._load()
            for kind in KINDS:  # the first read is when a lazy store really opens
                reader.online(kind.entity, [NOBODY])
            self._reader, self._error = reader, None
        except Exception as error:
            self._error = type(error).__name__
            log.warning("online_features_not_loaded", extra={"error": self._error})
            self._try_at = self._monotonic() + RETRY_SECONDS


class OnlineGate:
    """Reads online features within a deadline, and stops asking a store that keeps failing."""

    def __init__(
        self, reader: Callable[[], OnlineReader | None], limits: OnlineLimits, monotonic: Callable[[], float]
    ) -> None:
        """Take a callable for the reader: it gives None while the reader is still loading."""
        self._reader = reader
        self._limits = limits
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._worker = Worker("online-features")
        self._given_up: list[Worker] = []
        self._failures = 0
        self._rests_until = 0.0

    @property
    def state(self) -> str:
        """``ok``, ``starting``, ``failing`` (the last read failed) or ``resting`` (left alone)."""
        try:
            if self._reader() is None:
                return "starting"
        except OnlineDownError as down:
            return down.state
        if self._failures >= self._limits.failures:
            return "resting"
        return "failing" if self._failures else "ok"

    def read(self, entity: str, ids: Sequence[str]) -> OnlineRows:
        """Return the rows of ``ids``; raise OnlineDownError when the store doesn't answer in time."""
        reader = self._reader()
        if reader is None:
            raise OnlineDownError("starting")
        worker = self._admit()
        job = worker.submit(lambda: reader.online(entity, ids))
        try:
            rows = job.result(self._limits.base + self._limits.per_row * len(ids))
            if len(rows.values) != len(ids) or len(rows.as_of) != len(ids):
                raise ValueError("the online store answered for another number of entities")
        except TimeoutError:
            job.cancel()
            self._failed(worker, hung=True)
            raise OnlineDownError("slow") from None
        except Exception as error:
            self._failed(worker, hung=False)
            raise OnlineDownError(type(error).__name__) from error
        self._failures = 0
        return rows

    def _admit(self) -> Worker:
        with self._lock:
            self._given_up = [worker for worker in self._given_up if worker.alive]
            if self._failures >= self._limits.failures:
                now = self._monotonic()
                if now < self._rests_until or len(self._given_up) >= self._limits.hung:
                    raise OnlineDownError("resting")
                self._rests_until = now + self._limits.rest  # this caller tries it, the others wait
            return self._worker

    def _failed(self, worker: Worker, *, hung: bool) -> None:
        with self._lock:
            self._failures += 1
            self._rests_until = self._monotonic() + self._limits.rest
            if hung and worker is self._worker:
                worker.close()
                self._given_up.append(worker)
                self._worker = Worker("online-features")
