"""Frames to learn from and to test on: split by time, with nothing in them that wasn't known then.

The test rows are the latest; everything learned from was known when the first of them was scored. What
remains is split by time again: the oldest rows fit the model, later ones say when to stop, the latest
calibrate it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.arrays import Bools
from training.outcomes import Outcome

if TYPE_CHECKING:
    import pandas as pd

FrameOf = Callable[[str, "pd.DataFrame", Sequence[str]], "pd.DataFrame"]
"""(entity, rows of entity_id and as_of, feature names) → those rows with one column per feature."""

KEYS = ["entity_id", "as_of"]


class DatasetRefused(Exception):
    """The data can't be learned from. ``code`` is stable; the message is Chinese, then English."""

    def __init__(self, code: str, field: str, zh: str, en: str) -> None:
        self.code, self.field, self.zh, self.en = code, field, zh, en
        super().__init__(f"{zh} · {en}")


@dataclass(frozen=True)
class Split:
    """Where time is cut.

    The test is the latest ``test_share`` of the groups by their first row, or the one cut ``test_at``.
    Of the rest, in the same order, ``stop_share`` decides when boosting stops and ``calibration_share``,
    the latest, calibrates; with a calibration_share of 0 the stopping rows calibrate too.
    """

    test_share: float = 0.25
    test_at: datetime | None = None
    stop_share: float = 0.15
    calibration_share: float = 0.15


@dataclass(frozen=True)
class Part:
    """Some rows with their features: ``frame`` has the keys and one column per feature, labels (n,)."""

    frame: pd.DataFrame
    labels: Bools


@dataclass(frozen=True)
class Dataset:
    """The four parts in order of time, the moment that divides the last from the others, and its share.

    ``share`` is the part of the outcome that the labels of fit, stop and calibration saw (1 unless the
    outcome learns from a shorter horizon); the labels of the test saw all of it.
    """

    fit: Part
    stop: Part
    calibration: Part
    test: Part
    split_at: datetime
    share: float

    @property
    def learned(self) -> tuple[Part, ...]:
        """The parts that were learned from, without repeating one that serves twice."""
        return (
            (self.fit, self.stop)
            if self.stop is self.calibration
            else (self.fit, self.stop, self.calibration)
        )


def build_dataset(
    outcome: Outcome,
    sources: Path,
    now: datetime,
    features: Sequence[str],
    known_features: Collection[str],
    frame_of: FrameOf,
    split: Split,
) -> Dataset:
    """Label, split and fetch the features of every row, in one call of ``frame_of``.

    Raises DatasetRefused: ``leak_column`` for a column that is no feature of the catalog, ``no_outcomes``
    when a part would be empty or hold one kind of outcome only, ``frame_rows`` for a frame that lost rows.
    """
    import pandas as pd

    refuse_leaks(features, known_features)
    mature = outcome.rows(sources, now)
    _need_both(mature, "outcome")
    test, split_at = _test_rows(mature, split)
    learnable, share = outcome.learn(sources, split_at)
    learnable = learnable[(learnable.known_at <= split_at) & ~learnable.group.isin(test.group)]
    parts = (*_in_time_order(learnable, split), test)
    for name, rows in zip(("fit", "stop", "calibration", "test"), parts, strict=True):
        _need_both(rows, name)
    table = fetch(outcome.entity, pd.concat(parts), features, frame_of)
    fit, stop, calibration, tested = (_part(rows, table, features) for rows in parts)
    return Dataset(fit, stop, stop if split.calibration_share == 0 else calibration, tested, split_at, share)


def refuse_leaks(features: Sequence[str], known_features: Collection[str]) -> None:
    """Raise DatasetRefused for a column that the catalog doesn't compute as of a moment."""
    for name in features:
        if name not in known_features:
            zh, en = (
                f"{name} 不是特征目录中的特征，可能泄漏结果",
                f"{name} is no feature of the catalog and may leak",
            )
            raise DatasetRefused("leak_column", name, zh, en)


def fetch(entity: str, rows: pd.DataFrame, features: Sequence[str], frame_of: FrameOf) -> pd.DataFrame:
    """Return the features of distinct rows, indexed by entity_id and as_of; every row once."""
    asked = rows[KEYS].drop_duplicates().reset_index(drop=True)
    table = frame_of(entity, asked, list(features))
    found = table.set_index(KEYS)[list(features)]
    if len(table) != len(asked) or not found.index.is_unique:
        zh, en = "特征表的行数与请求不符", "the feature frame lost or repeated rows"
        raise DatasetRefused("frame_rows", entity, zh, en)
    return found


def _test_rows(rows: pd.DataFrame, split: Split) -> tuple[pd.DataFrame, datetime]:
    """The test rows and the moment of the first of them; groups are never torn apart."""
    if split.test_at is not None:
        return rows[rows.as_of == split.test_at], split.test_at
    starts = rows.groupby("group").as_of.min().sort_values(kind="stable")
    start = starts.iloc[int(np.floor(len(starts) * (1 - split.test_share)))]
    return rows[rows.group.map(starts) >= start], start.to_pydatetime()


def _in_time_order(rows: pd.DataFrame, split: Split) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Cut into fit, stop and calibration between moments, so that equal moments stay on one side."""
    starts = rows.group.map(rows.groupby("group").as_of.min())
    ordered = starts.sort_values(ignore_index=True)
    if ordered.empty:
        return rows, rows, rows

    def after(share: float) -> pd.Series[bool]:
        first: pd.Timestamp = ordered[min(int(len(ordered) * share), len(ordered) - 1)]
        return starts.ge(first)

    stopping = after(1 - split.stop_share - split.calibration_share)
    if split.calibration_share == 0:
        return rows[~stopping], rows[stopping], rows[stopping]
    calibrating = after(1 - split.calibration_share)
    return rows[~stopping], rows[stopping & ~calibrating], rows[calibrating]


def _part(rows: pd.DataFrame, table: pd.DataFrame, features: Sequence[str]) -> Part:
    import pandas as pd

    keys = pd.MultiIndex.from_frame(rows[KEYS])
    return Part(table.reindex(keys)[list(features)].reset_index(), rows.label.to_numpy(dtype=bool))


def _need_both(rows: pd.DataFrame, name: str) -> None:
    if rows.label.nunique() < 2:
        zh, en = f"{name} 中没有两种结果的记录", f"{name} holds no rows of both outcomes"
        raise DatasetRefused("no_outcomes", name, zh, en)
