"""The outcome of a table: two values, one of which is what is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from training.arrays import Bools
from training.tables.cells import numbers_of
from training.tables.errors import TableRefused
from training.tables.words import NEGATIVE, NOTHING, POSITIVE

_SHOWN = 6


@dataclass(frozen=True)
class Target:
    """``labels`` (n,) are True for the ``positive`` word; ``known`` (n,) is False for an empty cell."""

    labels: Bools
    known: Bools
    positive: str
    negative: str


def read_target(name: str, data: pa.ChunkedArray) -> Target:
    """Read the outcome. Raises TableRefused ``target_values`` unless exactly two values occur."""
    import pandas as pd

    cells = pd.Series(data.to_pandas())
    if cells.dtype.kind in "fiu":
        cells = cells.map(lambda value: None if value != value else f"{value:g}")
    words = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
    plain = words.str.casefold()
    known = ~plain.isin(NOTHING).to_numpy()
    shown = dict(zip(plain[known], words[known], strict=True))
    counts = plain[known].value_counts()
    values = [str(value) for value in counts.index]
    if len(values) != 2:
        some = [f"{shown[value]} ({counts[value]:,})" for value in list(counts.index)[:_SHOWN]]
        more = [f"… {len(counts):,}"] if len(counts) > _SHOWN else []
        raise TableRefused("target_values", name, ", ".join([*some, *more]) or "∅")
    positive = _positive(values, counts)
    negative = next(value for value in values if value != positive)
    return Target((plain == positive).to_numpy(dtype=bool), known, shown[positive], shown[negative])


def _positive(values: list[str], counts: Any) -> str:
    """Say which value is predicted: the word for yes, or not the word for no; else the larger, or rarer."""
    for words, wanted in ((POSITIVE, True), (NEGATIVE, False)):
        told = [value for value in values if value in words]
        if len(told) == 1:
            return told[0] if wanted else next(value for value in values if value != told[0])
    numbers = numbers_of(_series(values))
    if numbers is not None and bool(np.isfinite(numbers).all()):
        return values[int(np.argmax(numbers.to_numpy()))]
    return str(counts.index[-1])


def _series(values: list[str]) -> Any:
    import pandas as pd

    return pd.Series(values, dtype=object)
