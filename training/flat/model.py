"""A flat file's model for rows to come: how cells are read, what they become, and who answers.

Everything that training took from its table is frozen here as plain numbers and texts: what kind each column
is, the numbers that each value of a category stands for, the models, their weights and their calibration. So
a new file is read as the one learned from, however few rows it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.arrays import Floats
from training.flat.blend import Blend, Levels
from training.flat.matrix import calendar_blocks, moment_blocks
from training.flat.members import Member
from training.flat.prepare import Prepared, lay_out
from training.flat.split import Rows
from training.tables.cells import numbers_of
from training.tables.columns import Column, Kind, read_column
from training.tables.dates import moments_of
from training.tables.errors import TableRefused
from training.tables.words import NOTHING, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

WITNESSES = 200
_READABLE = 0.5  # of the cells that are filled; a column of fewer is another column
_UNSEEN = "\\0"


@dataclass(frozen=True)
class Reading:
    """How a column is read. ``witnesses`` are cells of the first table: read beside new ones, they settle
    what a few cells leave open, such as whether 5/3 is in March or in May."""

    kind: Kind
    witnesses: tuple[str, ...] = ()

    @classmethod
    def learn(cls, kind: Kind, data: pa.ChunkedArray) -> Reading:
        """Keep what the reading of a column of this kind needs."""
        if kind not in ("number", "moment") or not _is_text(data):
            return cls(kind)
        told = sorted(word for word in pc.unique(_words(data)).to_pylist() if word and not _unknown(word))
        places = np.unique(np.linspace(0, len(told) - 1, min(WITNESSES, len(told))).astype(int))
        return cls(kind, tuple(told[place] for place in places))

    def read(self, name: str, data: pa.ChunkedArray) -> Column:
        """Read a new table's column. Raises TableRefused ``column_kind`` when it can't be read so."""
        if not _is_text(data):
            column = read_column(name, data)
            if column.values.dtype.kind != {"number": "f", "moment": "M"}.get(self.kind, "O"):
                raise TableRefused("column_kind", name, self.kind)
            return replace(column, kind=self.kind)
        import pandas as pd

        words = pd.Series(_words(data).to_pylist(), dtype=object)
        plain = words.str.casefold()
        told = words.notna() & ~plain.isin(NOTHING)
        if self.kind in ("number", "moment"):
            values = self._parsed(name, words[told & ~plain.isin(UNKNOWN)]).reindex(words.index)
        else:
            values = words.where(told, None)
        return Column(name, self.kind, values, values.notna().to_numpy(dtype=bool))

    def _parsed(self, name: str, words: pd.Series[Any]) -> pd.Series[Any]:
        import pandas as pd

        cells = pd.Series([*self.witnesses, *words.unique()], dtype=object)
        read = (numbers_of if self.kind == "number" else moments_of)(cells)
        if read is None:
            raise TableRefused("column_kind", name, self.kind)
        found = dict(zip(cells, read, strict=True))
        parsed = words.map(found)
        if len(parsed) and parsed.notna().mean() < _READABLE:
            raise TableRefused("column_kind", name, self.kind)
        return parsed.astype(float) if self.kind == "number" else parsed.astype("datetime64[us]")


@dataclass(frozen=True)
class Category:
    """The numbers (values + 1, names) that each value stands for; the last row is for any other value."""

    names: tuple[str, ...]
    values: tuple[str, ...]
    table: Floats

    @cached_property
    def _place(self) -> dict[str, int]:
        return {value: place for place, value in enumerate(self.values)}

    def blocks(self, column: Column) -> dict[str, Floats]:
        """Return the numbers (n,) of a column's cells by name."""
        places = column.values.fillna("").map(self._place).fillna(len(self.values)).to_numpy(dtype=int)
        return {name: self.table[places, at] for at, name in enumerate(self.names)}


@dataclass(frozen=True)
class Part:
    """One weighted answer: the mean log-odds of its members; none where its weight is nothing."""

    weight: float
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Fitted:
    """A blend's probabilities (n_test,), what is worth knowing of it, and what scores other rows."""

    probabilities: Floats
    importance: Mapping[str, float]
    trials: int
    weights: Mapping[str, float]
    names: Sequence[str]
    learn: Rows
    parts: tuple[Part, ...]
    blend: Blend
    levels: Levels


