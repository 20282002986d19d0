"""How late communications are entered: the time from when one happened to when it was entered."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

LATE_AFTER = timedelta(hours=24)
"""An entry is late after a day: by then the customer's words are remembered, no longer quoted."""

_SECOND_US = 1_000_000
_LATE_US = LATE_AFTER // timedelta(microseconds=1)


@dataclass(frozen=True)
class DelayCell:
    """One cell of the heat map. ``hour`` is the business hour (0–23) in which the entries were made."""

    rep_id: str
    hour: int
    entries: int
    median_s: float
    p90_s: float
    late_share: float


def delay_cell(rep_id: str, hour: int, delays: Sequence[int]) -> DelayCell:
    """Return the cell of some delays (µs), smallest first.

    The ninth decile is what one entry in ten exceeds; percentiles lie linearly between two delays.
    """
    count = len(delays)
    late = count - bisect_right(delays, _LATE_US)
    return DelayCell(rep_id, hour, count, _percentile(delays, 50), _percentile(delays, 90), late / count)


def _percentile(ordered: Sequence[int], percent: int) -> float:
    below, hundredths = divmod((len(ordered) - 1) * percent, 100)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return (low * 100 + (high - low) * hundredths) / (100 * _SECOND_US)
