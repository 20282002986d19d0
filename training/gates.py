"""What a challenger must pass to become champion: pure functions from measurements to verdicts.

Every gate says what it measured and what the limit is, so a person can read why a model was refused.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt

from training.evaluation import Metrics
from training.fairness import Group


@dataclass(frozen=True)
class Limits:
    """The defaults of the gates; a model's spec may set its own.

    ``slack`` is how far AUC and AP may lie below the champion's: two fits of equal worth differ by about
    this much on a few thousand test rows. Sizes are in bytes, latency in seconds for one row. In a segment of
    at least ``segment_rows`` entities, forecasts may miss by ``segment_gap`` and the AUC may lie
    ``segment_auc`` below that of all, beyond chance.
    """

    positives: int = 50
    negatives: int = 50
    ece: float = 0.05
    slack: float = 0.01
    bundle_bytes: int = 8 * 1024 * 1024
    latency_s: float = 0.02
    segment_rows: int = 100
    segment_gap: float = 0.05
    segment_auc: float = 0.1


@dataclass(frozen=True)
class GateResult:
    """One verdict; ``measured`` and ``limit`` in the gate's own unit, None where nothing was measured."""

    name: str
    passed: bool
    measured: float | str | None
    limit: float | str | None
    zh: str
    en: str

    def as_dict(self) -> dict[str, object]:
        """Return the verdict ready for JSON."""
        return asdict(self)


def passed(results: list[GateResult]) -> bool:
    """Tell whether every gate is passed; no gates, no promotion."""
    return bool(results) and all(result.passed for result in results)


def enough_outcomes(learned: tuple[int, int], tested: Metrics, limits: Limits) -> GateResult:
    """Demand both outcomes in number, in what was learned from (positives, negatives) and tested on."""
    positives = min(learned[0], tested.positives)
    negatives = min(learned[1], tested.n - tested.positives)
    good = positives >= limits.positives and negatives >= limits.negatives
    limit = f"{limits.positives} / {limits.negatives}"
    zh, en = "训练与测试中正反结果足够多", "enough outcomes of both kinds to learn from and to test on"
    return GateResult("enough_outcomes", good, f"{positives} / {negatives}", limit, zh, en)


def better_than(name: str, challenger: Metrics, baseline: Metrics) -> GateResult:
    """Demand a higher AUC or a higher average precision than a baseline on the same rows."""
    margins = [_margin(challenger.auc, baseline.auc), _margin(challenger.ap, baseline.ap)]
    known = [margin for margin in margins if margin is not None]
    best = max(known, default=None)
    zh, en = f"AUC 或平均精度优于 {name} 基线", f"AUC or average precision above the {name} baseline"
    return GateResult(f"better_than_{name}", best is not None and best > 0, best, 0.0, zh, en)


def not_worse_than_champion(challenger: Metrics, champion: Metrics | None, limits: Limits) -> GateResult:
    """Demand AUC and average precision no more than the slack below the champion's on the same rows."""
    zh, en = "不差于现任模型", "not worse than the champion"
    if champion is None:
        return GateResult("not_worse_than_champion", True, None, -limits.slack, zh, en)
    margins = [_margin(challenger.auc, champion.auc), _margin(challenger.ap, champion.ap)]
    worst = min((margin for margin in margins if margin is not None), default=None)
    good = worst is not None and worst >= -limits.slack
    return GateResult("not_worse_than_champion", good, worst, -limits.slack, zh, en)


def calibrated(challenger: Metrics, chance: float, limits: Limits) -> GateResult:
    """Demand an expected calibration error within the limit, beyond what chance alone makes of it.

    ``chance`` is the error that perfect forecasts have on as many rows (``evaluation.chance_error``). Errors
    of two sources add up in squares: what is left is √(ECE² - chance²).
    """
    beyond = sqrt(max(challenger.ece**2 - chance**2, 0.0))
    zh, en = "概率与实际频率相符（已扣除样本有限带来的偶然误差）", "probabilities come true, chance left out"
    measured = f"{beyond:.3f} (ECE {challenger.ece:.3f}, {chance:.3f} by chance)"
    return GateResult("calibrated", beyond <= limits.ece, measured, limits.ece, zh, en)


def fair(groups: Sequence[Group], limits: Limits) -> GateResult:
    """Demand forecasts that come true, and an order as good, in every region and channel."""
    zh, en = "各地区、渠道的概率与排序同样可靠", "as reliable in every region and channel"
    limit = f"{limits.segment_gap} / {limits.segment_auc}"
    if not groups:
        return GateResult("fair", True, None, limit, zh, en)
    gap = max(groups, key=lambda one: one.gap)
    order = max(groups, key=lambda one: one.auc_gap or 0.0)
    below = order.auc_gap or 0.0
    measured = f"{gap.gap:.3f} ({gap.named}) / {below:.3f} ({order.named})"
    good = gap.gap <= limits.segment_gap and below <= limits.segment_auc
    return GateResult("fair", good, measured, limit, zh, en)


def small_enough(bundle_bytes: int, limits: Limits) -> GateResult:
    """Demand a bundle that loads in no time."""
    zh, en = "模型包大小合适", "the bundle is small enough"
    good = bundle_bytes <= limits.bundle_bytes
    return GateResult("small_enough", good, float(bundle_bytes), float(limits.bundle_bytes), zh, en)


def same_catalog(bundle_hash: str, catalog_hash: str) -> GateResult:
    """Demand that the features in service are those that the model was trained on."""
    zh, en = "特征目录与训练时一致", "the feature catalog is the one trained on"
    return GateResult("same_catalog", bundle_hash == catalog_hash, bundle_hash, catalog_hash, zh, en)


def fast_enough(latency_s: float, limits: Limits) -> GateResult:
    """Demand that one row with reasons is scored within the limit."""
    zh, en = "单条评分足够快", "one row is scored fast enough"
    return GateResult("fast_enough", latency_s <= limits.latency_s, latency_s, limits.latency_s, zh, en)


def _margin(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours - theirs
