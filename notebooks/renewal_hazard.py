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
# # When are customers lost? The renewal hazard
#
# 续约风险模型给出未来 26 周内每一周流失的概率：经理看到的是何时，而不只是是否。
# 这里看它学到了什么、比基线好多少、红色提前多久，以及一个客户的曲线。
#
# The hazard gives the chance of a loss in each of the next 26 weeks. Here: what it is learned from, how it
# compares with Kaplan-Meier, Cox and the rules, how early red warns, and one account's curve.
#
# Runs on any data folder that `leadpulse demo` has built; `LEADPULSE_HOME` names it (default `.leadpulse`).

# %%
import os
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from pipelines.demo import labels_until
from pipelines.runtime import Runtime
from training.bundle import HazardScorer
from training.survival.dataset import follow
from training.survival.follow_up import days_seen
from training.survival.hazard import fit_hazard
from training.survival.measures import kaplan_meier
from training.survival.train import compare, curves_of
from training.train import Baseline, Catalog

# A notebook runs in its own folder; the data folder lies beside it.
runtime = Runtime.at(Path(os.environ.get("LEADPULSE_HOME", "../.leadpulse")))
# Few looks are enough for a picture; `leadpulse train account_renewal` takes more.
spec = replace(runtime.hazard(), learn_rows=4_000, test_rows=2_000, replayed=100)
catalog, baseline = Catalog.shipped(spec.entity), Baseline.shipped(spec.rules)
until = labels_until(runtime)
print(f"company: {runtime.state.company}, data as of {runtime.now():%Y-%m-%d}, {spec.losses}")

# %% [markdown]
# ## Follow everybody
#
# Every account is looked at again and again; a row says until when it was seen, and whether that ended in a
# loss. Who is not lost yet is censored: known to have stayed so long, and nothing more.

# %%
data = follow(spec, runtime.features.sources, until, runtime.features.compute, catalog, baseline)
fitted = fit_hazard(spec, data.learn, data.stop_at, data.split_at, until, catalog.hash)
pd.DataFrame(fitted.sizes).T.rename(columns={"rows": "account-weeks", "positives": "losses"})

# %% [markdown]
# ## Held against the baselines
#
# On later looks only. The AUC says who, the concordance in which order, the integrated Brier score how far
# the whole curve is off.

# %%
compared = compare(spec, data, fitted.bundle, baseline, None)
pd.DataFrame(compared.metrics).T.round(3)

# %% [markdown]
# ## The curve comes true
#
# The mean of all forecast curves against what Kaplan-Meier saw happen to the same accounts.

# %%
scorer = HazardScorer(fitted.bundle)
weeks = np.arange(1, spec.weeks + 1)
days, lost = (np.asarray(values) for values in days_seen(data.test, data.now))
curves = curves_of(scorer, data.test)
risk = 1 - curves[:, -1]
figure, axes = plt.subplots(figsize=(7, 4.5))
for colour, low, high in (("tab:green", 0, 0.6), ("tab:orange", 0.6, 0.9), ("tab:red", 0.9, 1)):
    edges = np.quantile(risk, [low, high])
    some = (risk >= edges[0]) & (risk <= edges[1])
    seen = kaplan_meier(days[some], lost[some], 7.0 * weeks)
    axes.plot(weeks, curves[some].mean(axis=0), color=colour, label=f"forecast, {low:.0%}–{high:.0%} of risk")
    axes.step(weeks, seen, color=colour, linestyle=":", where="post")
axes.set(xlabel="weeks ahead", ylabel="share still there", title="Forecast (lines), what happened (dotted)")
axes.legend()
plt.show()

# %% [markdown]
# ## How early red warns
#
# Looking every week: days from the first red to the loss, the share of losses that were warned of, and alarms
# without a loss per account and year.

# %%
pd.DataFrame({name: warned.as_dict() for name, warned in compared.warnings.items()}).T.round(2)

# %% [markdown]
# ## One account
#
# The account with the highest risk at its last look: which weeks matter.

# %%
last = data.test[data.test.as_of == data.test.as_of.max()]
curve = curves_of(scorer, last)
worst = int(np.argmin(curve[:, -1]))
weekly = -np.diff(curve[worst], prepend=1.0)
figure, axes = plt.subplots(figsize=(7, 3.5))
axes.bar(weeks, weekly, color="tab:red")
axes.set(xlabel="weeks ahead", ylabel="chance of a loss", title=f"{last.entity_id.iloc[worst]}: when")
plt.show()
