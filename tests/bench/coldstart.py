"""Climbing from rules: what answers after 0, 20, 200 and 2,000 known outcomes, on the same later leads.

Each size is drawn several times from the leads of the demo company that were known before the held-out
quarter, and goes through the whole training with its gates. ``served`` is what then answers: the model if
every gate agreed, else rules; ``ungated`` is the model that would have answered without gates. The reference
is rules. The picture goes to ``LEADPULSE_BENCH_PICTURE`` if that names a file.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.runtime import Runtime
from tests.sizes import full
from training.bundle import Bundle, BundleBroken, BundleScorer, load_champion
from training.candidates import Forecaster, rows_of
from training.datasets import DatasetRefused, Part, fetch
from training.evaluation import auc, average_precision
from training.registry import RunRecord
from training.specs import ModelSpec
from training.train import Baseline, Catalog, train_model

SIZES = (0, 20, 200, 2_000)
HELD_OUT = 4_000


@dataclass(frozen=True)
class Known:
    """An outcome of which only some rows have become known."""

    table: pd.DataFrame
    entity: str = "lead"

    def rows(self, sources: Path, now: datetime) -> pd.DataFrame:
        return self.table

    def learn(self, sources: Path, at: datetime) -> tuple[pd.DataFrame, float]:
        return self.table[self.table.known_at <= at], 1.0

    def cohort(self, sources: Path, since: datetime, until: datetime) -> pd.DataFrame:
        raise NotImplementedError

    def subjects_at(self, sources: Path, now: datetime) -> pd.DataFrame:
        raise NotImplementedError

    def is_subject(self, history: Any, now: datetime) -> bool:
        raise NotImplementedError


class Nowhere:
    """A registry that keeps nothing."""

    def record(self, run: RunRecord) -> str:
        return "-"

    def promote(self, model: str, registered: str) -> None:
        return None


@contextmanager
def _home() -> Iterator[Runtime]:
    """Give a built demo company: the one that LEADPULSE_HOME names, or a new one of a quarter of its size."""
    named = os.environ.get("LEADPULSE_HOME")
    if named:
        yield Runtime.at(Path(named))
        return
    from pipelines.demo import Demo
    from pipelines.progress import Steps

    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime.at(Path(folder))
        demo = Demo(runtime, None, 7, 0.5, Steps())
        demo._begin()
        for step in (demo._store, demo._load, demo._features):
            step(lambda _done, _total: None)
        yield runtime
        runtime.engine.dispose()


def run() -> dict[str, object]:
    """Return AUC and AP of what is served, beside rules, by number of outcomes."""
    with _home() as runtime:
        spec, store = runtime.specs()["lead_health"], runtime.features
        rows = spec.outcome.rows(store.sources, runtime.now())
        baseline, catalog = Baseline.shipped(spec.rules), Catalog.shipped("lead")
        starts = rows.groupby("group").as_of.min().sort_values()
        split = starts.iloc[int(len(starts) * 0.75)]
        later = rows[rows.group.map(starts) >= split]
        later = later.sample(min(HELD_OUT, len(later)), random_state=0).sort_values(["as_of", "entity_id"])
        pool = rows[(rows.group.map(starts) < split) & (rows.known_at <= split)]
        leads = pool.group.unique()
        signals = [name for name in (*baseline.signals, *spec.fair_across) if name in catalog.names]
        columns = list(dict.fromkeys([*spec.features, *spec.bayes_fields, *signals]))
        draws = {
            size: [
                np.random.default_rng(seed).choice(leads, min(size, len(leads)), replace=False)
                for seed in range(full(3, 20))
            ]
            for size in SIZES
        }
        used = {lead for drawn in draws.values() for some in drawn for lead in some}
        asked = pd.concat([pool[pool.group.isin(used)], later])
        table = fetch("lead", asked, columns, store.compute)
        trial = Trial(spec, baseline, catalog, table, later, runtime.now())
        sizes = {
            str(size): trial.at([pool[pool.group.isin(some)] for some in drawn])
            for size, drawn in draws.items()
        }
    result = {"held_out": len(later), "rules_auc": round(trial.rules[0], 4), "sizes": sizes}
    if picture := os.environ.get("LEADPULSE_BENCH_PICTURE"):
        draw(result, Path(picture))
    worst = min(one["worst_margin_auc"] for one in sizes.values())
    return {**result, "worst_margin_auc": worst, "served_over_rules_at_most": round(
        max(one["served_auc"] for one in sizes.values()) / trial.rules[0], 3)}  # fmt: skip


class Trial:
    """Trains on some known rows, and measures on the held-out ones."""

    def __init__(
        self,
        spec: ModelSpec,
        baseline: Baseline,
        catalog: Catalog,
        table: pd.DataFrame,
        later: pd.DataFrame,
        now: datetime,
    ) -> None:
        self.spec, self.baseline, self.catalog, self.table, self.now = spec, baseline, catalog, table, now
        self.labels = later.label.to_numpy(dtype=bool)
        self.signals = rows_of(Part(self._frame("lead", later, list(table.columns)), self.labels))
        self.rules = self._measured(baseline.rules)

    def at(self, drawn: Sequence[pd.DataFrame]) -> dict[str, float]:
        """Return means over the draws, and the worst margin of what is served over rules."""
        served, ungated, models = [], [], 0
        for rows in drawn:
            champion, bundle = self._trained(rows)
            models += champion is not None
            served.append(self._measured(BundleScorer(champion)) if champion else self.rules)
            ungated.append(self._measured(BundleScorer(bundle)) if bundle else self.rules)
        return {
            "model_served": round(models / len(drawn), 2),
            "served_auc": round(float(np.mean([one[0] for one in served])), 4),
            "served_ap": round(float(np.mean([one[1] for one in served])), 4),
            "ungated_auc": round(float(np.mean([one[0] for one in ungated])), 4),
            "worst_margin_auc": round(min(one[0] - self.rules[0] for one in served), 4),
            "worst_ungated_margin_auc": round(min(one[0] - self.rules[0] for one in ungated), 4),
        }

    def _trained(self, rows: pd.DataFrame) -> tuple[Bundle | None, Bundle | None]:
        spec = replace(self.spec, outcome=Known(rows))
        with tempfile.TemporaryDirectory() as folder:
            models = Path(folder)
            try:
                report = train_model(
                    spec,
                    self._frame,
                    models,
                    self.now,
                    models,
                    Nowhere(),
                    catalog=self.catalog,
                    baseline=self.baseline,
                )
            except DatasetRefused:
                return None, None
            bundle = Bundle.load(models / spec.model / report.version)
            try:
                return load_champion(models, spec.model), bundle
            except BundleBroken:
                return None, bundle

    def _frame(self, entity: str, rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        keys = pd.MultiIndex.from_frame(rows[["entity_id", "as_of"]])
        return self.table.reindex(keys)[list(features)].reset_index()

    def _measured(self, forecaster: Forecaster) -> tuple[float, float]:
        given = [0.5 if one is None else one for one in forecaster.probabilities(self.signals)]
        order = np.array(given, dtype=float)
        return auc(self.labels, order) or 0.5, average_precision(self.labels, order) or 0.0


def draw(result: dict[str, Any], file: Path) -> None:
    """Draw the learning curve."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    sizes = [int(size) for size in result["sizes"]]
    places = range(len(sizes))
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, label, style in (
        ("served_auc", "served (gates decide)", "-o"),
        ("ungated_auc", "model without gates", ":s"),
    ):
        axes.plot(places, [one[name] for one in result["sizes"].values()], style, label=label)
    axes.axhline(result["rules_auc"], color="grey", linestyle="--", label="rules")
    axes.set_xticks(list(places), [f"{size:,}" for size in sizes])
    axes.set(xlabel="known outcomes (leads)", ylabel="AUC on later leads", title="Cold start: lead health")
    axes.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=130)
