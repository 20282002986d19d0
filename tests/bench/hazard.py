"""The hazard against Kaplan-Meier, Cox and the rules: on a demo company, and on the public sellers' silence.

Nothing is drawn: every look is learned from, tested on and replayed week by week. ``agreed`` is the hazard
agreed with a risk model, which learns from what was known when the test begins; ``leads`` says which of the
two is believed in service. ``behind`` is a hazard whose cuts lie 12 weeks earlier: what it would cost to
serve the one that was tested. ``LEADPULSE_BENCH_SCALE`` is the size of the demo company; the public files are
measured where ``LEADPULSE_TEST_OLIST`` names them.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from crm_store.database import migrate
from pipelines.demo import OLIST_LABELS_UNTIL
from pipelines.jobs import export_sources
from pipelines.runtime import Runtime
from pipelines.state import HomeState
from serving.when import Decided, agreed
from training.arrays import Floats
from training.bundle import BundleScorer, HazardScorer
from training.candidates import fit_challenger
from training.datasets import build_dataset
from training.specs import SPECS
from training.survival.dataset import FollowUp, follow
from training.survival.follow_up import days_seen
from training.survival.hazard import fit_hazard
from training.survival.leader import decided_by
from training.survival.measures import measure
from training.survival.specs import HAZARDS, HazardSpec
from training.survival.train import compare, curves_of
from training.train import Baseline, Catalog

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEHIND = timedelta(weeks=12)
MEASURES = ("auc_30", "auc_90", "auc_180", "ibs", "concordance", "ece_90", "ece_180")


def run() -> dict[str, object]:
    """Return the measures of each scorer on each company, and how early red warned."""
    report: dict[str, object] = {}
    scale = float(os.environ.get("LEADPULSE_BENCH_SCALE", "0.5"))
    with tempfile.TemporaryDirectory() as folder:
        report |= _told("demo", _measured(_demo(Path(folder, "demo"), scale), HAZARDS["demo"], NOW))
        if olist := os.environ.get("LEADPULSE_TEST_OLIST"):
            home = _olist(Path(folder, "olist"), Path(olist))
            report |= _told("olist", _measured(home, HAZARDS["olist"], OLIST_LABELS_UNTIL))
    return report


def _measured(runtime: Runtime, spec: HazardSpec, now: datetime):
    spec = replace(spec, learn_rows=None, test_rows=None, replayed=None)
    catalog, baseline = Catalog.shipped(spec.entity), Baseline.shipped(spec.rules)
    data = follow(spec, runtime.features.sources, now, runtime.features.compute, catalog, baseline)
    fitted = fit_hazard(spec, data.learn, data.stop_at, data.split_at, now, catalog.hash)
    compared = compare(spec, data, fitted.bundle, baseline, None)
    days, lost = (np.asarray(values) for values in days_seen(data.test, data.now))
    stop_at, split_at = data.stop_at - BEHIND, data.split_at - BEHIND
    known = data.learn[data.learn.as_of < split_at].reset_index(drop=True)
    behind = HazardScorer(fit_hazard(spec, known, stop_at, split_at, now, catalog.hash).bundle)
    more = {"behind": measure(days, lost, curves_of(behind, data.test))}
    led = decided_by(spec, data, compared.stays, runtime.features.sources, runtime.features.compute, catalog)
    if led and "leads" in led:
        agreed_curves = _agreed(runtime, spec, data, HazardScorer(fitted.bundle))
        more["agreed"] = measure(days, lost, agreed_curves)
    return replace(compared, metrics={**compared.metrics, **more}), led


def _agreed(runtime: Runtime, spec: HazardSpec, data: FollowUp, scorer: HazardScorer) -> Floats:
    """Return the chance of staying (n, weeks) of the test rows, agreed with the risk beside it."""
    risk = SPECS[spec.company]["account_churn"]
    catalog, compute = Catalog.shipped(risk.entity), runtime.features.compute
    split = replace(risk.split, test_share=0.02)  # the test is the hazard's
    known = build_dataset(
        risk.outcome,
        runtime.features.sources,
        data.split_at,
        risk.features,
        catalog.names,
        compute,
        split,
    )
    model = BundleScorer(fit_challenger(risk, known, data.split_at, catalog.hash).bundle)
    keys = data.test[["entity_id", "as_of"]]
    rows = compute(risk.entity, keys, risk.features).to_dict("records")
    decided = Decided(**spec.losses.decided)
    curves = []
    for row, chance, stays in zip(rows, model.probabilities(rows), curves_of(scorer, data.test), strict=True):
        weekly = -np.diff(stays, prepend=1.0)
        week = decided.week(row)
        told = weekly if week is None else agreed(weekly.tolist(), chance, week)
        curves.append(1.0 - np.cumsum(told))
    return np.array(curves)


def _told(company: str, measured) -> dict[str, object]:
    compared, led = measured
    told: dict[str, object] = {}
    if led and "logloss" in led:
        told |= {f"{company}_leads": led["leads"], f"{company}_decided_rows": led["rows"]}
        told |= {f"{company}_decided_logloss_{name}": _rounded(loss) for name, loss in led["logloss"].items()}
    for scorer, measured in compared.metrics.items():
        told |= {f"{company}_{scorer}_{name}": _rounded(measured[name]) for name in MEASURES}
    for scorer, warned in compared.warnings.items():
        figures: Mapping[str, float | None] = warned.as_dict()
        told |= {f"{company}_{scorer}_warning_{name}": _rounded(value) for name, value in figures.items()}
    return told


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _home(folder: Path, company: str) -> Runtime:
    folder.mkdir(parents=True)
    HomeState(company, 7, NOW.isoformat()).write(folder)
    runtime = Runtime.at(folder)
    migrate(runtime.settings.store_url)
    return runtime


def _demo(folder: Path, scale: float) -> Runtime:
    from pipelines.demo_company import generate
    from pipelines.demo_company.loading import load

    runtime = _home(folder, "demo")
    load(runtime.engine, generate(7, NOW, scale, lambda *_: None), NOW, lambda *_: None)
    export_sources(runtime, lambda *_: None)
    return runtime


def _olist(folder: Path, files: Path) -> Runtime:
    from crm_store.imports.olist import import_olist

    runtime = _home(folder, "olist")
    import_olist(runtime.engine, files, rejects_folder=folder / "rejects", now=NOW, progress=lambda *_: None)
    export_sources(runtime, lambda *_: None)
    return runtime
