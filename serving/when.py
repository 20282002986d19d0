"""When a loss threatens, from the weekly chances: what a manager plans a week by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_LIKELIEST: Final = 3
_LEAST: Final = 0.005  # a week below this is nobody's likely week
_BESIDE: Final = 0.2  # nor is one with less than this share of the likeliest week's chance


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
