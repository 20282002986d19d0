"""One training of a hazard: follow, cut time, fit, compare, replay, log, promote by the gates.

What is tested knows nothing of the test. What serves is fitted anew in the same way with every cut moved to
the end: a hazard that is half a year behind forecasts much worse. The one that was tested is kept beside
it, for the next challenger to be held against: what serves has seen the outcomes that it would be tested on.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import gates
from training.arrays import Floats, log_odds
from training.bundle import Bundle, BundleBroken, HazardScorer, load_champion, promote
from training.candidates import Rows, named
from training.card import card_page
from training.code_version import code_version
from training.datasets import FrameOf
from training.fairness import Group
from training.plots import calibration_svg
from training.registry import RunRecord, Tracking
from training.report import TrainingReport, keep_beside
from training.survival import gates as survival_gates
from training.survival.baselines import Cox, Design, kaplan_meier_curves
from training.survival.dataset import FollowUp, dates_of, digest_of, follow
from training.survival.follow_up import days_seen
from training.survival.groups import Quarter, fair_groups, told_groups
from training.survival.hazard import FittedHazard, fit_hazard
from training.survival.leader import decided_by
from training.survival.measures import measure
from training.survival.specs import HazardSpec
from training.survival.warning import Warned, choose_threshold, replay
from training.survival.watch import chances, hazard_reference
from training.train import Baseline, Catalog, Progress
from training.watch import REFERENCE

if TYPE_CHECKING:
    import pandas as pd

TESTED = "_tested"  # no version has such a name, so none of these is listed or promoted
_TIMED_ROWS = 25
_COX_ROWS = 5_000


@dataclass(frozen=True)
class Compared:
    """Measures of each forecaster on the same test rows, the warnings of two, one row's time in seconds.

    ``curves`` are the points of the calibration plots, ``fair`` the segments as a gate reads them and
    ``groups`` as the card tells them. ``stays`` (n, weeks) are the hazard's curves of the test rows.
    """

    metrics: Mapping[str, dict[str, float | int | None]]
    warnings: Mapping[str, Warned]
    latency_s: float
    curves: Mapping[str, list[dict[str, float]]]
    fair: Sequence[Group]
    groups: list[dict[str, object]]
    stays: Floats


def train_hazard(
    spec: HazardSpec,
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
    """Train one hazard as of ``now``; see ``training.train.train_model`` for the parts.

    Raises DatasetRefused when nobody was lost in what is learned from or tested on.
    """
    started = time.perf_counter()
    catalog = catalog or Catalog.shipped(spec.entity)
    baseline = baseline or Baseline.shipped(spec.rules)
    progress("dataset", 0.0)
    data = follow(spec, sources, now, frame_of, catalog, baseline)
    progress("fit", 0.4)
    fitted = fit_hazard(spec, data.learn, data.stop_at, data.split_at, now, catalog.hash)
    progress("evaluate", 0.6)
    compared = compare(spec, data, fitted.bundle, baseline, _champion(models_folder, spec, catalog))
    progress("refit", 0.7)
    later = data.split_at - data.stop_at
    served = fit_hazard(spec, data.whole, data.now - later, data.now, now, catalog.hash)
    scorer = HazardScorer(served.bundle)
    facts: dict[str, Any] = {
        "rows": _sizes(data, fitted),
        "metrics": compared.metrics,
        "dates": dates_of(data),
    }
    facts |= {"groups": compared.groups, REFERENCE: hazard_reference(scorer, data)}
    facts |= {"decided": decided_by(spec, data, compared.stays, sources, frame_of, catalog)}
    warning = {name: warned.as_dict() for name, warned in compared.warnings.items()}
    bundle = named(served.bundle, {**facts, "warning": warning})
    verdicts = _gates(spec, data, bundle, compared, catalog.hash)
    progress("record", 0.8)
    folder = models_folder / spec.model / bundle.version
    if not folder.exists():
        bundle.save(folder)
        replace(fitted.bundle, version=bundle.version).save(folder.parent / TESTED / bundle.version)
    report = TrainingReport(
        model=spec.model,
        company=spec.company,
        entity=spec.entity,
        version=bundle.version,
        trained_at=now,
        rows=_sizes(data, fitted),
        dates=dates_of(data),
        dataset_digest=digest_of(data),
        features=list(spec.features),
        catalog_hash=catalog.hash,
        code_version=code_version(),
        base_rate=bundle.base_rate,
        share=1.0,
        calibrator=bundle.calibrator.kind,
        calibration_losses={},
        rounds=served.rounds,
        metrics=dict(compared.metrics),
        groups=compared.groups,
        curves=dict(compared.curves),
        gains=scorer.gains(),
        gates=[verdict.as_dict() for verdict in verdicts],
        champion=gates.passed(verdicts),
        registered="",
        seconds=time.perf_counter() - started,
        warning=warning,
    )
    card = card_page(report).encode()
    keep_beside(models_folder, report, card)
    registered = tracking.record(_run(spec, report, bundle, card, now))
    if report.champion:
        promote(models_folder, spec.model, bundle.version)
        tracking.promote(spec.model, registered)
    progress("record", 1.0)
    return report.registered_as(registered, time.perf_counter() - started)


def compare(
    spec: HazardSpec, data: FollowUp, bundle: Bundle, baseline: Baseline, champion: Bundle | None
) -> Compared:
    """Ask Kaplan-Meier, Cox, the rules' points, the hazard and the champion about the same test rows."""
    scorer = HazardScorer(bundle)
    days, lost = (np.asarray(values) for values in days_seen(data.test, data.now))
    past_days, past_lost = (np.asarray(values) for values in days_seen(data.learn, data.split_at))
    curves = {"kaplan_meier": kaplan_meier_curves(past_days, past_lost, spec.weeks, len(days))}
    some = np.random.default_rng(spec.boosting.seed).permutation(len(past_days))[:_COX_ROWS]
    design = Design.learn(data.learn, spec.features)
    cox = Cox.fit(design.matrix(data.learn.iloc[some]), past_days[some], past_lost[some], spec.weeks)
    curves["cox"] = cox.curves(design.matrix(data.test))
    points = _opinions(baseline, data.learn.iloc[some])
    line = Cox.fit(points, past_days[some], past_lost[some], spec.weeks)
    curves["rules"] = line.curves(_opinions(baseline, data.test))
    curves["lightgbm"] = curves_of(scorer, data.test)
    if champion is not None:
        curves["champion"] = curves_of(HazardScorer(champion), data.test)
    metrics = {name: measure(days, lost, given) for name, given in curves.items()}
    risks = {
        "lightgbm": chances(scorer, data.looks, spec.weeks),
        "rules": 1.0 - line.curves(_opinions(baseline, data.looks))[:, -1],
    }
    past = np.asarray(data.looks.as_of < data.split_at)
    warnings = {}
    for name, risk in risks.items():
        threshold = choose_threshold(data.looks[past], risk[past], spec.false_alarms)
        warnings[name] = replay(data.looks, risk, threshold, data.split_at, data.now)
    quarter, ours = Quarter.of(data), curves["lightgbm"]
    fair = fair_groups(spec, data, ours, quarter)
    red = warnings["lightgbm"].threshold
    return Compared(
        metrics,
        warnings,
        _latency(scorer, _plain(data.test[:_TIMED_ROWS]), data.now),
        quarter.curves(curves) if quarter.rows.any() else {},
        fair,
        told_groups(data, fair, ours, risks["lightgbm"], red),
        ours,
    )


