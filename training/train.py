"""One training from beginning to end: label, split, fit, compare, log, and promote if every gate agrees."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from training import gates
from training.arrays import Floats
from training.bundle import Bundle, BundleBroken, BundleScorer, load_champion, promote
from training.candidates import (
    Forecaster,
    Rows,
    RuleBaseline,
    fit_challenger,
    fit_frequencies,
    labels_of,
    named,
    rows_of,
)
from training.card import card_page
from training.code_version import code_version
from training.datasets import Dataset, FrameOf, build_dataset
from training.evaluation import Metrics, chance_error, evaluate, reliability
from training.fairness import Group, groups
from training.plots import calibration_svg
from training.registry import RunRecord, Tracking
from training.report import TrainingReport, dates_of, digest_of, keep_beside, sizes_of
from training.segments import try_segments, with_segments
from training.specs import ModelSpec
from training.watch import REFERENCE, reference_facts

Progress = Callable[[str, float], None]
"""(what is being done, share of the training that is done, 0 to 1)."""

_TIMED_ROWS = 25


@dataclass(frozen=True)
class Catalog:
    """What training needs of the feature catalog: the names it may use, and its hash."""

    names: Collection[str]
    hash: str

    @classmethod
    def shipped(cls, entity: str) -> Catalog:
        """Return the names of one entity and the catalog's hash."""
        from features.catalog import catalog_hash, names_of
        from features.composed import PAIR_NAME
        from features.pairs import pair_names

        return cls(pair_names() if entity == PAIR_NAME else names_of(entity), catalog_hash())


@dataclass(frozen=True)
class Baseline:
    """The rules to beat, and the signals that they read."""

    rules: Forecaster
    signals: Sequence[str]

    @classmethod
    def shipped(cls, name: str) -> Baseline:
        """Return a rule document of the package as a scorer."""
        from crm_store.rules.engine import RuleBook

        scorer = RuleBook.shipped().scorer(name)
        return cls(scorer, scorer.document.signals)


def train_model(
    spec: ModelSpec,
    frame_of: FrameOf,
    sources: Path,
    now: datetime,
    models_folder: Path,
    tracking: Tracking,
    progress: Progress = lambda _stage, _share: None,
    *,
    catalog: Catalog | None = None,
    baseline: Baseline | None = None,
) -> TrainingReport:
    """Train one model as of ``now``, from exported ``sources`` and features given by ``frame_of``.

    The bundle is saved below ``models_folder/<model>/`` and logged in any case; it becomes champion only
    if every gate is passed. Raises DatasetRefused when there is nothing to learn from.
    """
    started = time.perf_counter()
    catalog = catalog or Catalog.shipped(spec.entity)
    baseline = baseline or Baseline.shipped(spec.rules)
    champion = _champion(models_folder, spec.model, catalog)
    progress("dataset", 0.0)
    columns = _columns(spec, baseline, champion, catalog)
    dataset = build_dataset(spec.outcome, sources, now, columns, catalog.names, frame_of, spec.split)
    progress("fit", 0.4)
    challenger = fit_challenger(spec, dataset, now, catalog.hash)
    progress("evaluate", 0.6)
    comparison = compare(spec, dataset, challenger.bundle, baseline.rules, champion)
    progress("segments", 0.7)
    trials = try_segments(spec, dataset, challenger.bundle, now)
    parts = _groups(spec, dataset, comparison, catalog)
    facts = _facts(dataset, comparison, challenger.bundle, parts)
    facts |= {"segments": [trial.as_dict() for trial in trials]}
    bundle = named(with_segments(challenger.bundle, trials), facts)
    verdicts = _gates(spec, dataset, bundle, comparison, parts, catalog.hash)
    progress("record", 0.8)
    if not (models_folder / spec.model / bundle.version).exists():
        bundle.save(models_folder / spec.model / bundle.version)
    report = TrainingReport(
        model=spec.model,
        company=spec.company,
        entity=spec.entity,
        version=bundle.version,
        trained_at=now,
        rows=sizes_of(dataset),
        dates=dates_of(dataset),
        dataset_digest=digest_of(dataset),
        features=list(spec.features),
        catalog_hash=catalog.hash,
        code_version=code_version(),
        base_rate=bundle.base_rate,
        share=dataset.share,
        calibrator=bundle.calibrator.kind,
        calibration_losses=dict(challenger.calibration_losses),
        rounds=challenger.rounds,
        metrics={name: metrics.as_dict() for name, metrics in comparison.metrics.items()},
        groups=[part.as_dict() for part in parts],
        curves=dict(comparison.curves),
        gains=BundleScorer(bundle).gains(),
        gates=[verdict.as_dict() for verdict in verdicts],
        champion=gates.passed(verdicts),
        registered="",
        seconds=time.perf_counter() - started,
    )
    card = card_page(report).encode()
    keep_beside(models_folder, report, card)
    registered = tracking.record(_run(spec, report, bundle, comparison, card, now))
    if report.champion:
        promote(models_folder, spec.model, bundle.version)
        tracking.promote(spec.model, registered)
    progress("record", 1.0)
    return report.registered_as(registered, time.perf_counter() - started)


@dataclass(frozen=True)
class Comparison:
    """Metrics of each scorer on the same test rows, the curves to plot, one row's time in seconds, and what
    the challenger forecast (n,)."""

    metrics: Mapping[str, Metrics]
    curves: Mapping[str, list[dict[str, float]]]
    latency_s: float
    forecasts: Floats


