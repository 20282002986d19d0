"""Published features offline: one Parquet file per entity, read back as of any moment through Feast.

A row is known at its own moment, since nothing recorded later went into it: so ``created_timestamp`` is the
as-of moment too, and a row that somebody adds afterwards with a later one stays out of the past.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.catalog import catalog_hash, features_of, names_of
from features.declare import Entity
from features.errors import FeatureError
from features.published import CREATED, EVENT, offline_file, view_name

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_HASH = b"leadpulse.catalog"


def check_complete(entity: Entity, frame: "pd.DataFrame") -> None:
    """Refuse a frame that lacks a feature: a gap would read as unknown later."""
    missing = [name for name in ("entity_id", "as_of", *names_of(entity.name)) if name not in frame.columns]
    if missing:
        raise FeatureError("wrong_rows", "frame", ", ".join(missing[:5]))


def write(folder: Path, entity: Entity, frame: "pd.DataFrame") -> None:
    """Add the rows to the entity's file, in place of rows of the same entity and moment; atomic.

    A file of another catalog is given up: its columns mean something else.
    """
    import pyarrow.parquet as pq

    path = offline_file(folder, entity.name)
    fresh = _table(entity, frame)
    table = _merged(path, fresh, entity)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def read(store: Any, entity: Entity, rows: "pd.DataFrame", names: list[str]) -> "pd.DataFrame":
    """Return entity_id, as_of and the features for each row, in order, through Feast's offline store.

    Raises FeatureError ``rows_lost`` if Feast answers with more or fewer rows than asked.
    """
    import pandas as pd

    asked = pd.DataFrame(
        {
            entity.key: rows["entity_id"].to_numpy(),
            EVENT: rows["as_of"].dt.tz_convert("UTC").dt.as_unit("us").array,
        }
    )
    distinct = asked.drop_duplicates(ignore_index=True)
    refs = [f"{view_name(entity.name)}:{name}" for name in names]
    job = store.get_historical_features(entity_df=distinct, features=refs, filter_by_created_timestamp=True)
    found = job.to_df()
    if len(found) != len(distinct):
        raise FeatureError("rows_lost", "frame", f"{len(found)} ≠ {len(distinct)}")
    moments = found[EVENT]  # Spark's are in the session's zone, which is UTC, and do not say so
    aware = moments.dt.tz_localize("UTC") if moments.dt.tz is None else moments.dt.tz_convert("UTC")
    found[EVENT] = aware.dt.as_unit("us")
    joined = asked.merge(found, on=[entity.key, EVENT], how="left", validate="many_to_one")
    joined = joined.rename(columns={entity.key: "entity_id", EVENT: "as_of"})
    dtypes = {f.name: f.dtype for f in features_of(entity.name, names) if f.dtype == "float64"}
    return joined[["entity_id", "as_of", *names]].astype(dtypes)


def _table(entity: Entity, frame: "pd.DataFrame") -> "pa.Table":
    import pyarrow as pa

    moment = pa.timestamp("us", "UTC")
    as_of = pa.array(frame["as_of"].dt.tz_convert("UTC").dt.as_unit("us"), moment)
    columns = {entity.key: pa.array(frame["entity_id"], pa.string()), EVENT: as_of, CREATED: as_of}
    for feature in features_of(entity.name):
        kind = pa.float64() if feature.dtype == "float64" else pa.string()
        columns[feature.name] = pa.array(frame[feature.name], kind, from_pandas=True)
    return pa.table(columns).replace_schema_metadata({_HASH: catalog_hash().encode()})


def _merged(path: Path, fresh: "pa.Table", entity: Entity) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return fresh
    old = pq.read_table(path)
    if (old.schema.metadata or {}).get(_HASH) != catalog_hash().encode():
        return fresh
    kept = old.join(fresh.select([entity.key, EVENT]), [entity.key, EVENT], join_type="left anti")
    return pa.concat_tables([kept.select(fresh.column_names).cast(fresh.schema), fresh])