def curves_of(scorer: HazardScorer, rows: pd.DataFrame) -> Floats:
    """Return the chance of staying (n, weeks) of rows with their features."""
    frame = rows.reindex(columns=list(scorer.bundle.encoding.features))
    return scorer.curves(scorer.bundle.encoding.matrix_of_frame(frame))


def _opinions(baseline: Baseline, rows: pd.DataFrame) -> Floats:
    """The rules' log-odds of a loss as one column (n, 1)."""
    read = rows[["entity_id", "as_of", "lost_at", *(name for name in baseline.signals if name in rows)]]
    chances = [0.5 if p is None else p for p in baseline.rules.probabilities(_plain(read))]
    return log_odds(np.array(chances, dtype=float), 1e-2)[:, None]


def _plain(rows: pd.DataFrame) -> Rows:
    columns = rows.drop(columns=["entity_id", "as_of", "lost_at"])
    plain = columns.astype(object).where(columns.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in plain]


def _latency(scorer: HazardScorer, rows: Rows, as_of: datetime) -> float:
    """Median seconds of processor time for one row's curve."""
    times = []
    for row in rows:
        started = time.thread_time()
        scorer.score([row], as_of)
        times.append(time.thread_time() - started)
    return statistics.median(times)


def _champion(models_folder: Path, spec: HazardSpec, catalog: Catalog) -> Bundle | None:
    """The champion to beat, as it was tested; one that is broken, or lacks its features, has no measure."""
    try:
        champion = load_champion(models_folder, spec.model)
        tested = models_folder / spec.model / TESTED / champion.version
        champion = Bundle.load(tested) if tested.is_dir() else champion
    except BundleBroken:
        return None
    known = set(catalog.names) | set(champion.encoding.features[-4:])
    return champion if champion.weeks == spec.weeks and set(champion.encoding.features) <= known else None


