"""What a column says about the outcome on its own: how strongly, where it is filled, when it was written.

Every strength is cross-fitted: a row's own outcome never enters the frequency that it is judged by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.arrays import Bools, Floats, log_odds
from training.evaluation import auc
from training.tables.columns import Column

Codes = NDArray[np.int64]

FOLDS = 5
_BINS = 24
_ROWS_PER_BIN = 12
_PRIOR_ROWS = 3.0  # how many rows at the base rate every frequency starts with
_STATE_SHARE = 0.15  # a value this common (no order, no refund) is a state of its own
LEAST_SEEN = 5  # texts that hold a run of letters, before it says anything
_DAY = np.timedelta64(86_400_000_000, "us")


@dataclass(frozen=True)
class State:
    """Rows in one state of a column: filled, not zero, dated after the moment, or a certain value."""

    name: str
    rows: Bools


@dataclass(frozen=True)
class Strength:
    """How well a column alone ranks the outcome; ``weights`` (n,) are cross-fitted log likelihood ratios."""

    auc: float
    error: float
    weights: Floats


def gap_days(column: Column, time: Column | None) -> Floats | None:
    """Return days from the row's moment to a date column's value (n,); None unless both are dates."""
    if time is None or time.kind != "moment" or column.kind != "moment":
        return None
    gap = column.values.to_numpy() - time.values.to_numpy()
    days = gap / _DAY
    return np.where(np.isnat(gap), np.nan, days).astype(float)


def as_numbers(column: Column, time: Column | None) -> Floats | None:
    """Return a column's order as floats (n,): numbers, days since the row's moment, or since 1970."""
    if column.kind == "moment":
        gap = gap_days(column, time)
        if gap is not None:
            return gap
        moments = column.values.to_numpy(dtype="datetime64[us]")
        days = (moments - np.datetime64(0, "us")) / _DAY
        return np.where(np.isnat(moments), np.nan, days)
    if column.values.dtype.kind == "f":
        return column.values.to_numpy(dtype=float)
    return None


def states_of(column: Column, time: Column | None) -> Iterator[State]:
    """Yield the states in which a column may tell the outcome without its value mattering."""
    filled = column.filled
    if not filled.all():
        yield State("filled", filled)
    gap = gap_days(column, time)
    if gap is not None:
        after = np.nan_to_num(gap, nan=-1.0) > 0
        if after.any() and not after.all() and not (after == filled).all():
            yield State("after", after)
    numbers = as_numbers(column, time) if column.kind == "number" else None
    if numbers is not None:
        known = numbers[~np.isnan(numbers)]
        values, rows = np.unique(known, return_counts=True)
        if len(values) > 2 and rows.max() >= _STATE_SHARE * len(known):
            common = values[rows.argmax()]
            yield State("not_common", ~np.isnan(numbers) & (numbers != common))


def strength(column: Column, labels: Bools, time: Column | None, fold: Codes) -> Strength:
    """Return how well a column alone ranks the outcome, its empty cells being a value of their own."""
    numbers = as_numbers(column, time)
    codes = categories_of(column) if numbers is None else bins_of(numbers, labels)
    return _measured(codes, labels, fold, numbers)


def _measured(codes: Codes, labels: Bools, fold: Codes, numbers: Floats | None = None) -> Strength:
    weights = cross_fitted(codes, labels, fold)
    found = auc(labels, weights) or 0.5
    if numbers is not None and (known := ~np.isnan(numbers)).mean() > 0.5:
        straight = auc(labels[known], numbers[known])
        if straight is not None:
            whole = known.mean() * max(straight, 1 - straight) + (1 - known.mean()) * 0.5
            found = max(found, float(whole))
    return Strength(found, auc_error(found, labels), weights)


def auc_error(value: float, labels: Bools) -> float:
    """Return the standard error of an AUC (Hanley and McNeil 1982)."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    variance = value * (1 - value) + (positives - 1) * (q1 - value**2) + (negatives - 1) * (q2 - value**2)
    return float(np.sqrt(max(variance, 0.0) / max(positives * negatives, 1)))


def cross_fitted(codes: Codes, labels: Bools, fold: Codes) -> Floats:
    """Return each row's log-odds by its code among the other folds' rows, less those of the base rate."""
    width = int(codes.max()) + 1
    rows = np.bincount(codes * FOLDS + fold, minlength=width * FOLDS).reshape(width, FOLDS)
    hits = np.bincount(codes * FOLDS + fold, weights=labels, minlength=width * FOLDS).reshape(width, FOLDS)
    others = rows.sum(axis=1, keepdims=True) - rows
    other_hits = hits.sum(axis=1, keepdims=True) - hits
    base = other_hits.sum(axis=0) / np.maximum(others.sum(axis=0), 1)
    rate = (other_hits + _PRIOR_ROWS * base) / (others + _PRIOR_ROWS)
    table = log_odds(rate, 1e-4) - log_odds(base, 1e-4)
    return np.asarray(table[codes, fold], dtype=np.float64)


