"""A challenger against what answered, on live subjects whose outcome has become known since.

A hazard is asked about weeks: each week ahead whose end is known counts as soon as it is over. A match is
asked about the rep who was given the lead: what would have become of it elsewhere, nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crm_store.repositories.scores.shadows import kept_id
from training.arrays import Floats
from training.evaluation import Metrics, evaluate
from training.outcomes import Outcome
from training.score_map import Meaning
from training.survival.follow_up import Losses
from training.survival.periods import periods_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Duel:
    """Both on the same subjects (a hazard's: weeks of them); None while no outcome is known.

    ``pairs`` were scored, known or not.
    """

    pairs: int
    live: Metrics | None
    shadow: Metrics | None


def compare_shadow(
    outcome: Outcome, meaning: Meaning, sources: Path, pairs: pd.DataFrame, now: datetime
) -> Duel:
    """Compare pairs (entity_id, as_of, live/shadow value and probability) on outcomes known at ``now``.

    A pair counts for the first outcome of its subject that became known after it, and the first pair of each
    outcome counts. Rules give no probability: their points stand in for it, so only their order is fair.
    """
    import pandas as pd

    labels = outcome.rows(sources, now)[["entity_id", "known_at", "label"]]
    labels = labels.assign(entity_id=labels.entity_id.map(kept_id))
    labels = labels.drop_duplicates(["entity_id", "known_at"]).sort_values("known_at")
    if pairs.empty or labels.empty:
        return Duel(len(pairs), None, None)
    asked = pairs.assign(as_of=pd.to_datetime(pairs.as_of, utc=True).astype(labels.known_at.dtype))
    matched = pd.merge_asof(
        asked.sort_values("as_of", kind="stable"),
        labels,
        left_on="as_of",
        right_on="known_at",
        by="entity_id",
        direction="forward",
        allow_exact_matches=False,
    ).dropna(subset=["known_at"])
    matched = matched.drop_duplicates(["entity_id", "known_at"])
    if matched.empty:
        return Duel(len(pairs), None, None)
    truth = matched.label.to_numpy(dtype=bool)

    def measured(side: str) -> Metrics:
        points = matched[f"{side}_value"].to_numpy(dtype=float) / 100
        likelier: Floats = points if meaning == "chance" else 1 - points
        given = matched[f"{side}_probability"].to_numpy(dtype=float)
        return evaluate(truth, np.where(np.isnan(given), likelier, given), ranking=likelier)

    return Duel(len(pairs), measured("live"), measured("shadow"))


def compare_curves(losses: Losses, sources: Path, pairs: pd.DataFrame, now: datetime) -> Duel:
    """Compare weekly chances (live_weekly, shadow_weekly) of pairs, week by week as they come to be known.

    The first pair of each account counts, followed from the midnight after it. A week is asked about whoever
    was still there when it began: its forecast is the chance of a loss in it over that of having stayed.
    """
    import pandas as pd

    asked = pairs.dropna(subset=["live_weekly", "shadow_weekly"])
    asked = asked.sort_values("as_of", kind="stable").drop_duplicates("entity_id")
    asked = asked.assign(
        as_of=pd.to_datetime(asked.as_of, utc=True).dt.ceil("D").astype("datetime64[us, UTC]")
    )
    moments = [
        moment.to_pydatetime() for moment in sorted(asked.as_of.unique()) if moment <= pd.Timestamp(now)
    ]
    if not moments:
        return Duel(len(pairs), None, None)
    followed = losses.follow(sources, moments, now)
    rows = followed.merge(asked, on=["entity_id", "as_of"]).reset_index(drop=True)
    weeks = min((len(weekly) for side in ("live", "shadow") for weekly in rows[f"{side}_weekly"]), default=0)
    periods = periods_of(rows, weeks, now)
    if not len(periods.row):
        return Duel(len(pairs), None, None)

    def measured(side: str) -> Metrics:
        weekly = np.array([given[:weeks] for given in rows[f"{side}_weekly"]], dtype=float)
        stays = 1.0 - np.cumsum(weekly, axis=1) + weekly
        hazards = np.clip(weekly / np.maximum(stays, 1e-9), 0.0, 1.0)
        return evaluate(periods.lost, hazards[periods.row, periods.week - 1])

    return Duel(len(pairs), measured("live"), measured("shadow"))
