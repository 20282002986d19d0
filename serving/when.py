"""When a loss threatens, from the weekly chances: what a manager plans a week by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, Literal

from crm_store.domain.scores import Reason, Score, band_of

_LIKELIEST: Final = 3
_LEAST: Final = 0.005  # a week below this is nobody's likely week
_BESIDE: Final = 0.2  # nor is one with less than this share of the likeliest week's chance
_SURE: Final = 1e-6
CURVE: Final = "weekly_curve"


@dataclass(frozen=True)
class Decided:
    """By when it is known what the risk model was asked: ``days`` after those that ``feature`` counts.

    ``leads`` is who did better on later data, and so who is believed where both speak of it.
    """

    feature: str
    days: float
    leads: Literal["risk", "hazard"] = "risk"

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


def led(score: Score, chance: float, week: int, points: Callable[[Any], Any]) -> Score:
    """Return a risk score with the hazard's chance of a loss by the end of ``week`` instead of its own.

    What that moves, in points, is a reason of its own, so that the reasons go on adding up to the value.
    """
    value = float(points([chance])[0])
    sentence = (
        f"按逐周流失曲线，第 {week} 周末前流失的概率为 {chance:.0%}",
        f"By the weekly curve a loss by the end of week {week} has a chance of {chance:.0%}",
    )
    curve = Reason(CURVE, round(chance, 4), value - score.value, sentence)
    reasons = sorted((*score.reasons, curve), key=lambda reason: -abs(reason.effect))
    return replace(score, value=value, band=band_of(value), probability=chance, reasons=tuple(reasons))


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
