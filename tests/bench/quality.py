"""Every scorer on every public set, on the same test rows; FLAML, where installed, with the same seconds.

FLAML learns from the same rows with the same columns, refused ones left out, typed for it: numbers, days and
categories. Figures are means over seeds. ``ece_floor`` is the ECE that forecasts would have on as many rows
if they came true exactly as told: what no calibration can be expected to go below. LEADPULSE_BENCH_SECONDS
sets the budget (default 30), LEADPULSE_BENCH_SEEDS the seeds (default 3), LEADPULSE_BENCH_SETS the sets, by
name, with commas.
"""

import contextlib
import importlib.util
import os
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import sklearn  # noqa: F401 - before LightGBM, whose wrappers FLAML needs

from tests.bench._flat_sets import FlatSet, flat_sets, folder
from training.evaluation import evaluate, expected_calibration_error
from training.flat.pipeline import train_prepared
from training.flat.prepare import Prepared, Question, prepare

METRICS = ("auc", "ap", "logloss", "ece", "lift")
WORLDS = 200


def run() -> dict[str, object]:
    """Return the metrics of each scorer by set, our AUC less FLAML's, our ECE and its floor over FLAML's."""
    data = folder()
    if data is None:
        raise SystemExit(
            "set LEADPULSE_TEST_DATA, or LEADPULSE_TEST_OLIST, to the folder of the public files"
        )
    seconds = float(os.environ.get("LEADPULSE_BENCH_SECONDS", "30"))
    seeds = range(int(os.environ.get("LEADPULSE_BENCH_SEEDS", "3")))
    wanted = os.environ.get("LEADPULSE_BENCH_SETS")
    report: dict[str, Any] = {}
    for given in flat_sets(data):
        if wanted is None or given.name in wanted.split(","):
            report[given.name] = _means([_once(given, seconds, seed) for seed in seeds])
            print(given.name, report[given.name], file=sys.stderr, flush=True)
    return {"seconds": seconds, "sets": report, **_against(list(report.values()))}


def _once(given: FlatSet, seconds: float, seed: int) -> dict[str, dict[str, float]]:
    question = Question(given.target, given.time, given.group, budget=seconds, seed=seed)
    prepared = prepare(given.frame, question)
    answer = train_prepared(prepared, question)
    forecasts = dict(answer.forecasts)
    if importlib.util.find_spec("flaml"):
        forecasts["flaml"] = _flaml(prepared, seconds, seed)
    found = {}
    for name, own in forecasts.items():
        metrics = evaluate(answer.labels, own).as_dict()
        found[name] = {metric: float(metrics[metric]) for metric in METRICS} | {"ece_floor": _floor(own)}
    return found


def _floor(forecasts: np.ndarray) -> float:
    """Return the mean ECE of forecasts (n,) in worlds whose outcomes are drawn from them."""
    generator = np.random.default_rng(0)
    worlds = (generator.random(len(forecasts)) < forecasts for _ in range(WORLDS))
    return float(np.mean([expected_calibration_error(drawn, forecasts) for drawn in worlds]))


def _flaml(prepared: Prepared, seconds: float, seed: int) -> np.ndarray:
    from flaml import AutoML

    frame = prepared.frame()
    for name in frame:
        if frame[name].dtype == object:
            frame[name] = pd.Categorical(frame[name].fillna("∅").astype(str))
    learn, test = prepared.held.learn, prepared.held.test
    automl = AutoML()
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        automl.fit(
            frame.iloc[learn].reset_index(drop=True),
            prepared.labels[learn].astype(int),
            task="classification",
            time_budget=seconds,
            seed=seed,
            verbose=0,
        )
        return np.asarray(automl.predict_proba(frame.iloc[test].reset_index(drop=True))[:, 1], dtype=float)


def _means(runs: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        scorer: {
            metric: round(float(np.mean([run[scorer][metric] for run in runs])), 4)
            for metric in runs[0][scorer]
        }
        for scorer in runs[0]
    }


def _against(sets: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    both = [one for one in sets if "flaml" in one]
    if not both:
        return {}
    gain = np.mean([one["lightgbm"]["auc"] - one["flaml"]["auc"] for one in both])
    flaml = np.mean([one["flaml"]["ece"] for one in both])
    ece, floor = (
        np.mean([one["lightgbm"][metric] for one in both]) / flaml for metric in ("ece", "ece_floor")
    )
    return {
        "auc_gain_on_flaml": round(float(gain), 4),
        "ece_ratio_to_flaml": round(float(ece), 3),
        "ece_floor_to_flaml": round(float(floor), 3),
    }
