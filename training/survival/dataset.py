"""What a hazard is learned from and tested on: everybody followed, with features as of every look.

Learning ends where the test begins: what is learned from was seen until ``split_at`` only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.datasets import DatasetRefused, FrameOf, fetch, refuse_leaks
from training.survival.follow_up import moments_before, moments_since
from training.survival.specs import HazardSpec
from training.train import Baseline, Catalog

if TYPE_CHECKING:
    import pandas as pd

_LEAST_START = timedelta(days=60)


@dataclass(frozen=True)
class FollowUp:
    """Follow-up with features: ``learn`` seen until ``split_at``, ``test`` from there until ``now``.

    ``looks`` are closer together, from ``stop_at`` until ``now``, to replay the warnings. ``whole`` is
    everybody seen until ``now``: what tests well is learned again from it, with every cut moved to the end.
    """

    learn: pd.DataFrame
    test: pd.DataFrame
    looks: pd.DataFrame
    whole: pd.DataFrame
    stop_at: datetime
    split_at: datetime
    now: datetime


def follow(
    spec: HazardSpec, sources: Path, now: datetime, frame_of: FrameOf, catalog: Catalog, baseline: Baseline
) -> FollowUp:
    """Follow everybody at risk, learn and test apart, and fetch their features in one call."""
    import pandas as pd

    refuse_leaks(spec.features, catalog.names)
    until = min(now, spec.until) if spec.until else now
    split_at = until - spec.test
    stop_at = split_at - spec.later
    known = spec.losses.first_known(sources, until)
    if known is None or known + _LEAST_START + spec.every > split_at:
        raise _nobody_lost("learn")
    first = known + _LEAST_START
    learn = spec.losses.follow(sources, moments_before(split_at, first, spec.every), split_at)
    test = spec.losses.follow(sources, moments_since(split_at, until, spec.every), until)
    whole = spec.losses.follow(sources, moments_before(until, first, spec.every), until)
    generator = np.random.default_rng(spec.boosting.seed)
    learn, test = _drawn(learn, spec.learn_rows, generator), _drawn(test, spec.test_rows, generator)
    whole = _drawn(whole, spec.learn_rows, generator)
    looks = _some(spec.losses.follow(sources, moments_since(stop_at, until, spec.look), until), spec)
    for name, rows in (("learn", learn), ("test", test)):
        if not rows.lost_at.notna().any():
            raise _nobody_lost(name)
    signals = [name for name in baseline.signals if name in catalog.names]
    told = [name for name in spec.fair_across if name in catalog.names]
    columns = list(dict.fromkeys([*spec.features, *signals, *told]))
    table = fetch(spec.entity, pd.concat([learn, test, looks, whole]), columns, frame_of).reset_index()
    keys = ["entity_id", "as_of"]
    learn, test, looks, whole = (
        part.merge(table, on=keys, how="left", validate="one_to_one") for part in (learn, test, looks, whole)
    )
    return FollowUp(learn, test, looks, whole, stop_at, split_at, until)


def _nobody_lost(part: str) -> DatasetRefused:
    zh, en = f"{part} 中没有流失，无法学习时点", f"nobody was lost in {part}: nothing tells when"
    return DatasetRefused("no_outcomes", part, zh, en)


def _drawn(rows: pd.DataFrame, most: int | None, generator: np.random.Generator) -> pd.DataFrame:
    """At most so many rows, in their order."""
    if most is None or len(rows) <= most:
        return rows
    return rows.iloc[np.sort(generator.permutation(len(rows))[:most])].reset_index(drop=True)


def _some(looks: pd.DataFrame, spec: HazardSpec) -> pd.DataFrame:
    """Every look at some of the accounts, drawn by the training's seed."""
    accounts = np.sort(looks.entity_id.unique())
    drawn = np.random.default_rng(spec.boosting.seed).permutation(accounts)[: spec.replayed]
    return looks[looks.entity_id.isin(drawn)].reset_index(drop=True)


def dates_of(data: FollowUp) -> dict[str, str]:
    """Return when each part begins and ends."""
    named_dates = {
        "learn_from": data.learn.as_of.min(),
        "fit_from": data.learn.as_of.min(),
        "fit_to": data.stop_at,
        "calibration_from": data.stop_at,
        "calibration_to": data.split_at,
        "stop_at": data.stop_at,
        "split_at": data.split_at,
        "test_from": data.test.as_of.min(),
        "test_to": data.test.as_of.max(),
        "until": data.now,
        "served_to": data.now - (data.split_at - data.stop_at),
    }
    return {name: date.isoformat() for name, date in named_dates.items()}


def digest_of(data: FollowUp) -> str:
    """Return 36 hexadecimal digits that change with any row or value of what is learned from or tested on."""
    import pandas as pd

    digest = hashlib.sha256()
    for part in (data.learn, data.test):
        digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    return digest.hexdigest()[:36]
