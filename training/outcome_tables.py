"""The tables that outcomes give, and how they are made tidy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

History = Mapping[str, Sequence[Mapping[str, Any]]]
"""Source → rows, of one entity."""

ROW_COLUMNS = ["entity_id", "as_of", "label", "known_at", "group"]


def known(history: History, source: str, now: datetime) -> list[Mapping[str, Any]]:
    """Return the rows of one source that were recorded by a moment."""
    return [row for row in history.get(source, ()) if row["recorded_at"] <= now]


def ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the contract, in order of time, then entity."""
    ordered = rows[ROW_COLUMNS].astype({"label": bool})
    return ordered.sort_values(["as_of", "entity_id"], kind="stable").reset_index(drop=True)


def cohort(rows: pd.DataFrame, since: datetime, until: datetime) -> pd.DataFrame:
    """Return the distinct rows of a time, in order of time, then entity."""
    import pandas as pd

    inside = (rows.as_of > pd.Timestamp(since)) & (rows.as_of <= pd.Timestamp(until))
    found = rows.loc[inside, ["entity_id", "as_of"]].drop_duplicates()
    return found.sort_values(["as_of", "entity_id"], kind="stable").reset_index(drop=True)


def subjects(ids: pd.Series[str], now: datetime) -> pd.DataFrame:
    """Return one row per id, as of a moment."""
    import pandas as pd

    moment = pd.Timestamp(now).as_unit("us")
    return pd.DataFrame({"entity_id": ids.to_numpy(), "as_of": pd.Series([moment] * len(ids))})
