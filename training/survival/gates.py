"""What a hazard must pass to become champion; see ``training.gates``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from training.gates import GateResult, Limits

Measured = Mapping[str, float | int | None]


@dataclass(frozen=True)
class HazardLimits:
    """The defaults. ``slack`` is how far the concordance may lie below the champion's or Cox's.

    ``common`` are the limits that hold for every model: size, latency and fairness.
    """

    losses: int = 30
    ece: float = 0.08
    slack: float = 0.02
    common: Limits = field(default_factory=Limits)


def enough_losses(learned: int, tested: int, limits: HazardLimits) -> GateResult:
    """Demand losses in number, in what was learned from and tested on."""
    fewer = min(learned, tested)
    zh, en = "训练与测试中的流失足够多", "enough losses to learn from and to test on"
    return GateResult("enough_losses", fewer >= limits.losses, float(fewer), float(limits.losses), zh, en)


def better_curve_than(name: str, ours: Measured, theirs: Measured) -> GateResult:
    """Demand a lower integrated Brier score than a baseline on the same rows."""
    margin = _of(theirs, "ibs") - _of(ours, "ibs")
    zh, en = f"综合 Brier 分优于 {name}", f"a better integrated Brier score than {name}"
    return GateResult(f"better_curve_than_{name}", margin > 0, margin, 0.0, zh, en)


def better_order_than(name: str, ours: Measured, theirs: Measured, slack: float = 0.0) -> GateResult:
    """Demand a time-dependent concordance above another's, or at most ``slack`` below."""
    margin = _of(ours, "concordance") - _of(theirs, "concordance")
    zh, en = f"一致性指数不低于 {name}", f"a concordance not below {name}"
    return GateResult(f"better_order_than_{name}", margin >= -slack, margin, -slack, zh, en)


def curve_comes_true(ours: Measured, limits: HazardLimits) -> GateResult:
    """Demand that the chances within 90 days come true."""
    error = _of(ours, "ece_90")
    zh, en = "90 天流失概率与实际相符", "chances within 90 days come true"
    return GateResult("calibrated", error <= limits.ece, error, limits.ece, zh, en)


def _of(measured: Measured, name: str) -> float:
    value = measured[name]
    return float("nan") if value is None else float(value)
