"""Has the world left what a champion was trained on? Its inputs, its scores, how often the outcome comes.

The bundle carries what its test rows looked like: the latest rows that it did not learn from. The same kinds
of rows of the last weeks (leads at the same ages, contracts at the same distance from their end) are held
against them, one row per entity, so that rows are independent:

- **inputs**: the population stability index of each, see ``features.value_quality``;
- **score**: the same of the forecast probabilities;
- **base_rate**: outcomes known since, against the trained rate (two proportions, pooled variance);
- **calibration**: the same outcomes against the sum of their forecasts (Spiegelhalter 1986, without weights).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import inf, sqrt
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from features.value_quality import NOISE, Values, measure, noise
from training.arrays import Bools, Floats
from training.bundle.standing import LEVELS, Level, Standing
from training.policy import DriftLimits

if TYPE_CHECKING:
    import pandas as pd

    from training.encoding import Encoding

Kind = Literal["inputs", "score", "base_rate", "calibration"]
TITLES: Mapping[Kind, tuple[str, str]] = {
    "inputs": ("输入分布", "inputs"),
    "score": ("评分分布", "scores"),
    "base_rate": ("结果发生率", "base rate"),
    "calibration": ("概率校准", "calibration"),
}
_SCORE = "score"


@dataclass(frozen=True)
class Column:
    """A column to measure."""

    name: str
    dtype: str


@dataclass(frozen=True)
class Reference:
    """What a champion was tested on: inputs, forecasts, outcomes; and each input's share of the gain."""

    inputs: Mapping[str, Values]
    score: Values
    rows: int
    positives: int
    weights: Mapping[str, float]

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        value = {
            "inputs": {name: values.plain() for name, values in self.inputs.items()},
            "score": self.score.plain(),
            "rows": self.rows,
            "positives": self.positives,
            "weights": dict(self.weights),
        }
        plain: dict[str, Any] = json.loads(json.dumps(value))  # lists for tuples, as a bundle reads them back
        return plain

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Reference:
        """Return what ``plain`` gave."""
        inputs = {name: Values.of_plain(values) for name, values in plain["inputs"].items()}
        return cls(
            inputs, Values.of_plain(plain["score"]), plain["rows"], plain["positives"], plain["weights"]
        )


@dataclass(frozen=True)
class Finding:
    """One test: what was measured on how many rows, the limit at which it acts, and a sentence."""

    kind: Kind
    level: Level
    measured: float | None
    limit: float
    rows: int
    names: tuple[str, ...]
    zh: str
    en: str


def one_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row of each entity, any of its moments, always the same ones."""
    picked = rows.groupby("entity_id", sort=True).sample(1, random_state=0)
    return picked.sort_values(["as_of", "entity_id"], kind="stable")


def columns_of(encoding: Encoding) -> list[Column]:
    """Return a model's inputs as columns to measure."""
    return [Column(name, "string" if name in encoding.categories else "number") for name in encoding.features]


def reference_of(
    frame: pd.DataFrame,
    encoding: Encoding,
    probabilities: Floats,
    outcomes: tuple[int, int],
    weights: Mapping[str, float],
) -> Reference:
    """Return what later rows are held against; ``outcomes`` is (rows, positives)."""
    return Reference(
        measure(frame, columns_of(encoding), {}), _scores(probabilities, None), *outcomes, weights
    )


def examine(
    reference: Reference,
    encoding: Encoding,
    recent: pd.DataFrame,
    probabilities: Floats,
    known: tuple[Bools, Floats],
    limits: DriftLimits,
) -> list[Finding]:
    """Hold recent rows and their forecasts (n,), and known outcomes and their forecasts (m,), against it."""
    return [
        _inputs(reference, measure(recent, columns_of(encoding), reference.inputs), limits),
        _score(reference, _scores(probabilities, reference.score), limits),
        _base_rate(reference, known[0], limits),
        _calibration(*known, limits),
    ]


def verdict(
    version: str,
    as_of: datetime,
    findings: Sequence[Finding],
    before: Standing | None,
    *,
    steps_down: bool = True,
) -> Standing:
    """Return the standing of a version; what a person accepted for it before stays accepted."""
    level: Level = LEVELS[max((LEVELS.index(one.level) for one in findings), default=0)]
    past = tuple(one.kind for one in findings if one.level == "act") if steps_down else ()
    same = before is not None and before.version == version
    return Standing(
        version=version,
        as_of=as_of.isoformat(),
        level=level,
        past=past,
        accepted=before.accepted if same and before else (),
        accepted_why=before.accepted_why if same and before else None,
        findings=[{**asdict(one), "names": list(one.names)} for one in findings],
    )


