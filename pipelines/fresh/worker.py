"""Follows the feed: reads what is new, has it recomputed, keeps scores and cursor in one transaction.

A kill at any moment repeats at most one batch. Its features are recomputed from the history, so they come out
the same; its scores were either kept with the cursor or not at all. One process works at a time, by a lease
that it renews; when it dies another takes over once the lease has lapsed.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event as Flag
from typing import TYPE_CHECKING

from crm_store.database import transaction
from crm_store.repositories.history.consumers import FRESH, LeaseLost, advance, claim, release, standing
from crm_store.repositories.history.feed import FeedPage, read_feed
from crm_store.repositories.sources.affected import KINDS
from crm_store.repositories.sources.rep_reader import KINDS as OF_REPS
from pipelines.fresh.recompute import Recompute

if TYPE_CHECKING:
    from pipelines.runtime import Runtime

log = logging.getLogger("leadpulse.fresh")


@dataclass(frozen=True)
class Pace:
    """How it works: at most ``batch`` events at once, a look every ``pause`` seconds.

    After ``calm`` without an event it looks every ``rest`` seconds: an idle folder should cost little.
    A process that dies is missed for ``lease``; one that lives says so every ``beat``. After a failure it
    waits ``patience`` seconds.
    """

    batch: int = 200
    pause: float = 0.04
    rest: float = 0.2
    calm: timedelta = timedelta(seconds=2)
    lease: timedelta = timedelta(seconds=5)
    beat: timedelta = timedelta(seconds=1)
    patience: float = 1.0


class Worker:
    """One process's part in keeping scores fresh."""

    def __init__(self, runtime: Runtime, clock: Callable[[], datetime], pace: Pace | None = None) -> None:
        self._runtime, self._clock = runtime, clock
        self._pace = pace or Pace()
        self._name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._recompute: Recompute | None = None
        self._cursor: str | None = None
        self._next_beat: datetime | None = None
        self._last_event: datetime | None = None

    def run(self, stop: Flag) -> None:
        """Work until ``stop``. What fails (a store that does not answer) is logged and tried again."""
        try:
            while not stop.is_set():
                try:
                    busy = self.step()
                except Exception:
                    log.exception("batch_failed")
                    self._next_beat = None
                    stop.wait(self._pace.patience)
                else:
                    if not busy:
                        stop.wait(self._pace.rest if self._calm() else self._pace.pause)
        finally:
            self.leave()

    def step(self) -> bool:
        """Deal with the next batch, if this process holds the lease; return whether more is waiting."""
        if self._recompute is None:  # takes seconds, so before the lease
            self._recompute = Recompute(self._runtime, self._clock)
        if self._next_beat is None and not self._take():
            return False
        looked_at = self._clock()
        with self._runtime.sessions() as session:
            page = read_feed(session, self._cursor, self._pace.batch, (*KINDS, *OF_REPS))
        try:
            self._deal_with(page, looked_at)
        except LeaseLost:
            log.warning("lease_lost", extra={"holder": self._name})
            self._next_beat = None
            return False
        self._cursor = page.next_cursor
        if page.items:
            self._last_event = looked_at
        return len(page.items) == self._pace.batch

    def _calm(self) -> bool:
        return self._last_event is None or self._clock() - self._last_event > self._pace.calm

    def leave(self) -> None:
        """Give the lease back."""
        if self._next_beat is None:
            return
        self._next_beat = None
        with transaction(self._runtime.sessions) as session:
            release(session, FRESH, self._name)

    def _take(self) -> bool:
        """Take the lease and go on where the last one stopped."""
        now = self._clock()
        with transaction(self._runtime.sessions) as session:
            if not claim(session, FRESH, self._name, now, self._pace.lease):
                return False
            found = standing(session, FRESH)
        self._cursor = found.cursor if found else None
        self._next_beat = now
        log.info("lease_taken", extra={"holder": self._name})
        return True

    def _deal_with(self, page: FeedPage, looked_at: datetime) -> None:
        """Recompute, then keep the scores and the cursor together."""
        recompute = self._recompute
        idle = self._next_beat is not None and looked_at < self._next_beat
        if recompute is None or (not page.items and idle):
            return
        more = len(page.items) == self._pace.batch
        fresh = recompute(page.items) if page.items else None
        with transaction(self._runtime.sessions) as session:
            until = self._clock() + self._pace.lease
            reached_at = None if more else looked_at
            advance(session, FRESH, self._name, page.next_cursor, len(page.items), reached_at, until)
            if fresh is not None:
                recompute.keep(session, fresh)
        self._next_beat = looked_at if more else looked_at + self._pace.beat
