"""Who could be given a lead, as the record store says; while it is away, as it last said, with the age."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crm_store.repositories.candidates import Field
from serving.ports import Records

log = logging.getLogger("leadpulse.serving")
# As long as keys that the store let in are let in without it. Who went on leave since is not known meanwhile.
GRACE = timedelta(minutes=15)


@dataclass
class Candidates:
    """Asks ``records``, which must raise in time, and remembers the last answer. Any thread may ask.

    While nothing is remembered nobody else can answer: then ``patient`` is asked, which waits longer.
    """

    records: Records
    patient: Records
    monotonic: Callable[[], float]
    _last: tuple[float, Field] | None = field(default=None, init=False)

    def of(self, lead_ids: Sequence[str], now: datetime) -> tuple[Field, timedelta | None]:
        """Return the field, and its age if it is remembered: then no lead's region is in it.

        Raises what the record store raises when nothing as young as ``GRACE`` is remembered.
        """
        last = self._last
        try:
            found = (self.records if last else self.patient).candidates(lead_ids, now)
        except Exception as error:
            age = timedelta(seconds=self.monotonic() - last[0]) if last else GRACE
            if last is None or age >= GRACE:
                raise
            log.warning("candidates_remembered", extra={"error": type(error).__name__})
            return Field(last[1].reps, {}, last[1].teams), age
        self._last = (self.monotonic(), found)
        return found, None
