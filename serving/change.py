"""Why a score changed between two moments: what each thing was worth then and now. Pure.

A score is its base plus the effects of its reasons, in points, so the difference of two scores is the
difference of their bases plus those of each meaning's effects. The parts of a ``Change`` add up to its points
in the two decimals that are shown: what rounding leaves over is in the base.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from crm_store.domain.scores import Reason, Score
from features.meanings import meaning_of
from serving.explain import sentence
from serving.language import Language

_DECIMALS: Final = 2
Cause = Literal["base", "version", "source"]


@dataclass(frozen=True)
class Part:
    """One meaning: its strongest reason at each moment, None where it had none, and points at both."""

    meaning: str
    then: Reason | None
    now: Reason | None
    points_then: float
    points_now: float

    @property
    def points(self) -> float:
        """What it added to the score between the moments."""
        return round(self.points_now - self.points_then, _DECIMALS)

    def sentence(self, language: Language) -> str:
        """Say what it was and what it is, e.g. 近30天聊天互动 3 次（此前：近30天聊天互动 0 次）."""
        now, then = (None if one is None else sentence(one, language) for one in (self.now, self.then))
        zh = language == "zh"
        if now is None:
            return f"此前：{then}；现已无明显影响" if zh else f"Before: {then}; hardly matters now"
        if then is None:
            return f"{now}（此前无明显影响）" if zh else f"{now} (hardly mattered before)"
        if now == then:
            return f"{now}（数值未变，影响改变）" if zh else f"{now} (same value, other weight)"
        return f"{now}（此前：{then}）" if zh else f"{now} (before: {then})"


@dataclass(frozen=True)
class Change:
    """The difference of two scores: ``parts`` by what they moved, most first, and the base.

    ``cause`` says why the base moved: another kind of scorer, another version, or neither.
    """

    then: Score
    now: Score
    parts: tuple[Part, ...]

    @property
    def points(self) -> float:
        """How much the score rose, in points."""
        return round(round(self.now.value, _DECIMALS) - round(self.then.value, _DECIMALS), _DECIMALS)

    @property
    def base(self) -> float:
        """What the parts leave over."""
        return round(self.points - sum(part.points for part in self.parts), _DECIMALS)

    @property
    def cause(self) -> Cause:
        """Why the base moved."""
        if self.then.source != self.now.source:
            return "source"
        return "version" if self.then.version != self.now.version else "base"

    def base_sentence(self, language: Language) -> str:
        """Say what the base stands for."""
        old, new = self.then.version, self.now.version
        zh, en = {
            "base": (
                "起点、影响很小的因素与取整",
                "The starting point, what hardly matters, and rounding",
            ),
            "version": (
                f"模型或规则版本由 {old} 变为 {new}：起点不同",
                f"Scored by version {new} instead of {old}, which starts elsewhere",
            ),
            "source": (
                f"评分来源由 {old} 变为 {new}：起点与计分方式不同",
                f"Scored by {new} instead of {old}, which starts elsewhere and counts otherwise",
            ),
        }[self.cause]
        return zh if language == "zh" else en


def change(then: Score, now: Score) -> Change:
    """Compare two scores of one subject."""
    before, after = _by_meaning(then.reasons), _by_meaning(now.reasons)
    parts = [
        Part(meaning, _strongest(old), _strongest(new), _points(old), _points(new))
        for meaning in before | after
        for old, new in ((before.get(meaning, ()), after.get(meaning, ())),)
    ]
    moved = [part for part in parts if part.points]
    return Change(then, now, tuple(sorted(moved, key=lambda part: -abs(part.points))))


def _by_meaning(reasons: Iterable[Reason]) -> dict[str, list[Reason]]:
    found: dict[str, list[Reason]] = {}
    for reason in reasons:
        found.setdefault(meaning_of(reason.feature), []).append(reason)
    return found


def _strongest(reasons: Iterable[Reason]) -> Reason | None:
    return max(reasons, key=lambda reason: abs(reason.effect), default=None)


def _points(reasons: Iterable[Reason]) -> float:
    return round(sum(reason.effect for reason in reasons), _DECIMALS)
