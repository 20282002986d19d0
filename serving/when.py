"""When a loss threatens, from the weekly chances: what a manager plans a week by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

_LIKELIEST: Final = 3
_LEAST: Final = 0.005  # a week below this is nobody's likely week
_BESIDE: Final = 0.2  # nor is one with less than this share of the likeliest week's chance
_SURE: Final = 1e-6


@dataclass(frozen=True)
class Decided:
    """By when it is known what the risk model was asked: ``days`` after those that ``feature`` counts."""

    feature: str
    days: float

    def week(self, values: Mapping[str, object]) -> int | None:
        """Return the week ahead, from 1, by whose end it is known; None where nothing is left to decide."""
        left = values.get(self.feature)
        if not isinstance(left, int | float) or not math.isfinite(left):
            return None
        return max(1, math.ceil((left + self.days) / 7))


def agreed(weekly: Sequence[float], chance: float, week: int) -> tuple[float, ...]:
    """Return weekly chances under which a loss by the end of ``week`` has this chance.

    One model says whether a contract will be lost, the other when: told apart, their sums would contradict
    each other. All hazards are raised in proportion (the chance of staying to one power), so that the shape
    stays. What is decided after the last week, or has no chance in these weeks, leaves them as they are.
    """
    if week > len(weekly):
        return tuple(weekly)
    by_week = lost_by(weekly)
    if not _SURE < by_week[week - 1] < 1 - _SURE:
        return tuple(weekly)
    wanted = min(max(chance, _SURE), 1 - _SURE)
    power = math.log1p(-wanted) / math.log1p(-by_week[week - 1])
    stays = [1.0, *((1.0 - lost) ** power for lost in by_week)]
    return tuple(before - after for before, after in pairwise(stays))


def when_told(weekly: Sequence[float] | None) -> dict[str, Any] | None:
    """Return the chance of a loss in each coming week, in all of them, and the weeks that matter.

    ``likeliest_weeks`` are up to three, the likeliest first; ``median_week`` is the week by whose end a loss
    is as likely as not, None where it never is. Weeks count from 1, seven days each from the data's moment.
    """
    if weekly is None:
        return None
    by_chance = sorted(range(len(weekly)), key=lambda week: (-weekly[week], week))
    least = max(_LEAST, _BESIDE * max(weekly, default=0.0))
    return {
        "weeks": [round(chance, 6) for chance in weekly],
        "total": round(min(sum(weekly), 1.0), 6),
        "likeliest_weeks": [week + 1 for week in by_chance[:_LIKELIEST] if weekly[week] >= least],
        "median_week": next((week for week, lost in enumerate(lost_by(weekly), 1) if lost >= 0.5), None),
    }


def lost_by(weekly: Sequence[float]) -> list[float]:
    """Return the chance of a loss by the end of each week."""
    total, by_week = 0.0, []
    for chance in weekly:
        total = min(total + chance, 1.0)
        by_week.append(total)
    return by_week
