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
# # What would another way of assigning leads have won?
#
# 过去的分配不是随机的：看起来赢得多的销售，可能只是分到了好线索。
# 这里估计换一种分配方式的赢单率，并与演示公司的真实值比较。
#
# Past assignments were no experiment: who seems to win may only have been given the better leads. Estimates
# that undo the selection are held against the truth, which only a made-up company can tell.
#
# Runs on a data folder that `leadpulse demo` has built; `LEADPULSE_HOME` names it (default `.leadpulse`).

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from pipelines.demo import labels_until
from pipelines.frames import frames
from pipelines.runtime import Runtime
from training.candidates import fit_challenger
from training.datasets import build_dataset
from training.match.off_policy import names_needed, quality_by_rep, trial_of, value_under
from training.match.propensity import ROUTING
from training.train import Catalog

# A notebook runs in its own folder; the data folder lies beside it.
runtime = Runtime.at(Path(os.environ.get("LEADPULSE_HOME", "../.leadpulse")))
spec, catalog = runtime.specs()["lead_match"], Catalog.shipped("pair")
until, frame_of = labels_until(runtime), frames(runtime.features)
print(f"company: {runtime.state.company}, data as of {runtime.now():%Y-%m-%d}, {spec.outcome}")

# %% [markdown]
# ## Learn from the older assignments
#
# A row is a lead and the rep it was first given to, as of that moment. Rows are weighed as if each lead had
# gone to one of its candidates by chance.

# %%
names = list(dict.fromkeys([*spec.features, *ROUTING, "rep_wins_90d"]))
dataset = build_dataset(
    spec.outcome, runtime.features.sources, until, names, catalog.names, frame_of, spec.split
)
bundle = fit_challenger(spec, dataset, until, catalog.hash).bundle
trial = trial_of(dataset, bundle, frame_of, names_needed(bundle))
candidates = trial.allowed.sum(axis=1).mean()
print(f"{len(trial.leads)} later leads, {len(trial.reps)} reps, {candidates:.1f} candidates each")

# %% [markdown]
# ## The value of four policies
#
# As it was; at random among the candidates; by rules (weighted round-robin by past wins); by the model, each
# rep taking at most half as many leads again as they had.

# %%
policies = trial.policies(seed=7)
estimates = {name: trial.estimates(policy) for name, policy in policies.items()}
table = pd.DataFrame({name: {k: e.value for k, e in found.items()} for name, found in estimates.items()}).T
if runtime.state.company == "demo":
    from pipelines.demo_company.counterfactual import true_chances

    scale = runtime.state.summary["scale"]
    chances = true_chances(runtime.state.seed or 0, runtime.now(), scale, spec.outcome.within)
    truth = chances.loc[list(trial.leads), list(trial.reps)].to_numpy()
    table.insert(0, "truth", [value_under(policy, truth) for policy in policies.values()])
table.round(4)

# %%
figure, axes = plt.subplots(figsize=(8, 4.5))
for offset, (name, colour) in enumerate({"naive": "grey", "snips": "tab:orange", "dr": "tab:blue"}.items()):
    found = [estimates[policy][name] for policy in policies]
    places = [place + 0.15 * (offset - 1) for place in range(len(policies))]
    low = [one.value - one.low for one in found]
    high = [one.high - one.value for one in found]
    values = [one.value for one in found]
    axes.errorbar(places, values, [low, high], fmt="o", color=colour, label=name, capsize=3)
if "truth" in table:
    axes.scatter(range(len(policies)), table.truth, marker="_", s=900, color="black", label="truth")
axes.set(ylabel="wins per lead, 95% intervals", title="Off-policy value against the truth")
axes.set_xticks(range(len(policies)), list(policies))
axes.legend()
plt.show()

# %% [markdown]
# ## Quality by rep
#
# On the later leads that each rep in fact got. With few wins, an AUC says little.

# %%
pd.DataFrame(quality_by_rep(trial)).T.round(3)
