"""Numbers as people write them: 1,200.50, ¥3.5万, 12%, (300), 1.234,56, full-width digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pandas as pd

_CURRENCY = r"^(?:RMB|CNY|USD|EUR|US\$|HK\$|R\$|[¥￥$€£])\s*|\s*(?:元|RMB|CNY|USD|EUR|[¥￥$€£])$"
_THOUSANDS = r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"
_DECIMAL_COMMA = r"^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+$"
_CODE = r"^[+-]?0\d+$"  # 01529 is a code, not a number
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?"
_UNITS = {"千": 1e3, "万": 1e4, "亿": 1e8, "k": 1e3, "K": 1e3, "M": 1e6}


def numbers_of(words: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return the numbers (n,) that distinct cells (n,) tell, NaN for what is none; None for codes."""
    fast = _all_plain(words)
    if fast is not None:
        return fast
    numbers = _plain(words)
    rest = words[numbers.isna()]
    if words.str.match(_CODE).mean() > 0.02:
        return None
    if len(rest) == 0 or not rest.head(2000).str.contains(r"[0-9０-９]", regex=True).mean() > 0.5:
        return numbers
    plain = rest.str.normalize("NFKC").str.replace("−", "-").str.strip()
    negative = plain.str.match(r"^\(.*\)$")
    plain = plain.where(~negative, "-" + plain.str.strip("()"))
    plain = plain.str.replace(r"^-\s*([¥￥$€£])", r"\1-", regex=True)
    plain = plain.str.replace(_CURRENCY, "", regex=True).str.replace(" ", "")
    unit = plain.str.extract(r"([千万亿kKM])$", expand=False).map(_UNITS).fillna(1.0).to_numpy(dtype=float)
    plain = plain.str.replace(r"[千万亿kKM]$", "", regex=True)
    percent = plain.str.endswith("%").to_numpy(dtype=bool)
    plain = plain.str.removesuffix("%")
    thousands, decimal_comma = plain.str.match(_THOUSANDS), plain.str.match(_DECIMAL_COMMA)
    if bool((decimal_comma & ~thousands).any()):  # 3,5 is nobody's thousand: the comma marks decimals here
        european = decimal_comma | thousands
        swapped = plain.str.replace(".", "").str.replace(",", ".")
        plain = plain.where(~european, swapped)
        if bool(words[numbers.notna()].str.match(r"^[+-]?\d{1,3}\.\d{3}$").all()):
            dotted = words[numbers.notna()].str.replace(".", "")
            numbers.loc[dotted.index] = _plain(dotted)
    else:
        plain = plain.where(~thousands, plain.str.replace(",", ""))
    parsed = _plain(plain).to_numpy(dtype=float)
    numbers.loc[rest.index] = np.where(percent, parsed / 100, parsed) * unit
    return numbers


def _all_plain(words: pd.Series[Any]) -> pd.Series[Any] | None:
    """Read cells that are numbers throughout at once, by Arrow; None where some are not, or may be codes."""
    import pandas as pd

    cells = pa.array(words, pa.string())
    try:
        numbers = cells.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    if not pc.all(pc.is_finite(numbers)).as_py() or pc.any(pc.match_substring_regex(cells, _CODE)).as_py():
        return None
    return pd.Series(numbers.to_numpy(zero_copy_only=False), index=words.index, dtype=float)


def _plain(words: pd.Series[Any]) -> pd.Series[Any]:
    """Read what is written as a number; pandas' own reader crashes on hashes such as 12e3456789."""
    import pandas as pd

    fits = words.str.fullmatch(_NUMBER).fillna(False).astype(bool)
    numbers = pd.Series(np.nan, index=words.index, dtype=float)
    numbers[fits] = words[fits].astype(float)
    return numbers
