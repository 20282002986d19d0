"""Who leads where the risk model and the hazard speak of the same contract: whoever did better on later data.

One says whether the contract that ends next will be lost, the other says it for every week, so each gives a
chance of a loss by the week in which that is decided. The reader is shown one of them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Bools, Floats
from training.bundle import BundleScorer
from training.bundle.hazard import WEEK_DAYS
from training.candidates import fit_challenger
from training.datasets import DatasetRefused, FrameOf, build_dataset, fetch
from training.evaluation import log_loss
from training.specs import SPECS
from training.survival.dataset import FollowUp
from training.survival.follow_up import days_seen
from training.survival.specs import HazardSpec
from training.train import Catalog

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 2_000
LEAST_LOSSES = 30  # below, nobody can tell who is better, and the risk leads as it always did


def decided_by(
    spec: HazardSpec, data: FollowUp, stays: Floats, sources: Path, frame_of: FrameOf, catalog: Catalog
) -> dict[str, Any] | None:
    """Return by when the risk is decided and who ``leads``; None for losses that nothing decides.

    ``stays`` (n, weeks) are the hazard's curves of the test rows. Beside it a risk model is fitted on what
    was known when the test began; ``logloss`` holds both on ``rows`` looks whose contract was decided within
    the weeks and the test.
    """
    told, risk = spec.losses.decided, SPECS.get(spec.company, {}).get(spec.risk or "")
    if told is None or risk is None:
        return None if told is None else {**told}
    week = decided_weeks(told, data.test)
    rows, labels = known_losses(data, week, spec.weeks)
    drawn = np.sort(np.random.default_rng(spec.boosting.seed).permutation(len(rows))[:MOST_ROWS])
    rows, labels = rows[drawn], labels[drawn]
    if labels.sum() < LEAST_LOSSES or (~labels).sum() < LEAST_LOSSES:
        return {**told, "leads": "risk"}
    split = replace(risk.split, test_share=0.02)  # the test is the hazard's
    try:
        known = build_dataset(
            risk.outcome, sources, data.split_at, risk.features, catalog.names, frame_of, split
        )
    except DatasetRefused:
        return {**told, "leads": "risk"}
    scorer = BundleScorer(fit_challenger(risk, known, data.split_at, catalog.hash).bundle)
    frame = fetch(risk.entity, data.test.iloc[rows], risk.features, frame_of)
    chances = scorer.values(scorer.raw(scorer.bundle.encoding.matrix_of_frame(frame)))[0]
    losses = {
        "hazard": log_loss(labels, 1.0 - stays[rows, week[rows].astype(int) - 1]),
        "risk": log_loss(labels, chances),
    }
    leads = min(losses, key=lambda name: losses[name])
    return {**told, "leads": leads, "rows": len(rows), "logloss": losses}


def decided_weeks(told: Any, rows: pd.DataFrame) -> Floats:
    """Return the week ahead (n,), from 1, by whose end each row's contract is decided; NaN where none is."""
    left = rows[str(told["feature"])].to_numpy(dtype=float)
    return np.asarray(np.maximum(np.ceil((left + float(told["days"])) / WEEK_DAYS), 1.0))


def known_losses(data: FollowUp, week: Floats, weeks: int) -> tuple[Any, Bools]:
    """Return the places of test rows that were decided within ``weeks`` and the test, and who was lost."""
    days, lost = (np.asarray(values) for values in days_seen(data.test, data.now))
    ends = WEEK_DAYS * week
    gone = lost & (days <= ends)
    places = np.flatnonzero((week <= weeks) & (gone | (days >= ends)))
    return places, gone[places]