def _scores(probabilities: Floats, before: Values | None) -> Values:
    import pandas as pd

    frame = pd.DataFrame({_SCORE: probabilities})
    return measure(frame, [Column(_SCORE, "number")], {_SCORE: before} if before else {})[_SCORE]


def _inputs(reference: Reference, now: Mapping[str, Values], limits: DriftLimits) -> Finding:
    shifted = [name for name, values in now.items() if _shifted(values, reference.inputs[name], limits.psi)]
    shifted.sort(key=lambda name: -reference.weights.get(name, 0.0))
    weight = sum(reference.weights.get(name, 0.0) for name in shifted)
    rows = max((values.rows for values in now.values()), default=0)
    if rows < limits.least_rows:
        return _unknown("inputs", rows, limits.input_weight)
    warned: Level = "warn" if weight >= limits.input_warn_weight else "ok"
    level: Level = "act" if weight >= limits.input_weight else warned
    zh = f"{len(shifted)} 个输入的分布改变，占模型权重 {weight:.0%}"
    en = f"{len(shifted)} inputs have shifted, {weight:.0%} of the model's weight"
    return Finding("inputs", level, weight, limits.input_weight, rows, tuple(shifted), zh, en)


def _shifted(now: Values, before: Values, limit: float) -> bool:
    if "unknown" in now.alerts:
        return True
    return now.psi is not None and now.psi > limit and now.psi > NOISE * noise(now, before)


def _score(reference: Reference, now: Values, limits: DriftLimits) -> Finding:
    if now.rows < limits.least_rows or now.psi is None:
        return _unknown("score", now.rows, limits.score_psi)
    bound = NOISE * noise(now, reference.score)
    past = now.psi > max(limits.score_psi, bound)
    zh, en = f"评分分布的稳定性指数为 {now.psi:.3f}", f"the scores' stability index is {now.psi:.3f}"
    return Finding("score", "act" if past else "ok", now.psi, limits.score_psi, now.rows, (), zh, en)


def _base_rate(reference: Reference, labels: Bools, limits: DriftLimits) -> Finding:
    n, happened = len(labels), int(labels.sum())
    if n < limits.least_rows or reference.rows == 0:
        return _unknown("base_rate", n, limits.base_rate_ratio)
    before, pooled = (
        reference.positives / reference.rows,
        (happened + reference.positives) / (n + reference.rows),
    )
    error = sqrt(pooled * (1 - pooled) * (1 / n + 1 / reference.rows))
    sigmas = abs(happened / n - before) / error if error else 0.0
    ratio = _ratio(happened / n, before)
    level = _level(ratio, sigmas, limits, limits.base_rate_ratio)
    zh = f"已知结果的发生率为 {happened / n:.1%}，训练时为 {before:.1%}（{n} 条，{sigmas:.1f} σ）"
    en = f"{happened / n:.1%} of known outcomes happened, {before:.1%} in training ({n} rows, {sigmas:.1f} σ)"
    return Finding("base_rate", level, ratio, limits.base_rate_ratio, n, (), zh, en)


def _calibration(labels: Bools, forecasts: Floats, limits: DriftLimits) -> Finding:
    happened, expected = int(labels.sum()), float(forecasts.sum())
    if len(labels) < limits.least_rows or max(happened, expected) < limits.least_outcomes:
        return _unknown("calibration", len(labels), limits.calibration_ratio)
    spread = sqrt(float(np.sum(forecasts * (1 - forecasts))))
    sigmas = abs(happened - expected) / spread if spread else 0.0
    ratio = _ratio(happened, expected)
    level = _level(ratio, sigmas, limits, limits.calibration_ratio)
    zh = f"预测发生 {expected:.0f} 次，实际 {happened} 次（{sigmas:.1f} σ）"
    en = f"{expected:.0f} were forecast and {happened} happened ({sigmas:.1f} σ)"
    return Finding("calibration", level, ratio, limits.calibration_ratio, len(labels), (), zh, en)


def _level(ratio: float, sigmas: float, limits: DriftLimits, act: float) -> Level:
    """Past its limit and beyond chance; an inverse counts as its ratio."""
    away = max(ratio, 1 / ratio) if ratio else inf
    if sigmas < limits.sigma or away < limits.warn_ratio:
        return "ok"
    return "act" if away >= act else "warn"


def _ratio(now: float, before: float) -> float:
    """A rate over another; for JSON, nothing over nothing is 1 and anything over nothing is large."""
    return now / before if before else (1.0 if not now else 1e6)


def _unknown(kind: Kind, rows: int, limit: float) -> Finding:
    zh, en = f"只有 {rows} 条，不足以判断", f"{rows} rows are too few to tell"
    return Finding(kind, "ok", None, limit, rows, (), zh, en)