def _sizes(data: FollowUp, fitted: FittedHazard) -> dict[str, dict[str, int]]:
    test = {"rows": len(data.test), "positives": int(data.test.lost_at.notna().sum())}
    return {**{name: dict(size) for name, size in fitted.sizes.items()}, "test": test}


def _gates(
    spec: HazardSpec, data: FollowUp, bundle: Bundle, compared: Compared, catalog_hash: str
) -> list[gates.GateResult]:
    metrics, limits = compared.metrics, spec.limits
    ours = metrics["lightgbm"]
    losses = [
        part.drop_duplicates(["entity_id", "lost_at"]).lost_at.count() for part in (data.learn, data.test)
    ]
    size = sum(len(content) for content in bundle.files().values())
    champion = metrics.get("champion", ours)
    return [
        survival_gates.enough_losses(int(losses[0]), int(losses[1]), limits),
        survival_gates.better_curve_than("kaplan_meier", ours, metrics["kaplan_meier"]),
        survival_gates.better_curve_than("rules", ours, metrics["rules"]),
        survival_gates.better_order_than("rules", ours, metrics["rules"]),
        survival_gates.better_order_than("cox", ours, metrics["cox"], limits.slack),
        survival_gates.better_order_than("champion", ours, champion, limits.slack),
        survival_gates.curve_comes_true(ours, limits),
        gates.fair(compared.fair, limits.common),
        gates.small_enough(size, limits.common),
        gates.same_catalog(bundle.catalog_hash, catalog_hash),
        gates.fast_enough(compared.latency_s, limits.common),
    ]


def _run(spec: HazardSpec, report: TrainingReport, bundle: Bundle, card: bytes, now: datetime) -> RunRecord:
    """The training as the registry keeps it."""
    told = {**report.metrics, **{f"warning.{name}": warned for name, warned in report.warning.items()}}
    metrics = {
        f"{scorer}.{name}": float(value)
        for scorer, values in told.items()
        for name, value in values.items()
        if value is not None
    }
    params: dict[str, Any] = {**spec.boosting.native(()), "rounds": report.rounds, "weeks": spec.weeks}
    return RunRecord(
        model=spec.model,
        version=bundle.version,
        company=spec.company,
        started_at=now,
        finished_at=now,
        dataset={"source": {"losses": repr(spec.losses), "dates": report.dates}, "profile": report.rows},
        dataset_digest=report.dataset_digest,
        params={**params, "features": len(spec.features), "losses": repr(spec.losses)},
        metrics=metrics,
        tags={
            "catalog_hash": report.catalog_hash,
            "code_version": report.code_version,
            "gates": "passed" if report.champion else "refused",
        },
        files={
            **{f"bundle/{name}": content for name, content in bundle.files().items()},
            "calibration.svg": calibration_svg(f"{spec.model} · {bundle.version}", report.curves).encode(),
            "report.json": report.json(),
            "card.html": card,
        },
    )