def compare(
    spec: ModelSpec, dataset: Dataset, challenger: Bundle, rules: Forecaster, champion: Bundle | None
) -> Comparison:
    """Ask rules, frequencies, the challenger and the champion about the same test rows."""
    rows, labels = rows_of(dataset.test), dataset.test.labels
    scorer = BundleScorer(challenger)
    rule_metrics, rule_forecasts = RuleBaseline.fit(rules, dataset.learned, dataset.share).measure(
        rows, labels
    )
    forecasts = {
        "bayes": _forecasts(fit_frequencies(spec, dataset), rows),
        "lightgbm": _forecasts(scorer, rows),
    }
    if champion is not None:
        forecasts["champion"] = _forecasts(BundleScorer(champion), rows)
    metrics = {name: evaluate(labels, given) for name, given in forecasts.items()}
    curves = {
        name: reliability(labels, given) for name, given in {"rules": rule_forecasts, **forecasts}.items()
    }
    latency = _latency(scorer, rows, dataset.split_at)
    return Comparison({"rules": rule_metrics, **metrics}, curves, latency, forecasts["lightgbm"])


def _forecasts(forecaster: Forecaster, rows: Rows) -> Floats:
    return np.array(forecaster.probabilities(rows), dtype=float)


def _latency(scorer: BundleScorer, rows: Rows, as_of: datetime) -> float:
    """Median seconds of processor time for one row with reasons; a busy machine doesn't fail a model."""
    times = []
    for row in rows[:_TIMED_ROWS]:
        started = time.thread_time()
        scorer.score([row], as_of)
        times.append(time.thread_time() - started)
    return statistics.median(times)


def _champion(models_folder: Path, model: str, catalog: Catalog) -> Bundle | None:
    """The champion to beat; one that is broken, or whose features are gone, can't be measured."""
    try:
        champion = load_champion(models_folder, model)
    except BundleBroken:
        return None
    return champion if set(champion.reads) <= set(catalog.names) else None


def _columns(spec: ModelSpec, baseline: Baseline, champion: Bundle | None, catalog: Catalog) -> list[str]:
    """Every column that one of the scorers reads, once; what only rules know of is missing for all."""
    known = champion.reads if champion else ()
    wanted = [*spec.features, *spec.bayes_fields, *spec.segments, *known]
    others = [name for name in (*baseline.signals, *spec.fair_across) if name in catalog.names]
    return list(dict.fromkeys([*wanted, *others]))


def _groups(spec: ModelSpec, dataset: Dataset, comparison: Comparison, catalog: Catalog) -> list[Group]:
    fields = [name for name in spec.fair_across if name in catalog.names]
    test, least = dataset.test, spec.limits.segment_rows
    return groups(test.frame, fields, test.labels, comparison.forecasts, least)


def _facts(
    dataset: Dataset, comparison: Comparison, challenger: Bundle, parts: Sequence[Group]
) -> dict[str, Any]:
    return {
        REFERENCE: reference_facts(BundleScorer(challenger), dataset),
        "groups": [part.as_dict() for part in parts],
        "rows": sizes_of(dataset),
        "dates": dates_of(dataset),
        "metrics": {name: metrics.as_dict() for name, metrics in comparison.metrics.items()},
    }


def _gates(
    spec: ModelSpec,
    dataset: Dataset,
    bundle: Bundle,
    comparison: Comparison,
    parts: Sequence[Group],
    catalog_hash: str,
) -> list[gates.GateResult]:
    ours, limits = comparison.metrics["lightgbm"], spec.limits
    labels = labels_of(dataset.learned)
    learned = (int(labels.sum()), int((~labels).sum()))
    size = sum(len(content) for content in bundle.files().values())
    subjects = dataset.test.frame["entity_id"].tolist()
    return [
        gates.enough_outcomes(learned, ours, limits),
        gates.better_than("rules", ours, comparison.metrics["rules"]),
        gates.better_than("bayes", ours, comparison.metrics["bayes"]),
        gates.not_worse_than_champion(ours, comparison.metrics.get("champion"), limits),
        gates.calibrated(ours, chance_error(comparison.forecasts, subjects), limits),
        gates.fair(parts, limits),
        gates.small_enough(size, limits),
        gates.same_catalog(bundle.catalog_hash, catalog_hash),
        gates.fast_enough(comparison.latency_s, limits),
    ]


def _run(
    spec: ModelSpec,
    report: TrainingReport,
    bundle: Bundle,
    comparison: Comparison,
    card: bytes,
    now: datetime,
) -> RunRecord:
    """The training as the registry keeps it."""
    metrics = {
        f"{scorer}.{name}": float(value)
        for scorer, values in report.metrics.items()
        for name, value in values.items()
        if value is not None
    }
    params = {**spec.boosting.native(()), "rounds": report.rounds, "calibrator": report.calibrator}
    files = {f"bundle/{name}": content for name, content in bundle.files().items()}
    svg = calibration_svg(f"{spec.model} · {bundle.version}", comparison.curves)
    return RunRecord(
        model=spec.model,
        version=bundle.version,
        company=spec.company,
        started_at=now,
        finished_at=now,
        dataset={"source": {"outcome": repr(spec.outcome), "dates": report.dates}, "profile": report.rows},
        dataset_digest=report.dataset_digest,
        params={**params, "features": len(spec.features), "outcome": repr(spec.outcome), "refit": spec.refit},
        metrics=metrics,
        tags={
            "catalog_hash": report.catalog_hash,
            "code_version": report.code_version,
            "gates": "passed" if report.champion else "refused",
        },
        files={**files, "calibration.svg": svg.encode(), "report.json": report.json(), "card.html": card},
    )
