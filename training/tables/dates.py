"""Dates as people write them: 2024-03-05, 5/3/2024 08:30, 2024年3月5日, 20240305, Mar 5, 2024.

Whether the day or the month comes first is told by the whole column: a part above 12 is a day. Where no
part ever is, the day is taken to come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_CLOCK = (
    r"(?:[T\s]*(?P<hour>\d{1,2})[:时点](?P<minute>\d{1,2})?(?:[:分](?P<second>\d{1,2})?)?秒?(?:[.,]\d+)?"
    r"\s*(?P<half>[AaPp][Mm])?)?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?$"
)
_YEAR_FIRST = (
    r"^(?P<a>(?:19|20)\d{2})\s*[-/.年]\s*(?P<b>\d{1,2})(?:\s*[-/.月]\s*(?P<c>\d{1,2}))?\s*[月日号]?" + _CLOCK
)
_YEAR_LAST = r"^(?P<c>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<a>(?:19|20)?\d{2})" + _CLOCK
_SOLID = r"^(?P<a>(?:19|20)\d{2})(?P<b>0[1-9]|1[0-2])(?P<c>0[1-9]|[12]\d|3[01])" + _CLOCK
_IN_LETTERS = r"^(?:\d{1,2}[\s-])?[A-Za-z]{3,9}\.?[\s-]"
_SHARE = 0.95


def moments_of(words: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return the moments (n,), UTC without a zone, that cells (n,) tell; None when most tell none."""
    sample = words.head(300)
    for pattern in (_YEAR_FIRST, _YEAR_LAST, _SOLID):
        if sample.str.match(pattern).mean() >= _SHARE - 0.05:
            parts = words.str.extract(pattern)
            return _assembled(parts) if parts["a"].notna().mean() >= _SHARE - 0.05 else None
    if sample.str.match(_IN_LETTERS).mean() >= _SHARE and sample.str.contains(r"\d{4}").mean() >= _SHARE:
        return _spelled_out(words)
    return None


def _spelled_out(words: pd.Series[Any]) -> pd.Series[Any] | None:
    import pandas as pd

    moments = pd.to_datetime(words, errors="coerce", format="mixed", utc=True)
    return moments.dt.tz_localize(None).astype("datetime64[us]") if moments.notna().mean() >= _SHARE else None


def _assembled(parts: pd.DataFrame) -> pd.Series[Any]:
    import pandas as pd

    numbers = {
        name: pd.to_numeric(parts[name], errors="coerce")
        for name in ("a", "b", "c", "hour", "minute", "second")
    }
    year, month, day = numbers["a"], numbers["b"], numbers["c"].fillna(1)
    if bool((month > 12).any()) and not bool((day > 12).any()):
        month, day = day, month  # month first
    year = year.where(year >= 100, year + np.where(year < 70, 2000, 1900))
    hour = numbers["hour"].fillna(0)
    half = parts["half"].str.lower()
    hour = hour.where(half.isna(), hour % 12 + np.where(half == "pm", 12, 0))
    whole = pd.DataFrame(
        {
            "year": year,
            "month": month,
            "day": day,
            "hour": hour,
            "minute": numbers["minute"].fillna(0),
            "second": numbers["second"].fillna(0),
        }
    )
    moments = pd.to_datetime(whole, errors="coerce").astype("datetime64[us]")
    offset = parts["zone"].str.extract(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})")
    if bool(offset["sign"].notna().any()):
        minutes = pd.to_numeric(offset.hours) * 60 + pd.to_numeric(offset.minutes)
        shift = pd.to_timedelta((minutes * np.where(offset.sign == "-", -1, 1)).fillna(0), unit="m")
        moments = (moments - shift).astype("datetime64[us]")
    return moments
