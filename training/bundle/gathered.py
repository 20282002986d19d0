"""From effects of features to reasons of meanings: one for each thing that people would name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crm_store.domain.scores import Reason
from features.meanings import gathered
from training.arrays import Floats

LEAST = 0.05  # points: what moves a score by less is no reason, and stays with the base
LEAST_CONTRAST = 0.005  # percentage points: what is told of candidates adds up to what is told apart


class Gatherer:
    """Sums the effects of features that mean the same; each sum is told by its strongest feature."""

    def __init__(self, features: Sequence[str]) -> None:
        self._features = tuple(features)
        meanings = list(gathered(features).values())
        self._columns = np.array([column for columns in meanings for column in columns])
        self._starts = np.cumsum([0, *map(len, meanings)])[:-1]
        self._meaning = np.repeat(np.arange(len(meanings)), [len(columns) for columns in meanings])

    def reasons(
        self, rows: Sequence[Mapping[str, Any]], effects: Floats, least: float = LEAST
    ) -> list[tuple[Reason, ...]]:
        """Return every row's reasons from effects (n, features) in points, strongest first, of ``least`` up.

        The feature that tells a meaning is the one with the largest effect in the direction of the sum.
        """
        side_by_side = effects[:, self._columns]
        sums = np.add.reduceat(side_by_side, self._starts, axis=1)
        along = side_by_side * np.sign(sums)[:, self._meaning]
        largest = np.maximum.reduceat(along, self._starts, axis=1)[:, self._meaning]
        places = np.where(along == largest, np.arange(len(self._columns)), len(self._columns))
        tellers = self._columns[np.minimum.reduceat(places, self._starts, axis=1)]
        order = np.argsort(-np.abs(sums), axis=1, kind="stable")
        counts = (np.abs(sums) >= least).sum(axis=1).tolist()
        told = np.take_along_axis(tellers, order, axis=1).tolist()
        points = np.take_along_axis(sums, order, axis=1).tolist()
        return [
            self._named(row, features[:count], own[:count])
            for row, features, own, count in zip(rows, told, points, counts, strict=True)
        ]

    def _named(self, row: Mapping[str, Any], features: list[int], points: list[float]) -> tuple[Reason, ...]:
        names = [self._features[k] for k in features]
        return tuple(Reason(name, row.get(name), effect) for name, effect in zip(names, points, strict=True))
