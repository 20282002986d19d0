"""The demo company's truth: with which chance each rep would have won each lead, had they been given it.

No real company can know this. Here hidden causes are known, so an estimate made from past assignments can be
held against what it estimates.
"""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from pipelines.demo_company.lead_life.handling import handle_as
from pipelines.demo_company.lead_life.outcomes import chance_won
from pipelines.demo_company.records.keys import record_ids
from pipelines.demo_company.simulation import live
from pipelines.demo_company.world.arrays import stream
from pipelines.demo_company.world.reps import daily_leads, route

DRAWS = 30


def assigned_again(seed: int, now: datetime, scale: float, draw: int) -> pd.Series:
    """Return whom the company's routing would have given each lead on another day: lead id → rep id."""
    story = live(seed, now, scale)
    leads, reps = story.leads, story.reps
    owners = route(stream(seed, f"routing {draw}"), reps, leads.province, leads.line)
    ids = record_ids("rep", reps.count)[owners]
    return pd.Series(ids, index=record_ids("lead", leads.count)[:-1])


def true_chances(
    seed: int, now: datetime, scale: float, within: timedelta, draws: int = DRAWS
) -> pd.DataFrame:
    """Return P(won within ``within`` of the assignment), a row per lead id and a column per rep id.

    One lead is given to another rep at a time: everybody stays as busy as they were. The mean of ``draws``
    of how the lead is handled; leave, delays and later moves included. The arguments are those of
    ``demo_company.generate``.
    """
    story = live(seed, now, scale)
    leads, reps = story.leads, story.reps
    daily = daily_leads(reps, story.handling.first_owner, story.handling.assigned)
    chances = np.zeros((leads.count, reps.count))
    days = within / timedelta(days=1)
    for rep in range(reps.count):
        rng = stream(seed, f"counterfactual {rep}")
        owner = np.full(leads.count, rep, dtype=np.int64)
        for _ in range(draws):
            handling = handle_as(rng, leads, reps, owner, daily)
            chances[:, rep] += chance_won(rng, leads, handling, reps, days) / draws
    ids = record_ids("lead", leads.count)[:-1], record_ids("rep", reps.count)[:-1]
    return pd.DataFrame(chances, index=ids[0], columns=ids[1])
