"""Looking at a hazard in service: everybody at risk now, and what came of those at risk four weeks ago.

The world that it was tested on is that of the last look; a loss within ``AHEAD_WEEKS`` is known soon, and
says the same of the level of the curve as one within half a year would say later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Floats
from training.bundle import Bundle, HazardScorer
from training.bundle.hazard import PERIOD
from training.datasets import FrameOf, fetch
from training.drift import Finding, Reference, examine, one_each, reference_of
from training.encoding import Encoding
from training.policy import DriftLimits
from training.survival.dataset import FollowUp
from training.survival.follow_up import Losses
from training.watch import REFERENCE

if TYPE_CHECKING:
    import pandas as pd

AHEAD_WEEKS = 4
_AHEAD = timedelta(weeks=AHEAD_WEEKS)
_MADE_OF: Mapping[str, str] = {
    "expiry_gap_days": "account_days_to_expiry",
    "silent_days": "account_days_since_order",
    "silent_intervals": "account_days_since_order",
}
"""What the columns of a period are made of, so that their weight counts for it; a week is a week."""


def hazard_reference(scorer: HazardScorer, data: FollowUp) -> dict[str, Any]:
    """Return the reference of a challenger: everybody at its last test look, and one look of each account
    four weeks or more before the end."""
    import pandas as pd

    last = data.test[data.test.as_of == data.test.as_of.max()]
    seen = one_each(data.test[data.test.as_of <= pd.Timestamp(data.now - _AHEAD)])
    encoding = inputs_of(scorer.bundle.encoding)
    within = scorer.bundle.weeks
    counts = (len(seen), int(_lost_ahead(seen).sum()))
    return reference_of(
        last, encoding, chances(scorer, last, within), counts, weights_of(scorer.gains())
    ).plain()


def look_at_hazard(
    losses: Losses, bundle: Bundle, frame_of: FrameOf, sources: Path, now: datetime, limits: DriftLimits
) -> list[Finding]:
    """Return what of a hazard's world has moved, as of ``now``; nothing for one without a reference."""
    kept = bundle.facts.get(REFERENCE)
    if kept is None:
        return []
    rows = losses.follow(sources, [now - _AHEAD, now], now)
    if rows.empty:
        return []
    scorer, encoding = HazardScorer(bundle), inputs_of(bundle.encoding)
    table = fetch(losses.outcome.entity, rows, encoding.features, frame_of).reset_index()
    rows = rows.merge(table, on=["entity_id", "as_of"], how="left", validate="one_to_one")
    here = (rows.as_of == rows.as_of.max()).to_numpy()
    recent, earlier = rows[here], rows[~here]
    known = (_lost_ahead(earlier), chances(scorer, earlier, AHEAD_WEEKS))
    score = chances(scorer, recent, bundle.weeks)
    return examine(Reference.of_plain(kept), encoding, recent, score, known, limits)


def chances(scorer: HazardScorer, rows: pd.DataFrame, weeks: int) -> Floats:
    """Return each row's chance (n,) of a loss within so many weeks."""
    if rows.empty:
        return np.empty(0)
    frame = rows.reindex(columns=list(scorer.bundle.encoding.features))
    return 1.0 - scorer.curves(scorer.bundle.encoding.matrix_of_frame(frame))[:, weeks - 1]


def inputs_of(encoding: Encoding) -> Encoding:
    """Return what a hazard reads of an account, without the columns that only the week moves."""
    return replace(encoding, features=tuple(name for name in encoding.features if name not in PERIOD))


def weights_of(gains: Mapping[str, float]) -> dict[str, float]:
    """Return each input's share of the gain, with that of the period's columns where it belongs."""
    weights: dict[str, float] = {}
    for name, gain in gains.items():
        source = _MADE_OF.get(name, name)
        if source not in PERIOD:
            weights[source] = weights.get(source, 0.0) + gain
    whole = sum(weights.values())
    return {name: gain / whole for name, gain in weights.items()} if whole else {}


def _lost_ahead(rows: pd.DataFrame) -> Any:
    return (rows.lost_at <= rows.as_of + _AHEAD).to_numpy(dtype=bool)
