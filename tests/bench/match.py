"""Off-policy values of assignment policies against the demo company's truth, and the model's quality by rep.

The reference is the truth that the simulator knows. ``bias`` is over ten other days of the same routing, with
expected outcomes: what an estimator is off by when luck is taken out. ``held_out`` learns without a third of
the reps and is tested on theirs only, later in time. ``LEADPULSE_BENCH_SEEDS`` (two or more, with spaces
between them) names other companies to value the policies on: their mean and spread are under ``fresh``.
"""

import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.demo_company.counterfactual import assigned_again, true_chances
from pipelines.frames import frames
from tests.bench._match_home import NOW, SEED, company
from training.bundle import Bundle, BundleScorer
from training.candidates import fit_challenger, rows_of
from training.datasets import Dataset, Part, build_dataset
from training.evaluation import auc
from training.match.off_policy import Trial, names_needed, quality_by_rep, trial_of, value_under
from training.match.propensity import ROUTING
from training.specs import ModelSpec
from training.train import Catalog

SCALE = 0.4
_DAYS = 10


def run() -> dict[str, Any]:
    """Return values by policy and estimator beside the truth, biases, and AUCs; and values of other seeds."""
    learned = _learned(SEED)
    spec, data, bundle, plain = learned.spec, learned.data, learned.bundle, learned.plain
    trial, ordinary, truth = learned.trial, learned.ordinary, learned.truth
    quality = quality_by_rep(trial)
    aucs = [row["auc"] for row in quality.values() if row["auc"] is not None]
    allowed = trial.allowed
    return {
        "leads": len(trial.leads),
        "reps": len(trial.reps),
        "candidates": round(float(trial.allowed.sum(axis=1).mean()), 2),
        "values": _values(trial, truth),
        "bias": _bias(trial, truth),
        "best_possible": round(float(np.where(allowed, truth, 0.0).max(axis=1).mean()), 4),
        "truth_correlation": _correlation(trial, truth),
        "truth_correlation_unweighted": _correlation(ordinary, truth),
        "auc": _auc(bundle, data),
        "auc_unweighted": _auc(plain, data),
        "auc_by_rep": {"median": round(statistics.median(aucs), 3), "worst": round(min(aucs), 3)},
        **({"fresh": _fresh(seeds)} if (seeds := _seeds()) else {}),
        "auc_held_out_reps": _held_out(spec, data, Catalog.shipped("pair").hash),
    }


@dataclass(frozen=True)
class _Learned:
    """What was learned of one company, weighed and not, and the truth (leads, reps) of its test leads."""

    spec: ModelSpec
    data: Dataset
    bundle: Bundle
    plain: Bundle
    trial: Trial
    ordinary: Trial
    truth: Any


def _seeds() -> list[int]:
    return [int(seed) for seed in os.environ.get("LEADPULSE_BENCH_SEEDS", "").split()]


def _learned(seed: int) -> _Learned:
    with tempfile.TemporaryDirectory() as folder:
        runtime = company(Path(folder), SCALE, seed)
        spec, catalog = runtime.specs()["lead_match"], Catalog.shipped("pair")
        frame_of = frames(runtime.features)
        names = list(dict.fromkeys([*spec.features, *ROUTING, "rep_wins_90d"]))
        data = build_dataset(
            spec.outcome, runtime.features.sources, NOW, names, catalog.names, frame_of, spec.split
        )
        bundle = fit_challenger(spec, data, NOW, catalog.hash).bundle
        plain = fit_challenger(replace(spec, weigh=None), data, NOW, catalog.hash).bundle
        trial = trial_of(data, bundle, frame_of, names_needed(bundle))
        ordinary = trial_of(data, plain, frame_of, names_needed(plain))
    chances = true_chances(seed, NOW, SCALE, spec.outcome.within)
    truth = chances.loc[list(trial.leads), list(trial.reps)].to_numpy()
    return _Learned(spec, data, bundle, plain, trial, ordinary, truth)


