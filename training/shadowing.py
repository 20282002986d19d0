"""A challenger against what answered, on live subjects whose outcome has become known since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.arrays import Floats
from training.evaluation import Metrics, evaluate
from training.outcomes import Outcome
from training.score_map import Meaning

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Duel:
    """Both on the same subjects; None while no outcome is known. ``pairs`` were scored, known or not."""

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
