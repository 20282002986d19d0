"""What a notebook asks of the features: a frame as of a moment, and the records behind one value.

``from features import store`` gives both as ``store.frame`` and ``store.explain``. The folder is that of the
data folder: ``LEADPULSE_HOME``, or ``.leadpulse`` here or in the folder above.
"""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_store.domain.sources import SOURCES
from crm_store.repositories.sources.files import files_of, read_rows
from features.catalog import CATALOG, features_of
from features.declare import ACCOUNT, ENTITIES, LEAD, Entity, Feature
from features.engines import python_engine
from features.errors import FeatureError

if TYPE_CHECKING:
    import pandas as pd

_HOME = "LEADPULSE_HOME"


def sources_folder(home: str | Path | None = None) -> Path:
    """Return the folder of the exported sources. Raises FeatureError ``source_missing`` where none is."""
    given = home or os.environ.get(_HOME)
    homes = [Path(given)] if given else [Path(".leadpulse"), Path("../.leadpulse")]
    for one in homes:
        if (folder := one.expanduser() / "features" / "sources").is_dir():
            return folder
    raise FeatureError("source_missing", "home", str(homes[0] / "features" / "sources"))


def frame(
    entities: "pd.DataFrame | Sequence[str]",
    as_of: "datetime | Sequence[datetime] | None" = None,
    features: Iterable[str] | None = None,
    *,
    home: str | Path | None = None,
) -> "pd.DataFrame":
    """Return features of leads or accounts as of one or several moments: a row for each of both.

    ``entities`` is a list of ids, or a frame with a column ``lead_id`` or ``account_id`` and, instead of
    ``as_of``, perhaps one of that name; its other columns (labels, say) stay. ``as_of`` is aware. The result
    has the id, ``as_of`` and the features: float64 with NaN, or text with None; ``attrs`` holds their
    ``units`` and ``titles``. Raises FeatureError ``wrong_rows``, ``unknown_feature``, ``source_missing``.
    """
    import pandas as pd

    from features.engines import ibis_engine

    folder = sources_folder(home)
    rows, entity = _asked(entities, folder)
    if as_of is not None:
        moments = [as_of] if isinstance(as_of, datetime) else list(as_of)
        rows = rows.drop(columns="as_of", errors="ignore").merge(
            pd.DataFrame({"as_of": moments}), how="cross"
        )
    if "as_of" not in rows:
        raise FeatureError("wrong_rows", "as_of", "as_of")
    chosen = features_of(entity.name, features)
    asked = rows[[entity.key, "as_of"]].rename(columns={entity.key: "entity_id"})
    found = ibis_engine.compute(entity.name, asked, folder, [one.name for one in chosen])
    values = found.drop(columns=["entity_id", "as_of"])
    result = pd.concat([rows.reset_index(drop=True), values], axis="columns")
    result.attrs["units"] = {one.name: one.unit for one in chosen}
    result.attrs["titles"] = {one.name: one.title for one in chosen}
    return result


def explain(
    feature: str, entity_id: str, as_of: datetime, *, home: str | Path | None = None
) -> "pd.DataFrame":
    """Return the source rows that a feature's value was made of as of a moment, oldest first.

    ``attrs`` holds the ``value``, the ``sentence`` in Chinese and English, and the ``formula``. Columns that
    are empty in every row are left out. Raises FeatureError ``unknown_feature`` or ``source_missing``.
    """
    import pandas as pd

    from features.in_words import formula

    if feature not in CATALOG:
        raise FeatureError("unknown_feature", "feature", feature)
    declared = CATALOG[feature]
    entity = declared.entity
    history = _history(declared, entity_id, sources_folder(home))
    value = python_engine.evaluate(entity.name, history, entity_id, as_of, [feature])[feature]
    behind = python_engine.behind(entity.name, declared, history, entity_id, as_of)
    rows = pd.DataFrame([dict(row) for row in behind]).dropna(axis="columns", how="all")
    rows.attrs |= {
        "value": value,
        "sentence": (declared.say(value, "zh"), declared.say(value, "en")),
        "formula": formula(declared.value),
    }
    return rows


def _asked(entities: "pd.DataFrame | Sequence[str]", folder: Path) -> tuple["pd.DataFrame", Entity]:
    import pandas as pd

    if isinstance(entities, pd.DataFrame):
        for entity in ENTITIES.values():
            if entity.key in entities:
                return entities, entity
        raise FeatureError("wrong_rows", "entities", " / ".join(one.key for one in ENTITIES.values()))
    ids = list(entities)
    for entity in ENTITIES.values():
        if entity not in (LEAD, ACCOUNT) and not files_of(folder, f"{entity.name}_states"):
            continue  # a folder exported before there were such rows, or an entity that has no record
        known = _rows(folder, f"{entity.name}_states", entity.key, ids[:1])
        if known:
            return pd.DataFrame({entity.key: ids}), entity
    raise FeatureError("wrong_rows", "entities", str(ids[:1]))


def _history(declared: Feature, entity_id: str, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the feature's sources that can concern the entity: all of those that are shared."""
    entity = declared.entity
    shared = any(figure.selection.via for figure in declared.aggregates)
    names = dict.fromkeys((f"{entity.name}_states", *declared.sources))
    return {
        name: _rows(folder, name, None if shared and name == "lead_flow" else entity.key, [entity_id])
        for name in names
    }


def _rows(folder: Path, name: str, key: str | None, ids: list[str]) -> list[dict[str, Any]]:
    import pyarrow.dataset as ds

    where = None if key is None else ds.field(key).isin(ids)
    try:
        rows: list[dict[str, Any]] = read_rows(folder, name, list(SOURCES[name].columns), where).to_pylist()
    except FileNotFoundError:
        raise FeatureError("source_missing", "sources", f"{name}.parquet") from None
    return rows