def _fresh(seeds: Sequence[int]) -> dict[str, Any]:
    """Return mean and standard deviation over companies that nothing was chosen by, and each one's gain."""
    values = []
    for seed in seeds:
        learned = _learned(seed)
        values.append(_values(learned.trial, learned.truth))
    spread = {
        policy: {key: _mean_sd([one[policy][key] for one in values]) for key in ("truth", "dr")}
        for policy in values[0]
    }
    gains = [round(one["model"]["truth"] - one["rules"]["truth"], 4) for one in values]
    return {"seeds": list(seeds), "mean_sd": spread, "model_over_rules": gains}


def _mean_sd(values: list[float]) -> list[float]:
    return [round(statistics.mean(values), 4), round(statistics.stdev(values), 4)]


def _values(trial: Trial, truth: Any) -> dict[str, dict[str, float]]:
    told = {}
    for name, policy in trial.policies(SEED).items():
        estimates = {key: round(found.value, 4) for key, found in trial.estimates(policy).items()}
        dr = trial.estimates(policy)["dr"]
        told[name] = {"truth": round(value_under(policy, truth), 4), **estimates}
        told[name] |= {"dr_low": round(dr.low, 4), "dr_high": round(dr.high, 4)}
    return told


def _bias(trial: Trial, truth: Any) -> dict[str, dict[str, float]]:
    """Return the mean error by policy and estimator, and over reps the mean absolute error of each one's."""
    place = {rep: column for column, rep in enumerate(trial.reps)}
    errors: dict[str, dict[str, list[float]]] = {}
    by_rep: dict[int, dict[str, list[float]]] = {}
    for day in range(_DAYS):
        owners = assigned_again(SEED, NOW, SCALE, day).loc[list(trial.leads)]
        logged = np.array([place[rep] for rep in owners], dtype=np.int64)
        again = replace(trial, logged=logged, won=truth[np.arange(len(logged)), logged])
        fixed = trial.policies(SEED)  # as they were decided: the same policies on every day
        for name, policy in fixed.items():
            for key, found in again.estimates(policy).items():
                error = found.value - value_under(policy, truth)
                errors.setdefault(name, {}).setdefault(key, []).append(error)
        for column in range(len(trial.reps)):
            mine, estimates = again.of_rep(column)
            right = float((mine * truth[:, column]).sum() / mine.sum())
            for key, found in estimates.items():
                by_rep.setdefault(column, {}).setdefault(key, []).append(found.value - right)
    told = {name: {k: round(statistics.mean(v), 4) for k, v in keys.items()} for name, keys in errors.items()}
    kinds = next(iter(by_rep.values()))
    told["reps_mean_abs"] = {
        key: round(statistics.mean(abs(float(np.nanmean(one[key]))) for one in by_rep.values()), 4)
        for key in kinds
    }
    return told


def _correlation(trial: Trial, truth: Any) -> float:
    allowed = trial.allowed
    return round(float(np.corrcoef(trial.forecasts[allowed], truth[allowed])[0, 1]), 3)


def _auc(bundle: Any, data: Dataset) -> float:
    forecasts = np.array(BundleScorer(bundle).probabilities(rows_of(data.test)))
    return round(auc(data.test.labels, forecasts) or 0.0, 3)


def _held_out(spec: ModelSpec, data: Dataset, catalog_hash: str) -> float:
    """Return the AUC on later leads of reps of whom nothing was learned."""
    reps = sorted({pair.rpartition("|")[2] for pair in data.test.frame.entity_id})
    away = set(reps[::3])

    def part(whole: Part, held: bool) -> Part:
        mine = whole.frame.entity_id.str.rpartition("|")[2].isin(away).to_numpy() == held
        return Part(whole.frame[mine].reset_index(drop=True), whole.labels[mine])

    learned = {name: part(getattr(data, name), False) for name in ("fit", "stop", "calibration")}
    without = replace(data, **learned, test=part(data.test, True))
    return _auc(fit_challenger(spec, without, NOW, catalog_hash).bundle, without)
