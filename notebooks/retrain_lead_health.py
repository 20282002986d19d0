# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Retrain lead health and compare it with the champion
#
# 读取某一时点的特征，重新训练线索健康度，与现任模型比较，并画出校准曲线。
#
# Runs on any data folder that `leadpulse demo` has built; `LEADPULSE_HOME` names it (default `.leadpulse`).

# %%
import os
from datetime import timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from features.catalog import names_of
from pipelines.demo import labels_until
from pipelines.runtime import Runtime
from training.bundle import BundleBroken, load_champion
from training.candidates import fit_challenger
from training.datasets import build_dataset
from training.train import Baseline, Catalog, compare

# A notebook runs in its own folder; the data folder lies beside it.
home = Path(os.environ.get("LEADPULSE_HOME", "../.leadpulse"))
runtime = Runtime.at(home)
spec = runtime.specs()["lead_health"]
until = labels_until(runtime)
print(f"company: {runtime.state.company}, data as of {runtime.now():%Y-%m-%d}, {spec.outcome}")

# %% [markdown]
# ## Features as of a date
#
# The same leads at two moments. Each value is what was known then: a field filled in later, or an activity
# recorded later, is not there yet. `store.frame` gives the same through Feast, and keeps it.

# %%
store = runtime.features
outcomes = spec.outcome.rows(store.sources, until)
some = outcomes.drop_duplicates("entity_id").tail(5)
shown = [
    name for name in ("lead_channel", "lead_last_interaction_h", "lead_chats_30d") if name in names_of("lead")
]

early = store.compute("lead", some[["entity_id", "as_of"]], shown)
later = store.compute("lead", some[["entity_id"]].assign(as_of=some.as_of + timedelta(days=20)), shown)
pd.concat(
    {"as of the first look": early.set_index("entity_id"), "20 days later": later.set_index("entity_id")},
    axis=1,
)

# %% [markdown]
# ## Retrain
#
# The split is by time: the test rows are the latest, and everything learned from was known when the first of
# them was scored.

# %%
catalog, baseline = Catalog.shipped("lead"), Baseline.shipped(spec.rules)
try:
    champion = load_champion(runtime.settings.models_folder, spec.model)
except BundleBroken as missing:
    print("no champion to compare with:", missing.code)
    champion = None
# Everything that one of the scorers reads, once; a rule's signal that is no feature counts as missing.
signals = [name for name in baseline.signals if name in catalog.names]
wanted = [*spec.features, *spec.bayes_fields, *signals, *(champion.encoding.features if champion else ())]
dataset = build_dataset(
    spec.outcome, store.sources, until, list(dict.fromkeys(wanted)), catalog.names, store.compute, spec.split
)
pd.DataFrame(
    {
        name: {
            "from": part.frame.as_of.min().date(),
            "to": part.frame.as_of.max().date(),
            "rows": len(part.labels),
            "won": f"{part.labels.mean():.1%}",
        }
        for name, part in {"fit": dataset.fit, "stop": dataset.stop, "test": dataset.test}.items()
    }
).T

# %%
challenger = fit_challenger(spec, dataset, until, catalog.hash)
comparison = compare(spec, dataset, challenger.bundle, baseline.rules, champion)
pd.DataFrame({name: metrics.as_dict() for name, metrics in comparison.metrics.items()}).T.round(3)

# %% [markdown]
# ## Calibration
#
# A forecast of 20% should come true one time in five. A point is as large as its share of the test rows.

# %%
figure, axes = plt.subplots(figsize=(6, 5))
for name, curve in comparison.curves.items():
    forecast, frequency = [point["forecast"] for point in curve], [point["frequency"] for point in curve]
    (line,) = axes.plot(forecast, frequency, label=name, alpha=0.7)
    axes.scatter(forecast, frequency, s=[400 * point["share"] for point in curve], color=line.get_color())
points = [point for curve in comparison.curves.values() for point in curve]
top = max(max(point["forecast"], point["frequency"]) for point in points)
axes.plot([0, top], [0, top], color="grey", linestyle=":", label="perfect")
axes.set(xlabel="forecast", ylabel="observed frequency", title=f"{spec.model}: calibration, test rows")
axes.legend()
plt.show()

# %% [markdown]
# To promote what you trained, run `leadpulse train lead_health`: it logs the run to MLflow, and makes the
# model champion only if every gate agrees.
