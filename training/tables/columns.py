"""What the columns of a table are: numbers, moments, categories, free text, identifiers, constants.

A column of text is read by its distinct cells, so that half a million rows take as long as their values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.arrays import Bools
from training.tables.cells import numbers_of
from training.tables.dates import moments_of
from training.tables.words import IDENTIFIER, NOTHING, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["number", "moment", "category", "text", "id", "constant"]

AGREEING = 0.95  # the share of filled cells that must read as a number or a date for the column to be one
_TEXT_LENGTH = 25  # categories are shorter on average
_MANY = 0.5  # a category of more distinct values than this share of its rows tells rows apart, not kinds
_ID_SHARE = 0.9


@dataclass(frozen=True)
class Column:
    """One column, read.

    ``values`` (n,) are floats with NaN, datetime64[us] with NaT, or text with None. ``filled`` (n,) is
    False where the cell is empty or a word for "unknown"; a category keeps such a word as its value.
    """

    name: str
    kind: Kind
    values: pd.Series[Any]
    filled: Bools

    @property
    def useful(self) -> bool:
        """Tell whether it can be learned from."""
        return self.kind in ("number", "moment", "category", "text")


def read_columns(table: pa.Table) -> dict[str, Column]:
    """Return every column of a table, by name."""
    return {name: read_column(name, table.column(name)) for name in table.column_names}


def read_column(name: str, data: pa.ChunkedArray) -> Column:
    """Tell what a column is, and read it."""
    import pandas as pd

    kind = data.type
    if pa.types.is_dictionary(kind):
        data = data.cast(kind.value_type)
        kind = data.type
    if pa.types.is_null(kind):
        return _column(name, "constant", pd.Series([None] * len(data), dtype=object))
    if pa.types.is_boolean(kind):
        words = pc.if_else(data, "true", "false")
        return _category(name, pd.Series(words.to_pandas(), dtype=object))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _number(name, pd.Series(data.cast(pa.float64()).to_pandas(), dtype=float))
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        return _moment(name, _utc(data))
    return _text(name, data.cast(pa.string()))


def _utc(data: pa.ChunkedArray) -> pd.Series[Any]:
    import pandas as pd

    moments = pd.to_datetime(pd.Series(data.to_pandas(date_as_object=False)), utc=True)
    return moments.dt.tz_localize(None).astype("datetime64[us]")


def _text(name: str, data: pa.ChunkedArray) -> Column:
    import pandas as pd

    encoded = pc.utf8_trim_whitespace(data.combine_chunks()).dictionary_encode()
    words = pd.Series(encoded.dictionary.to_pylist(), dtype=object)
    codes = pd.Series(encoded.indices.to_pandas()).fillna(-1).to_numpy(dtype=int)
    plain = words.str.casefold()
    nothing = plain.isin(NOTHING).to_numpy()
    unknown = nothing | plain.isin(UNKNOWN).to_numpy()
    rows = np.bincount(codes[codes >= 0], minlength=len(words))
    told = words[~unknown]
    weights = rows[~unknown]
    if weights.sum() == 0:
        return _column(name, "constant", pd.Series([None] * len(codes), dtype=object))
    for read, build in ((moments_of, _moment), (numbers_of, _number)):
        parsed = read(told)
        if parsed is not None and weights[parsed.notna().to_numpy()].sum() >= AGREEING * weights.sum():
            values = parsed.reindex(range(len(words)))
            return build(name, _take(values, codes))
    spelled = words.where(~nothing, None)
    return _category(name, _take(spelled, codes), np.append(~unknown, False)[codes])


def _take(values: pd.Series[Any], codes: Any) -> pd.Series[Any]:
    """Return the value of every code; nothing for -1."""
    return values.reindex(codes).reset_index(drop=True)


def _number(name: str, values: pd.Series[Any]) -> Column:
    values = values.replace([np.inf, -np.inf], np.nan).astype(float)
    known = values.dropna()
    if (known.nunique() <= 1 and known.size == values.size) or known.empty:
        return _column(name, "constant", values)
    whole = bool((known % 1 == 0).all())
    distinct = known.nunique() / len(known)
    named = bool(IDENTIFIER.search(name))
    steps = np.diff(known.to_numpy())
    counted = len(known) > 20 and len(known) == len(values) and bool((steps == 1).all())
    if whole and len(known) > 20 and (counted or (distinct > _ID_SHARE and (named or known.min() >= 1e9))):
        return _column(name, "id", values)
    return _column(name, "number", values)


def _moment(name: str, values: pd.Series[Any]) -> Column:
    values = values.astype("datetime64[us]")
    constant = values.notna().all() and values.nunique() == 1
    return _column(name, "constant" if constant else "moment", values)


def _category(name: str, values: pd.Series[Any], filled: Bools | None = None) -> Column:
    known = values.dropna()
    distinct = known.nunique()
    kind: Kind = "category"
    if known.empty or (distinct == 1 and len(known) == len(values)):
        kind = "constant"
    elif distinct > max(20, _MANY * len(known)):
        length = float(known.head(5000).str.len().mean())
        spaced = float(known.head(5000).str.contains(r"\s|[，。；,;]", regex=True).mean())
        is_text = (length > _TEXT_LENGTH and spaced > 0.3) or (length > 4 and spaced > 0.7)
        if is_text:
            kind = "text"
        elif distinct > _ID_SHARE * len(known):
            kind = "id"
    return _column(name, kind, values, filled)


def _column(name: str, kind: Kind, values: pd.Series[Any], filled: Bools | None = None) -> Column:
    told = values.notna().to_numpy(dtype=bool)
    return Column(name, kind, values, told if filled is None else filled & told)
