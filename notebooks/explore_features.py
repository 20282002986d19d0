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
# # Explore features as of any moment
#
# 查看任一时点的特征、其分布，以及某个值背后的原始记录。
#
# Runs on any data folder that `leadpulse demo` has built; `LEADPULSE_HOME` names it (default `.leadpulse`).

# %%
import os
from datetime import timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from features import store
from pipelines.runtime import Runtime

home = Path(os.environ.get("LEADPULSE_HOME", "../.leadpulse"))
runtime = Runtime.at(home)
now = runtime.now()
outcome = runtime.specs()["lead_health"].outcome
open_leads = outcome.subjects_at(runtime.features.sources, now).entity_id.tolist()[:400]
print(f"{len(open_leads)} open leads as of {now:%Y-%m-%d}")

# %% [markdown]
# ## One lead, five moments
#
# Every value is what was known at its moment: nothing recorded later is there.

# %%
names = ["lead_last_interaction_h", "lead_chats_30d", "lead_interactions_7d", "lead_status"]
moments = [now - timedelta(days=days) for days in (28, 21, 14, 7, 0)]
frame = store.frame(open_leads, moments, names, home=home)
frame[frame.lead_id == open_leads[0]]

# %% [markdown]
# ## How a feature is spread, then and now

# %%
feature = "lead_last_interaction_h"
figure, axes = plt.subplots(figsize=(7, 4))
for moment, rows in frame.groupby("as_of"):
    axes.hist(rows[feature].dropna(), bins=30, histtype="step", density=True, label=f"{moment:%m-%d}")
axes.set(xlabel=f"{feature}, {frame.attrs['units'][feature]}", ylabel="share", title="Open leads by moment")
axes.legend()
plt.show()

# %% [markdown]
# ## What is unknown

# %%
frame.groupby("as_of")[names].agg(lambda column: f"{column.isna().mean():.0%}")

# %% [markdown]
# ## The records behind one value

# %%
known = frame[(frame.as_of == pd.Timestamp(now)) & frame[feature].notna()].lead_id
behind = store.explain(feature, known.iloc[0], now, home=home)
print(*behind.attrs["sentence"], behind.attrs["formula"], sep="\n")
behind.tail(5)
