"""From columns to the matrix that every model of a flat file reads.

What needs no outcome (numbers, durations, parts of dates, common values) is computed once. What does, the
frequency of the outcome by category, is computed within the rows learned from: for those rows themselves
from earlier rows where there is a time, else out of fold, so that no row's own outcome enters its features,
nor that of a row that belongs together with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.arrays import Bools, Floats, log_odds
from training.flat.split import Rows
from training.leak_evidence import as_numbers, gap_days
from training.tables.columns import Column

Codes = NDArray[np.int64]

ONE_HOT = 12  # a category with more values than this isn't spread into columns
_LEAST_SHARE = 0.005
_INNER_FOLDS = 5
_PRIOR_ROWS = 12.0
_PERIODS = 12  # that the rows learned from are cut into, to tell how the outcome's rate moved


@dataclass(frozen=True)
class Design:
    """Label-free features ``base`` (n, p), their names, and the codes (n,) of each category, 0 for unseen.

    ``units`` (n,) number what belongs together; ``moments`` (n,) order the rows where there is a time.
    """

    base: Floats
    base_names: tuple[str, ...]
    codes: Mapping[str, Codes]
    units: Rows
    moments: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the whole matrix's columns."""
        return (*self.base_names, *(f"{name} · rate" for name in self.codes))

    def matrices(self, labels: Bools, learn: Rows, *others: Rows, seed: int = 0) -> list[Floats]:
        """Return the matrix of the rows learned from, then of each of the others."""
        _, unit = np.unique(self.units[learn], return_inverse=True)
        fold = (np.random.default_rng(seed).permutation(unit.max() + 1) % _INNER_FOLDS)[unit]
        parts = [[self.base[rows]] for rows in (learn, *others)]
        for codes in self.codes.values():
            width = int(codes.max()) + 1
            if self.moments is None:
                own, rates = _rates(codes[learn], labels[learn], fold, width)
            else:
                own, rates = _lifts(codes[learn], unit, labels[learn], self.moments[learn], width)
            parts[0].append(own[:, None])
            for part, rows in zip(parts[1:], others, strict=True):
                part.append(rates[codes[rows]][:, None])
        return [np.ascontiguousarray(np.hstack(part)) for part in parts]


def _rates(codes: Codes, labels: Bools, fold: Codes, width: int) -> tuple[Floats, Floats]:
    """Log-odds by category: for these rows out of fold (n,), and for other rows by code (width,)."""
    rows = np.bincount(codes * _INNER_FOLDS + fold, minlength=width * _INNER_FOLDS).reshape(width, -1)
    hits = np.bincount(codes * _INNER_FOLDS + fold, weights=labels, minlength=width * _INNER_FOLDS)
    hits = hits.reshape(width, -1)
    base = float(labels.mean())

    def smoothed(hit: Any, row: Any) -> Floats:
        return log_odds((hit + _PRIOR_ROWS * base) / (row + _PRIOR_ROWS), 1e-4)

    out = smoothed(hits.sum(1, keepdims=True) - hits, rows.sum(1, keepdims=True) - rows)
    return out[codes, fold], smoothed(hits.sum(1), rows.sum(1))


def _lifts(codes: Codes, units: Rows, labels: Bools, moments: Any, width: int) -> tuple[Floats, Floats]:
    """Log of the outcomes by category over those that its moments led to expect.

    For these rows (n,) from rows of earlier moments and other units, and for other rows by code (width,) from
    all. A raw rate would follow the market: a category of good months would look like a good category.
    """
    hit: Floats = labels.astype(np.float64)
    expected = _market(labels, moments)
    counted = np.column_stack([hit, expected])
    prior = _PRIOR_ROWS * float(labels.mean())

    def lift(happened: Any, hoped: Any) -> Floats:
        return np.asarray(np.log((happened + prior) / (hoped + prior)), dtype=np.float64)

    own = _before(codes * (units.max() + 1) + units, moments, counted)
    earlier = np.maximum(_before(codes, moments, counted) - own, 0)
    return lift(*earlier.T), lift(np.bincount(codes, hit, width), np.bincount(codes, expected, width))


def _before(keys: Codes, moments: Any, counted: Floats) -> Floats:
    """Sum what is counted (n, k) over the rows of the same key at earlier moments (n, k)."""
    order = np.lexsort((moments, keys))
    new_key = np.append(True, np.diff(keys[order]) != 0)
    new_moment = new_key | np.append(True, np.diff(moments[order]) != 0)
    places = np.arange(len(order))
    first = np.maximum.accumulate(np.where(new_key, places, 0))
    here = np.maximum.accumulate(np.where(new_moment, places, 0))
    sums = np.cumsum(counted[order], axis=0) - counted[order]
    found = np.empty_like(counted)
    found[order] = sums[here] - sums[first]
    return found


