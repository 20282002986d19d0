"""Stage 1 of the three-stage filter: what a lead must bring, and when less is enough for now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

# Enough to reach the right person at the right company.
STAGE_ONE: Final = ("phone", "company", "title")
# Enough to ring back; the rest falls due at the second contact.
PHONE_ONLY: Final = ("phone", "need")
# Somebody who was rung within half an hour is still at the telephone: asking for a form would lose them.
EXEMPT_WITHIN: Final = timedelta(minutes=30)
# A moment from a browser whose clock runs ahead is no lie yet.
CLOCK_SKEW: Final = timedelta(minutes=5)

State = Literal["complete", "phone_only"]


@dataclass(frozen=True)
class Arrival:
    """When a lead was submitted, when somebody first spoke to it (None: nobody has), and now."""

    submitted_at: datetime
    contacted_at: datetime | None
    now: datetime

    @property
    def exempt(self) -> bool:
        """Tell whether a phone and an intended product are enough for now.

        They are while no more than 30 minutes have passed since the submission and somebody has spoken to the
        lead in that time.
        """
        if self.contacted_at is None or self.now - self.submitted_at > EXEMPT_WITHIN:
            return False
        return self.submitted_at <= self.contacted_at <= self.now

    def out_of_order(self) -> str | None:
        """Return the name of the moment that cannot be: one still to come, or a contact before the form."""
        if self.submitted_at > self.now + CLOCK_SKEW:
            return "submitted_at"
        if self.contacted_at is None:
            return None
        return None if self.submitted_at <= self.contacted_at <= self.now + CLOCK_SKEW else "contacted_at"


def missing(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the fields of stage 1 that have no value."""
    return tuple(name for name in STAGE_ONE if not values.get(name))


def state_of(values: Mapping[str, object], arrival: Arrival) -> State | None:
    """Return how a lead may be saved: whole, by the exemption, or not at all (None)."""
    if not missing(values):
        return "complete"
    if arrival.exempt and all(values.get(name) for name in PHONE_ONLY):
        return "phone_only"
    return None
