"""The company's time: float days since the window began, with a working week that is anchored at ``now``.

Day 0.0 is midnight in Shanghai, ``WINDOW_DAYS`` days before the day of ``now``. The week and the seasons
count back from ``now`` and not from the calendar, so that a later ``now`` gives the same company, later.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from pipelines.demo_company.world.arrays import Floats, Ints, Rng

WINDOW_DAYS = 548
HOUR = 1 / 24
MINUTE = HOUR / 60
SECOND = MINUTE / 60
_DAY_S = 86_400
_OPENS, _CLOSES = 8.5 * HOUR, 18.5 * HOUR
_SHANGHAI = timedelta(hours=8)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Clock:
    """Turns days of the simulation into moments in UTC, to the second."""

    now: datetime

    @cached_property
    def origin(self) -> datetime:
        """The moment of day 0.0, in UTC."""
        local = self.now.astimezone(UTC) + _SHANGHAI
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - _SHANGHAI - timedelta(days=WINDOW_DAYS)

    @cached_property
    def now_day(self) -> float:
        """``now`` in days of the simulation."""
        return (self.now - self.origin) / timedelta(days=1)

    def micros(self, days: Floats) -> Ints:
        """Return microseconds since 1970 UTC, whole seconds; every day must be finite."""
        start = (self.origin - _EPOCH) // timedelta(seconds=1)
        return (np.floor(days * _DAY_S).astype(np.int64) + start) * 1_000_000

    def moments(self, days: Floats) -> list[datetime | None]:
        """Return moments to the second, None for what never happened."""
        happened = np.isfinite(days)
        seconds = np.floor(np.where(happened, days, 0.0) * _DAY_S).astype(np.int64).tolist()
        return [
            self.origin + timedelta(seconds=second) if yes else None
            for second, yes in zip(seconds, happened.tolist(), strict=True)
        ]


def is_off(day: Ints | Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return whether the day is one of the two weekly days off; the day of ``now`` is the third workday."""
    return np.asarray((np.floor(day) - WINDOW_DAYS + 2) % 7 >= 5)


def working(rng: Rng, when: Floats) -> Floats:
    """Return the times moved forward into working hours; work left overnight is done in the morning."""
    finite = np.isfinite(when)
    moved = np.where(finite, when, 0.0)
    late = moved % 1.0 >= _CLOSES
    day = np.floor(moved) + late
    outside = late | (moved % 1.0 < _OPENS) | is_off(day)
    for _ in range(2):
        day = np.where(is_off(day), day + 1, day)
    morning = day + _OPENS + rng.exponential(0.9 * HOUR, len(when)).clip(0, 9 * HOUR)
    return np.where(finite, np.where(outside, morning, moved), when)


def season(day: Floats) -> Floats:
    """Return the yearly swing of business at a time, between −1 and 1."""
    return np.asarray(np.sin(2 * np.pi * (day - WINDOW_DAYS) / 365.0 + 0.9))


def late_shift(day: Floats) -> Floats:
    """Return how far the market's turn has come: 0 until the last third of the window, 1 soon after."""
    turn = WINDOW_DAYS * 2 / 3
    return np.asarray(np.clip((day - turn) / 14.0, 0.0, 1.0))
