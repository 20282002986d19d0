"""Ways to frames of features as of moments: pairs are composed of their lead and rep, and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from features.store import FeatureStore

FrameOf = Callable[[str, "pd.DataFrame", Sequence[str]], "pd.DataFrame"]
"""(entity, rows of entity_id and as_of, names) → the rows with those features."""


def frames(store: FeatureStore) -> FrameOf:
    """Return the way through Feast's offline store, which keeps what it is asked for."""
    return _composing(store, store.frame)


def computed_by(store: FeatureStore) -> FrameOf:
    """Return the way that keeps nothing."""
    return _composing(store, store.compute)


def _composing(store: FeatureStore, plain: FrameOf) -> FrameOf:
    def frame(entity: str, rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        from features.pairs import pair_frame

        return pair_frame(rows, names, store.compute) if entity == "pair" else plain(entity, rows, names)

    return frame
