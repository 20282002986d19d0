"""Why a score moved since the one before: which reasons gained or lost, and who spoke. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from crm_store.domain.scores import Reason, Score

_MOST: Final = 3
_LEAST_POINTS: Final = 0.5


@dataclass(frozen=True)
class Movement:
    """The difference of two scores: points, the reasons that moved most, a change of source (from, to)."""

    points: float
    reasons: list[tuple[Reason, float]]
    scorer: tuple[str, str] | None


def movement(now: Score, before: Score) -> Movement:
    """Compare a score with the one before it; a reason that one of them does not name had no effect there."""
    then = {reason.feature: reason for reason in before.reasons}
    current = {reason.feature: reason for reason in now.reasons}
    moved = [
        (current.get(name, then.get(name)), _effect(current, name) - _effect(then, name))
        for name in then | current
    ]
    told = [(reason, points) for reason, points in moved if reason and abs(points) >= _LEAST_POINTS]
    told.sort(key=lambda pair: -abs(pair[1]))
    scorer = (before.source, now.source) if before.source != now.source else None
    return Movement(now.value - before.value, told[:_MOST], scorer)


def _effect(reasons: dict[str, Reason], name: str) -> float:
    return reasons[name].effect if name in reasons else 0.0