def _market(labels: Bools, moments: Any) -> Floats:
    """The rate of the outcome around each row's moment (n,)."""
    places = np.argsort(np.argsort(moments, kind="stable"), kind="stable")
    block = places * _PERIODS // len(labels)
    rows = np.bincount(block, minlength=_PERIODS)
    rates = np.bincount(block, weights=labels, minlength=_PERIODS) / np.maximum(rows, 1)
    return np.asarray(rates[block], dtype=np.float64)


def design(
    columns: Mapping[str, Column], time: Column | None, learn: Rows, units: Rows, moments: Any = None
) -> Design:
    """Lay out the columns; the rows learned from tell which values are common, and which numbers vary."""
    blocks: dict[str, Floats] = {}
    codes: dict[str, Codes] = {}
    for name, column in columns.items():
        if column.kind == "number":
            blocks[name] = column.values.to_numpy(dtype=float)
        elif column.kind == "moment":
            blocks.update(moment_blocks(column, time))
        elif column.kind == "text":
            words = column.values.fillna("").astype(str)
            blocks[f"{name} · length"] = np.asarray(words.str.len(), dtype=np.float64)
        elif column.kind == "category":
            spread, own = _of_category(column, learn, units if moments is None else None)
            blocks.update(spread)
            if own is not None:
                codes[name] = own
    if time is not None and time.kind == "moment":
        blocks.update(calendar_blocks(time))
    kept = {name: values for name, values in blocks.items() if _varies(values[learn])}
    base = np.column_stack(list(kept.values())) if kept else np.empty((_length(columns), 0))
    return Design(np.asarray(base, dtype=float), tuple(kept), codes, units, moments)


def bayes_frame(columns: Mapping[str, Column], time: Column | None) -> Any:
    """Return what the frequency table counts: numbers, dates as days, and categories, as a data frame."""
    import pandas as pd

    shown = {}
    for name, column in columns.items():
        numbers = as_numbers(column, time)
        if column.kind == "category":
            shown[name] = column.values.astype(object)
        elif column.kind in ("number", "moment") and numbers is not None:
            shown[name] = pd.Series(numbers)
    return pd.DataFrame(shown)


def _length(columns: Mapping[str, Column]) -> int:
    return len(next(iter(columns.values())).values)


def _varies(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return known.size > 0 and (known.size < values.size or bool((known != known[0]).any()))


def moment_blocks(column: Column, time: Column | None) -> dict[str, Floats]:
    """Return what a date becomes: days from the row's moment, or its day and what recurs."""
    gap = gap_days(column, time)
    if gap is not None:
        return {f"{column.name} · days": gap}
    since = as_numbers(column, None)
    return {f"{column.name} · day": since, **calendar_blocks(column)} if since is not None else {}


def calendar_blocks(column: Column) -> dict[str, Floats]:
    """Day of the week and, where it differs, hour: what recurs, not what only drifts."""
    moments = column.values
    found = {f"{column.name} · weekday": moments.dt.dayofweek, f"{column.name} · hour": moments.dt.hour}
    return {name: values.to_numpy(dtype=float) for name, values in found.items()}


def _of_category(column: Column, learn: Rows, units: Rows | None) -> tuple[dict[str, Floats], Codes | None]:
    """Columns of common values or a count of others, and the codes of all where there are more than two.

    Counted are the other units with the value, not rows: how many rows a unit has would tell it apart.
    """
    counts = column.values.iloc[learn].fillna("").value_counts()
    values = column.values.fillna("")
    numbers = {value: code + 1 for code, value in enumerate(counts.index)}
    codes = values.map(numbers).fillna(0).to_numpy(dtype=np.int64)
    common = counts.index[counts.to_numpy() >= max(3, _LEAST_SHARE * len(learn))]
    spread: dict[str, Floats] = {}
    if len(counts) <= ONE_HOT:
        chosen = common[1:] if len(counts) == 2 else common
        spread = {
            f"{column.name} = {value or '∅'}": (values == value).to_numpy(dtype=float) for value in chosen
        }
    elif units is not None:  # in time, how many rows a value has by now tells how long its subject stayed
        pairs = np.unique(np.column_stack([codes[learn], units[learn]]), axis=0)
        others = np.bincount(pairs[:, 0], minlength=len(counts) + 1)[codes]
        others[learn] -= 1
        spread = {f"{column.name} · others": np.log1p(others).astype(float)}
    return spread, codes if len(counts) > 2 else None
