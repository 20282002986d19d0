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
# # Inspect one lead
#
# 一条线索的评分历史、现在的理由，以及理由背后的原始记录。
#
# Set `LEAD` to look at another one; by default it is the lead at the top of the list.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from crm_store.domain.scores import DEFAULT_BANDS
from crm_store.repositories.scores.log import history, latest, ranked
from features import store
from features.catalog import CATALOG
from pipelines.runtime import Runtime
from serving.explain import sentence

home = Path(os.environ.get("LEADPULSE_HOME", "../.leadpulse"))
runtime = Runtime.at(home)
LEAD = os.environ.get("LEAD")
with runtime.sessions() as session:
    lead = LEAD or ranked(session, "lead_health", limit=1).items[0].entity_id
    scores = history(session, "lead_health", lead)
    now = latest(session, "lead_health", [lead])[lead]
score = now.score
print(f"{lead}: {score.value:.0f} ({score.band}), {score.source} {score.version}, {score.why}")

# %% [markdown]
# ## Its history

# %%
figure, axes = plt.subplots(figsize=(7, 3.5))
told = pd.DataFrame([{"as_of": one.score.as_of, "value": one.score.value} for one in scores])
told.sort_values("as_of").plot(
    x="as_of", y="value", marker="o", ax=axes, legend=False, title=f"{lead}: health"
)
axes.axhspan(0, DEFAULT_BANDS.yellow, color="#b3362a", alpha=0.08)
axes.axhspan(DEFAULT_BANDS.yellow, DEFAULT_BANDS.green, color="#b7791f", alpha=0.08)
axes.axhspan(DEFAULT_BANDS.green, 100, color="#1f7a4d", alpha=0.08)
axes.set(ylim=(0, 100), xlabel="", ylabel="points")
plt.show()

# %% [markdown]
# ## Why

# %%
pd.DataFrame(
    [
        {
            "effect": round(reason.effect, 1),
            "理由": sentence(reason, "zh"),
            "reason": sentence(reason, "en"),
        }
        for reason in now.score.reasons
    ]
)

# %% [markdown]
# ## The records behind the strongest reason

# %%
strongest = next((reason.feature for reason in now.score.reasons if reason.feature in CATALOG), "lead_status")
behind = store.explain(strongest, lead, now.score.as_of, home=home)
print(strongest, behind.attrs["value"], *behind.attrs["sentence"], sep="\n")
behind.tail(8)