def bins_of(numbers: Floats, labels: Bools) -> Codes:
    """Cut numbers into bins of equal rows, fewer where rows are few; code 0 is empty."""
    known = ~np.isnan(numbers)
    if not known.any():
        return np.zeros(len(numbers), dtype=np.int64)
    rarer = int(min(labels.sum(), (~labels).sum()))
    bins = int(np.clip(rarer // _ROWS_PER_BIN, 4, _BINS))
    edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, bins + 1)[1:-1]))
    low, high = edges, np.nextafter(edges, -np.inf)
    # an edge that many rows share becomes a bin of its own, so that a common value stays apart
    codes = 1 + np.searchsorted(np.unique(np.concatenate([low, high])), np.nan_to_num(numbers), side="left")
    return np.where(known, codes, 0).astype(np.int64)


def categories_of(column: Column) -> Codes:
    """Number the values of a category; code 0 is empty. An identifier is judged by how it begins."""
    import pandas as pd

    values = column.values
    if column.kind == "id":
        values = values.astype("string").str.extract(r"^(\D{1,12}|.)", expand=False).astype(object)
    codes, _ = pd.factorize(values)
    return np.asarray(codes + 1, dtype=np.int64)


def common_values(column: Column, least: int, most: int = 200) -> Iterator[State]:
    """Yield each value of a category that at least so many rows have."""
    counts = column.values.value_counts()
    values = column.values.to_numpy(dtype=object)
    for value in counts.index[counts.to_numpy() >= least][:most]:
        yield State(str(value), np.asarray(values == value, dtype=bool))


def together(strengths: Mapping[str, Strength], labels: Bools) -> float:
    """Return the AUC of several columns' weights added up."""
    if not strengths:
        return 0.5
    total = np.sum([one.weights for one in strengths.values()], axis=0)
    return auc(labels, total) or 0.5


def text_strength(column: Column, labels: Bools, fold: Codes, most: int = 4000) -> Strength:
    """Return how well the letters of free text (one to three in a row) rank the outcome, by naive Bayes."""
    from sklearn.feature_extraction.text import HashingVectorizer

    words = column.values.fillna("").astype(str).str.slice(0, 400).to_numpy(dtype=object)
    weights = np.zeros(len(words))
    some = np.random.default_rng(0).permutation(len(words))[:most]
    chosen, held = labels[some], fold[some]
    shapes = HashingVectorizer(
        analyzer="char", ngram_range=(1, 3), n_features=2**14, binary=True, norm=None, alternate_sign=False
    ).transform(words[some])
    own = np.zeros(len(some))
    for k in range(FOLDS):
        learn, told = held != k, chosen[held != k]
        hits = np.asarray(shapes[learn][told].sum(axis=0)).ravel()
        misses = np.asarray(shapes[learn][~told].sum(axis=0)).ravel()
        seen = hits + misses >= LEAST_SEEN
        ratio = np.log((hits + 0.5) / (told.sum() + 1)) - np.log((misses + 0.5) / ((~told).sum() + 1))
        own[held == k] = shapes[held == k] @ np.where(seen, ratio, 0.0)
    weights[some] = own
    found = auc(chosen, own) or 0.5
    return Strength(found, auc_error(found, chosen), weights)


def group_mean_gain(column: Column, group: Any, labels: Bools) -> tuple[float, float]:
    """Say whether a column is a mean of the outcome over a group, the row's own outcome included.

    Returns (correlation with the groups' means, how much AUC the own outcome adds to the mean of the
    others); (0, 0) where the column isn't constant within groups, or hardly any group has two rows.
    """
    import pandas as pd

    frame = pd.DataFrame({"value": column.values.to_numpy(dtype=float), "group": group, "label": labels})
    frame = frame.dropna()
    counts = frame.groupby("group").label.transform("size")
    frame = frame[counts >= 2]
    if len(frame) < 40 or frame.value.nunique() < 4 or frame.label.nunique() < 2:
        return 0.0, 0.0
    by = frame.groupby("group")
    spread = by.value.transform("max") - by.value.transform("min")
    if (spread <= 1e-9).mean() < 0.98:
        return 0.0, 0.0
    rows, hits = by.label.transform("size"), by.label.transform("sum")
    mean = (hits / rows).to_numpy(dtype=float)
    others = ((hits - frame.label) / (rows - 1)).to_numpy(dtype=float)
    known = frame.label.to_numpy(dtype=bool)
    one = by.value.first()
    correlation = abs(float(np.corrcoef(one, by.label.mean())[0, 1])) if one.nunique() > 1 else 0.0
    own = auc(known, frame.value.to_numpy(dtype=float)) or 0.5
    honest = auc(known, others) or 0.5
    exact = float(np.isclose(frame.value, mean, atol=6e-4).mean())
    if exact > 0.95:
        return 1.0, max(max(own, 1 - own) - max(honest, 1 - honest), 0.05)
    return correlation, max(own, 1 - own) - max(honest, 1 - honest)
