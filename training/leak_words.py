"""What the leak guard says of a refused column, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training.tables.columns import Column


@dataclass(frozen=True)
class Refusal:
    """Why a column is refused: a stable code, the reason in both languages, and the figures behind it."""

    column: str
    code: str
    zh: str
    en: str
    evidence: Mapping[str, float] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """The reason in one line."""
        return f"{self.code}: {self.zh} · {self.en}"


_WORDS = {
    "known_later": (
        "{late:.0%} 的值在时间列之后才被得知",
        "{late:.0%} of its values became known only after the row's moment",
    ),
    "near_perfect": (
        "仅凭此列就几乎能判定结果（AUC {auc:.3f}，其余列合计 {rest:.3f}），应是结果的另一种写法",
        "alone it all but tells the outcome (AUC {auc:.3f}, all other columns together {rest:.3f}):"
        " it restates it",
    ),
    "too_strong": (
        "单列强度可疑（AUC {auc:.3f}，其余列合计只有 {rest:.3f}），很可能在结果之后写入",
        "suspiciously strong alone (AUC {auc:.3f}, all other columns together only {rest:.3f}):"
        " probably written after the outcome",
    ),
    "copy_of_target": (
        "与目标列（或其反面）有 {agreement:.0%} 一致，是结果的副本",
        "it agrees with the target, or its opposite, in {agreement:.0%}: a copy of the outcome",
    ),
    "one_sided": (
        "几乎只在一种结果时{state_zh}（该结果 {own:.0%}，另一结果 {other:.0%}），应在结果之后填写",
        "{state_en} almost only for one outcome ({own:.0%} of it, {other:.0%} of the other):"
        " filled in after the outcome",
    ),
    "written_after": (
        "{after:.0%} 的时间晚于该行的时间列，记录的是之后发生的事",
        "{after:.0%} of its dates lie after the row's moment: it records what happened later",
    ),
    "own_outcome": (
        "是按 {group} 计算的目标均值，其中包含本行结果（与均值相关 {correlation:.2f}）",
        "it is the mean of the target by {group}, the row's own outcome included"
        " (correlation {correlation:.2f})",
    ),
}
STATES = {
    "filled": ("有值", "filled"),
    "empty": ("为空", "empty"),
    "not_common": ("不等于其常见值", "other than its common value"),
    "after": ("晚于时间列", "dated after the row's moment"),
}


def refusal(column: Column, code: str, **figures: Any) -> Refusal:
    """Word a refusal of a column by its figures."""
    zh, en = _WORDS[code]
    evidence = {name: float(value) for name, value in figures.items() if not isinstance(value, str)}
    return Refusal(column.name, code, zh.format(**figures), en.format(**figures), evidence)
