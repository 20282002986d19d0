"""Which rows are held for the report, and how the others are folded: by time, by group, or by chance.

What belongs together stays together: rows of one group, and exact copies of one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from training.arrays import Bools
from training.tables.errors import TableRefused

Rows = NDArray[np.int64]
Fold = tuple[Rows, Rows]
By = Literal["time", "group", "chance"]

FOLDS = 5
LEAST_ROWS, LEAST_OUTCOMES = 30, 4
_FIRST_BLOCK = 0.35  # the oldest rows, which no fold in time is measured on
_WIDEST = 1.8  # how far a cut between moments may miss the share that was asked for


@dataclass(frozen=True)
class HeldOut:
    """Rows to learn from, in order of time where there is one, rows to test on, and how they were split."""

    learn: Rows
    test: Rows
    by: By


def hold_out(
    labels: Bools, units: Rows, moments: NDArray[Any] | None, grouped: bool, share: float, seed: int
) -> HeldOut:
    """Hold the last ``share`` in time, or a seeded random share of the units where there is no time.

    ``units`` (n,) number what belongs together, ``moments`` (n,) order the rows. With both a time and a
    group the latest groups by their first row are held, whole; where first rows tell nothing apart, a
    seeded share of the groups. Raises TableRefused ``too_few_rows``.
    """
    by: By = "group" if grouped else "chance"
    test = None
    if moments is not None:
        starts = _starts(units, moments) if grouped else moments
        test = _latest(starts, share)
        by = "time" if test is not None else by
    if test is None:
        test = _drawn(labels, units, share, seed)
    learn = np.flatnonzero(~test)
    if moments is not None:
        learn = learn[np.argsort(moments[learn], kind="stable")]
    held = HeldOut(learn, np.flatnonzero(test), by)
    _need_enough(labels[held.learn], labels[held.test])
    return held


def folds_of(
    labels: Bools, units: Rows, moments: NDArray[Any] | None, by: By, seed: int, count: int = FOLDS
) -> list[Fold]:
    """Fold the rows learned from: forward in time, each block after what it learns from, or by units."""
    if by == "time" and moments is not None:
        forward = _forward(units, moments, count)
        if len(forward) >= 2 and all(_both(labels, learn) and _both(labels, held) for learn, held in forward):
            return forward
    fold = _dealt(labels, np.unique(units, return_inverse=True)[1], count, seed)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]


def units_of(columns: list[Any], groups: Any | None) -> Rows:
    """Number the rows by group, or by their whole content where there is none: copies get one number."""
    import pandas as pd

    if groups is not None:
        codes, _ = pd.factorize(pd.Series(groups).astype(object).where(pd.notna(groups), "∅"))
        return np.asarray(codes, dtype=np.int64)
    content: NDArray[Any] = np.zeros(len(columns[0]), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            values = pd.Series(column).reset_index(drop=True)
            own = pd.util.hash_pandas_object(values, index=False).to_numpy()
            content = content * np.uint64(1_000_003) + own
    return np.asarray(pd.factorize(content)[0], dtype=np.int64)


def _starts(units: Rows, moments: NDArray[Any]) -> NDArray[Any]:
    first = np.full(int(units.max()) + 1, moments.max(), dtype=moments.dtype)
    np.minimum.at(first, units, moments)
    return np.asarray(first[units])


def _latest(moments: NDArray[Any], share: float) -> Bools | None:
    """The last share of rows; equal moments stay on one side. None where moments don't tell rows apart."""
    values, rows = np.unique(moments, return_counts=True)
    if len(values) < 2:
        return None
    after = np.cumsum(rows[::-1])[::-1] / len(moments)  # share of rows at or after each moment
    cut = int(np.argmin(np.abs(after[1:] - share))) + 1
    if not share / _WIDEST <= after[cut] <= min(share * _WIDEST, 0.9):
        return None
    return np.asarray(moments >= values[cut])


def _drawn(labels: Bools, units: Rows, share: float, seed: int) -> Bools:
    """A seeded share of rows in whole units, of both outcomes alike."""
    size, mostly = _sizes(labels, units)
    order = np.random.default_rng(seed).permutation(len(size))
    drawn = np.zeros(len(size), dtype=bool)
    for stratum in (order[mostly[order]], order[~mostly[order]]):
        if stratum.size:
            rows = np.cumsum(size[stratum])
            drawn[stratum[: int(np.argmin(np.abs(rows - share * rows[-1]))) + 1]] = True
    return np.asarray(drawn[units])


def _dealt(labels: Bools, units: Rows, count: int, seed: int) -> Rows:
    """Deal units into ``count`` parts of about equal rows, of both outcomes alike."""
    size, mostly = _sizes(labels, units)
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(size))
    # units alike in outcome and size follow one another, so each part gets its share of every sort
    order = shuffled[np.lexsort((size[shuffled], mostly[shuffled]))]
    rounds = -(-len(size) // count)
    part = np.empty(len(size), dtype=np.int64)
    part[order] = np.concatenate([generator.permutation(count) for _ in range(rounds)])[: len(size)]
    return np.asarray(part[units])


def _sizes(labels: Bools, units: Rows) -> tuple[Rows, Bools]:
    """Rows of every unit, and whether most of them are positive."""
    size = np.bincount(units)
    hits = np.bincount(units, weights=labels)
    return size, np.asarray(2 * hits > size)


def _forward(units: Rows, moments: NDArray[Any], count: int) -> list[Fold]:
    order = np.argsort(moments, kind="stable")
    cuts = (np.linspace(_FIRST_BLOCK, 1, count) * len(order)).astype(int)
    folds = []
    for start, end in pairwise(cuts.tolist()):
        held = order[start:end]
        learn = order[:start]
        learn = learn[~np.isin(units[learn], units[held])]
        folds.append((learn, held))
    return folds


def _both(labels: Bools, rows: Rows) -> bool:
    return len(rows) >= 10 and int(labels[rows].sum()) >= 3 and int((~labels[rows]).sum()) >= 3


def _need_enough(learn: Bools, test: Bools) -> None:
    for part in (learn, test):
        fewest = min(int(part.sum()), int((~part).sum()))
        if fewest < LEAST_OUTCOMES or len(learn) < LEAST_ROWS:
            detail = (
                f"{len(learn):,} + {len(test):,} rows, {int(learn.sum()):,} + {int(test.sum()):,} positive"
            )
            raise TableRefused("too_few_rows", "target", detail)
