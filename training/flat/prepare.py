"""Before anything is learned: a table read, guarded against leaks, and split."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.arrays import Bools
from training.flat.matrix import Design, bayes_frame, design
from training.flat.split import HeldOut, Rows, hold_out, units_of
from training.leak_guard import find_leaks, known_at_columns
from training.leak_words import Refusal
from training.tables.columns import Column, read_columns
from training.tables.errors import TableRefused
from training.tables.reading import table_of
from training.tables.target import Target, read_target

Progress = Callable[[str, float], None]
"""(what is being done, share of it that is done, 0 to 1)."""


@dataclass(frozen=True)
class Question:
    """What is asked of a table."""

    target: str
    time: str | None = None
    group: str | None = None
    test_share: float = 0.25
    budget: float = 60.0
    seed: int = 7

    def __post_init__(self) -> None:
        """Raise TableRefused for a share outside [0.05, 0.6], a negative budget and a column named twice."""
        if not 0.05 <= self.test_share <= 0.6:
            raise TableRefused("option_range", "test-share", "0.05–0.6")
        if not 0 <= self.budget <= 86_400:
            raise TableRefused("option_range", "budget", "0–86400")
        names = [name for name in (self.target, self.time, self.group) if name is not None]
        if len(set(names)) < len(names):
            raise TableRefused("same_column", names[-1])


@dataclass(frozen=True)
class Prepared:
    """A table read, guarded and split, before anything is learned from it.

    ``labels`` (n,), ``units`` (n,) and ``moments`` (n,) are of the rows with an outcome; ``used`` are the
    columns to learn from.
    """

    target: Target
    labels: Bools
    units: Rows
    moments: Any
    time: Column | None
    used: Mapping[str, Column]
    refused: Mapping[str, Refusal]
    ignored: Mapping[str, str]
    kinds: Mapping[str, str]
    held: HeldOut
    seconds: float

    def frame(self) -> Any:
        """Return the columns to learn from as a data frame: numbers, dates as days, and categories."""
        return bayes_frame(self.used, self.time)


def lay_out(given: Prepared) -> Design:
    """Return the columns to learn from as numbers."""
    held = given.held
    moments = given.moments if held.by == "time" else None
    return design(given.used, given.time, held.learn, given.units, moments)


def prepare(frame: Any, question: Question) -> Prepared:
    """Read, guard and split a data frame (pandas). Raises TableRefused."""
    return prepare_table(table_of(frame), question)


def prepare_table(
    table: Any, question: Question, progress: Progress = lambda _stage, _share: None
) -> Prepared:
    """Read, guard and split an Arrow table. Raises TableRefused."""
    started = clock.perf_counter()
    for name in (question.target, question.time, question.group):
        if name is not None and name not in table.column_names:
            raise TableRefused("column_missing", name, ", ".join(table.column_names[:40]))
    target = read_target(question.target, table.column(question.target))
    if not target.known.all():
        table = table.filter(_mask(target.known))
    labels = target.labels[target.known]
    columns = read_columns(table.drop_columns([question.target]))
    time = _time(columns, question.time)
    moments = _moments(time)
    group = columns[question.group].values if question.group is not None else None
    units = units_of([labels, *(column.values for column in columns.values())], group)
    progress("guard", 0.0)
    refused = find_leaks(columns, labels, np.ones(len(labels), bool), question.time, question.group)
    used, ignored = _chosen(columns, refused, question, moments)
    held = hold_out(labels, units, moments, group is not None, question.test_share, question.seed)
    kinds = {name: column.kind for name, column in columns.items()}
    seconds = clock.perf_counter() - started
    return Prepared(target, labels, units, moments, time, used, refused, ignored, kinds, held, seconds)


def _chosen(
    columns: Mapping[str, Column], refused: Mapping[str, Refusal], question: Question, moments: Any
) -> tuple[dict[str, Column], dict[str, str]]:
    """The columns to learn from, and why others are not."""
    used, ignored = {}, {}
    witnesses = known_at_columns(columns).values()
    for name, column in columns.items():
        if name == question.time or name == question.group:
            ignored[name] = "time" if name == question.time else "group"
        elif name in witnesses:
            ignored[name] = "known_at"
        elif name not in refused:
            if column.kind == "category" and _is_subject(column, moments):
                ignored[name] = "subject"
            elif column.useful:
                used[name] = column
            else:
                ignored[name] = column.kind
    if not used:
        raise TableRefused("no_features", "table", ", ".join(columns))
    return used, ignored


def _is_subject(column: Column, moments: Any) -> bool:
    """Tell a key of snapshots: many rows a moment, each value once in each, and back at later ones.

    How often a subject's other rows had the outcome says when its rows end, not whether they will.
    """
    if moments is None or len(np.unique(moments)) * 5 > len(moments):
        return False
    import pandas as pd

    pairs = pd.DataFrame({"value": column.values, "moment": moments}).dropna()
    once = len(pairs.drop_duplicates()) > 0.995 * len(pairs)
    return once and len(pairs) >= 1.5 * pairs.value.nunique() and pairs.value.nunique() > 50


def _time(columns: Mapping[str, Column], name: str | None) -> Column | None:
    """The time column; it may hold dates, or numbers that rise with time."""
    if name is None:
        return None
    column = columns[name]
    if column.kind == "constant":
        return None
    if column.values.dtype.kind not in "fM" or column.values.isna().mean() > 0.2:
        some = ", ".join(str(value) for value in column.values.dropna().unique()[:3])
        raise TableRefused("time_values", name, some or "∅")
    return column


def _moments(time: Column | None) -> Any:
    """What orders the rows (n,); a row without a moment counts as the earliest."""
    if time is None:
        return None
    values = time.values.fillna(time.values.min())
    return values.to_numpy(dtype="int64" if time.kind == "moment" else float)


def _mask(known: Bools) -> Any:
    import pyarrow as pa

    return pa.array(known)
