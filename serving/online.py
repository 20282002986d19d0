"""Online features with a deadline: a store that is slow, hung or broken must not take the scores with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from serving.gate import DownError, Gate, GateLimits
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
        """Return the reader, None while it is loading; raise DownError while it can't be loaded."""
        if self._reader is not None:
            return self._reader
        if self._try_at is not None and self._monotonic() >= self._try_at:
            self._try_at = None
            self._loading.submit(self._try)
        if self._error is not None:
            raise DownError(self._error)
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
        self, reader: Callable[[], OnlineReader | None], limits: GateLimits, monotonic: Callable[[], float]
    ) -> None:
        """Take a callable for the reader: it gives None while the reader is still loading."""
        self._reader = reader
        self._gate = Gate("online-features", limits, monotonic)

    @property
    def state(self) -> str:
        """``ok``, ``starting``, ``failing`` (the last read failed) or ``resting`` (left alone)."""
        try:
            return "starting" if self._reader() is None else self._gate.state
        except DownError as down:
            return down.state

    def read(self, entity: str, ids: Sequence[str]) -> OnlineRows:
        """Return the rows of ``ids``; raise DownError when the store doesn't answer in time."""
        reader = self._reader()
        if reader is None:
            raise DownError("starting")

        def rows() -> OnlineRows:
            found = reader.online(entity, ids)
            if len(found.values) != len(ids) or len(found.as_of) != len(ids):
                raise ValueError("the online store answered for another number of entities")
            return found

        return self._gate.call(rows, len(ids))
