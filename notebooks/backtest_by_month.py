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
# # Backtest, month by month
#
# 逐月回测：用当月之前已知的结果训练，再看当月的线索。模型与规则各有多好，概率是否成真。
#
# Each month is forecast by a model that learned from what was known when the month began, as retraining on
# schedule would have done.

# %%
import logging
import os
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from pipelines.demo import labels_until
from pipelines.runtime import Runtime
from training.bundle import BundleScorer
from training.candidates import RuleBaseline, fit_challenger, rows_of
from training.datasets import Dataset, DatasetRefused, Part, fetch
from training.evaluation import evaluate
from training.train import Baseline, Catalog

logging.getLogger("feast").setLevel(logging.ERROR)
home = Path(os.environ.get("LEADPULSE_HOME", "../.leadpulse"))
runtime = Runtime.at(home)
spec = runtime.specs()["lead_health"]
store, until = runtime.features, labels_until(runtime)
catalog, baseline = Catalog.shipped("lead"), Baseline.shipped(spec.rules)

# %% [markdown]
# ## All rows once, with their features as of their own moment

# %%
rows = spec.outcome.rows(store.sources, until)
if len(rows) > 6_000:  # enough to see months by; the whole takes minutes
    kept = rows.drop_duplicates("group").sample(2_000, random_state=0).group
    rows = rows[rows.group.isin(kept)].reset_index(drop=True)
signals = [name for name in baseline.signals if name in catalog.names]
columns = list(dict.fromkeys([*spec.features, *spec.bayes_fields, *signals]))
table = fetch(spec.entity, rows, columns, store.compute)
months = sorted(rows.as_of.dt.strftime("%Y-%m").unique())[-5:]
rows.groupby(rows.as_of.dt.strftime("%Y-%m")).label.agg(["size", "mean"]).tail(8)


# %%
def part(some: pd.DataFrame) -> Part:
    index = pd.MultiIndex.from_frame(some[["entity_id", "as_of"]])
    return Part(table.reindex(index).reset_index(), some.label.to_numpy(dtype=bool))


small = replace(spec, boosting=replace(spec.boosting, rounds=150, patience=25, learning_rate=0.06))
found = []
for month in months:
    starts = pd.Timestamp(f"{month}-01", tz="UTC")
    known = rows[rows.known_at <= starts]
    test = rows[(rows.as_of.dt.strftime("%Y-%m") == month) & ~rows.group.isin(known.group)]
    cuts = [known.as_of.quantile(share) for share in (0.7, 0.85)] if len(known) else []
    if len(test) < 30 or not cuts or test.label.nunique() < 2:
        continue
    fit = known[known.as_of < cuts[0]]
    stop = known[(known.as_of >= cuts[0]) & (known.as_of < cuts[1])]
    held = known[known.as_of >= cuts[1]]
    try:
        dataset = Dataset(part(fit), part(stop), part(held), part(test), starts.to_pydatetime(), 1.0)
        challenger = fit_challenger(small, dataset, starts.to_pydatetime(), catalog.hash)
    except (DatasetRefused, ValueError) as refused:
        print(month, refused)
        continue
    signals_of = rows_of(dataset.test)
    forecast = pd.Series(BundleScorer(challenger.bundle).probabilities(signals_of)).to_numpy()
    model = evaluate(dataset.test.labels, forecast)
    rules, _ = RuleBaseline.fit(baseline.rules, dataset.learned, 1.0).measure(signals_of, dataset.test.labels)
    found.append(
        {
            "month": month,
            "rows": model.n,
            "won": model.base_rate,
            "forecast": forecast.mean(),
            "model AUC": model.auc,
            "rules AUC": rules.auc,
            "model ECE": model.ece,
        }
    )
backtest = pd.DataFrame(found).set_index("month")
backtest.round(3)

# %% [markdown]
# ## The picture

# %%
figure, (above, below) = plt.subplots(2, 1, figsize=(7, 6), sharex=True)
backtest[["model AUC", "rules AUC"]].plot(ax=above, marker="o", title="Order: AUC by month")
backtest[["won", "forecast"]].plot(ax=below, marker="o", title="Level: forecast and what came true")
above.axhline(0.5, color="grey", linestyle=":")
plt.tight_layout()
plt.show()