@dataclass(frozen=True)
class FlatModel:
    """Scores rows of tables like the one that it was learned from."""

    target: str
    positive: str
    time: str | None
    readings: Mapping[str, Reading]
    categories: Mapping[str, Category]
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    blend: Blend
    levels: Levels

    def probabilities(self, table: pa.Table) -> Floats:
        """Return the probability (n,) of the positive outcome. Raises TableRefused."""
        return self.answer(self.matrix(table))

    def answer(self, matrix: Floats) -> Floats:
        """Return the probability (n,) of rows as numbers (n, names)."""
        raws = [
            np.mean([member.raw(matrix) for member in part.members], axis=0)
            if part.members
            else np.zeros(len(matrix))
            for part in self.parts
        ]
        return self.blend.apply(np.column_stack(raws), self.levels)

    def matrix(self, table: pa.Table) -> Floats:
        """Return a table as numbers (n, names). Raises TableRefused for a column that is missing."""
        for name in self.readings:
            if name not in table.column_names:
                raise TableRefused("column_missing", name, ", ".join(table.column_names[:40]))
        columns = {name: one.read(name, table.column(name)) for name, one in self.readings.items()}
        time = columns.get(self.time) if self.time else None
        blocks: dict[str, Floats] = {}
        if time is not None and time.kind == "moment":
            blocks.update(calendar_blocks(time))
        for name, column in columns.items():
            if name in self.categories:
                blocks.update(self.categories[name].blocks(column))
            elif name != self.time:
                blocks.update(_plain_blocks(column, time))
        return np.column_stack([blocks[name] for name in self.names])


def freeze(table: pa.Table, given: Prepared, target: str, fitted: Fitted) -> FlatModel:
    """Return what a training learned from ``table`` as a model of its own."""
    columns = {**given.used, **({given.time.name: given.time} if given.time is not None else {})}
    categories = {
        name: _category(column, given, fitted)
        for name, column in given.used.items()
        if column.kind == "category"
    }
    return FlatModel(
        target=target,
        positive=given.target.positive,
        time=given.time.name if given.time is not None else None,
        readings={name: Reading.learn(column.kind, table.column(name)) for name, column in columns.items()},
        categories=categories,
        names=tuple(fitted.names),
        parts=fitted.parts,
        blend=fitted.blend,
        levels=fitted.levels,
    )


def _category(column: Column, given: Prepared, fitted: Fitted) -> Category:
    """Lay out one row more for each value, and one for a value that is new, and see what they become."""
    import pandas as pd

    values = tuple(sorted(column.values.iloc[fitted.learn].fillna("").unique()))
    more = len(values) + 1
    cells = pd.concat([column.values, pd.Series([*values, _UNSEEN], dtype=object)], ignore_index=True)
    longer = Column(column.name, "category", cells, np.append(column.filled, np.ones(more, dtype=bool)))
    rows: Rows = np.arange(len(column.values), len(cells))
    alone = replace(
        given,
        used={column.name: longer},
        time=None,
        labels=np.append(given.labels, np.zeros(more, dtype=bool)),
        units=np.append(given.units, given.units.max() + 1 + np.arange(more)),
        moments=None if given.moments is None else np.append(given.moments, [given.moments.max()] * more),
    )
    laid = lay_out(alone)
    if not laid.names:
        return Category((), values, np.zeros((more, 0)))
    table = laid.matrices(alone.labels, fitted.learn, rows)[1]
    return Category(laid.names, values, table)


def _plain_blocks(column: Column, time: Column | None) -> dict[str, Floats]:
    if column.kind == "moment":
        return moment_blocks(column, time)
    if column.kind == "text":
        words = column.values.fillna("").astype(str)
        return {f"{column.name} · length": np.asarray(words.str.len(), dtype=np.float64)}
    return {column.name: column.values.to_numpy(dtype=float)}


def _is_text(data: pa.ChunkedArray) -> bool:
    kind = data.type.value_type if pa.types.is_dictionary(data.type) else data.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def _words(data: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_trim_whitespace(data.cast(pa.string()))


def _unknown(word: str) -> bool:
    return word.casefold() in NOTHING or word.casefold() in UNKNOWN
