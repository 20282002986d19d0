"""Looking at a champion in service: rows of the last weeks and outcomes known since, against its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Bools, Floats
from training.bundle import Bundle, BundleScorer
from training.datasets import Dataset, FrameOf, Part, fetch
from training.drift import Finding, Reference, examine, one_each, reference_of
from training.outcomes import Outcome
from training.policy import DriftLimits

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "reference"
"""The fact of a bundle under which its reference is kept."""


def reference_facts(scorer: BundleScorer, dataset: Dataset) -> dict[str, Any]:
    """Return the reference of a challenger: its test rows, and the rate of the outcome as it learned it.

    A model that learned from a shorter horizon is watched on that horizon, whose outcomes are known sooner.
    """
    rows = one_each(dataset.test.frame)
    probabilities = _forecasts(scorer, rows)
    labelled = dataset.test if dataset.share == 1 else dataset.calibration
    outcomes = _independent(labelled)
    counts = (len(outcomes), int(outcomes.sum()))
    encoding = scorer.bundle.encoding
    return reference_of(rows, encoding, probabilities, counts, scorer.gains()).plain()


def look(
    outcome: Outcome, bundle: Bundle, frame_of: FrameOf, sources: Path, now: datetime, limits: DriftLimits
) -> list[Finding]:
    """Return what of a champion's world has moved, as of ``now``; nothing for one without a reference."""
    import pandas as pd

    kept = bundle.facts.get(REFERENCE)
    if kept is None:
        return []
    reference = Reference.of_plain(kept)
    since = now - timedelta(days=limits.window_days)
    recent = outcome.cohort(sources, since, now)
    labelled, share = outcome.learn(sources, now)
    labelled = labelled[labelled.known_at > pd.Timestamp(since)]
    scorer, features = BundleScorer(bundle), list(bundle.encoding.features)
    recent, labelled = (_distinct(rows) for rows in (recent, labelled))
    asked = pd.concat([rows[["entity_id", "as_of"]] for rows in (recent, labelled)])
    if asked.empty:
        return []
    table = fetch(outcome.entity, asked, features, frame_of)
    seen, told = (_rows_of(table, rows) for rows in (recent, labelled))
    horizon = bundle.calibrator.share if share < 1 else 1.0
    known: tuple[Bools, Floats] = (
        labelled.label.to_numpy(dtype=bool),
        _forecasts(scorer, told) * horizon,
    )
    return examine(reference, bundle.encoding, seen, _forecasts(scorer, seen), known, limits)


def _distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """One row of each entity, all moments of one type, also where there is none."""
    picked = one_each(rows) if len(rows) else rows
    return picked.astype({"entity_id": object, "as_of": "datetime64[us, UTC]"})


def _rows_of(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return table.reindex(pd.MultiIndex.from_frame(rows[["entity_id", "as_of"]])).reset_index()


def _independent(part: Part) -> Bools:
    picked = one_each(part.frame.reset_index(drop=True))
    labels: Bools = part.labels[picked.index.to_numpy()]
    return labels


def _forecasts(scorer: BundleScorer, frame: pd.DataFrame) -> Floats:
    if frame.empty:
        return np.empty(0)
    matrix = scorer.bundle.encoding.matrix_of_frame(frame)
    return scorer.values(scorer.raw(matrix))[0]
