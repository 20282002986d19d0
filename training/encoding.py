"""From rows of features to the matrix that a booster reads: numbers as they are, categories by a stored map.

The maps are explicit and travel in the bundle, so a category means the same number in training and in
serving. A value that training never saw is missing, and so is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arrays import Floats

if TYPE_CHECKING:
    import pandas as pd

RARE = 20  # a category with fewer rows than this teaches a tree only noise, and counts as missing


@dataclass(frozen=True)
class Encoding:
    """Feature names in the booster's column order, and the known values of those that are categories."""

    features: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @cached_property
    def codes(self) -> list[dict[str, float] | None]:
        """For each feature the number of every known value, None for a number."""
        known = (self.categories.get(name) for name in self.features)
        return [
            None if values is None else {value: float(code) for code, value in enumerate(values)}
            for values in known
        ]

    @property
    def categorical(self) -> list[int]:
        """Positions of the category columns."""
        return [k for k, name in enumerate(self.features) if name in self.categories]

    def matrix(self, signals: Sequence[Mapping[str, object]]) -> Floats:
        """Return the matrix (n, features) of rows of name → value. Raises ValueError for text as number."""
        try:
            return self._matrix(signals)
        except KeyError:  # a name is missing somewhere
            return self._matrix([{name: row.get(name) for name in self.features} for row in signals])

    def _matrix(self, signals: Sequence[Mapping[str, object]]) -> Floats:
        """Return the matrix of rows that hold every name; no step of it is Python's for each cell."""
        matrix = np.empty((len(signals), len(self.features)))
        numbers = [k for k, codes in enumerate(self.codes) if codes is None]
        if numbers:
            cells = chain.from_iterable(map(_getter([self.features[k] for k in numbers]), signals))
            block = np.fromiter(cells, np.float64, len(signals) * len(numbers))
            together = slice(numbers[0], numbers[-1] + 1) if _in_a_row(numbers) else numbers
            matrix[:, together] = block.reshape(len(signals), len(numbers))
        for k, (name, codes) in enumerate(zip(self.features, self.codes, strict=True)):
            if codes is not None:
                values = map(codes.get, map(itemgetter(name), signals), repeat(np.nan))
                matrix[:, k] = np.fromiter(values, np.float64, len(signals))
        return matrix

    def matrix_of_frame(self, frame: pd.DataFrame) -> Floats:
        """Return the same matrix of a data frame's columns."""
        columns = (
            (frame[name] if codes is None else frame[name].map(codes)).to_numpy(dtype=float, na_value=np.nan)
            for name, codes in zip(self.features, self.codes, strict=True)
        )
        return np.column_stack(list(columns))


def _getter(names: Sequence[str]) -> Callable[[Mapping[str, object]], Iterable[Any]]:
    """Return what takes the values of several names out of a row; for one name also as a tuple."""
    return itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)


def _in_a_row(places: Sequence[int]) -> bool:
    return places[-1] - places[0] == len(places) - 1


def is_number(column: pd.Series) -> bool:
    """Tell a column of numbers or flags from a column of categories."""
    return column.dtype.kind in "fiub"


def learn_encoding(frame: pd.DataFrame, features: Sequence[str], rare: int = RARE) -> Encoding:
    """Take every column of text as a category, its values by falling frequency, then by name."""
    categories = {}
    for name in features:
        if not is_number(frame[name]):
            counts = frame[name].value_counts()
            common = {str(value): int(rows) for value, rows in counts.items() if rows >= rare}
            categories[name] = tuple(sorted(common, key=lambda value: (-common[value], value)))
    return Encoding(tuple(features), categories)
