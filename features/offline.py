"""Published features offline, read back as of any moment through Feast.

A set of one moment, which is what each build makes, has a Parquet file of its own: a day's build writes a
day's rows, whatever lies there of other days. Rows of a frame of many moments share one file.

A row is known at its own moment, since nothing recorded later went into it: so ``created_timestamp`` is the
as-of moment too, and a row that somebody adds afterwards with a later one stays out of the past.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.catalog import features_of, names_of
from features.declare import Entity
from features.errors import FeatureError
from features.published import CREATED, EVENT, offline_folder, view_name

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_SHARED = "moments.parquet"


def check_complete(entity: Entity, frame: "pd.DataFrame") -> None:
    """Refuse a frame that lacks a feature: a gap would read as unknown later."""
    missing = [name for name in ("entity_id", "as_of", *names_of(entity.name)) if name not in frame.columns]
    if missing:
        raise FeatureError("wrong_rows", "frame", ", ".join(missing[:5]))


def write(folder: Path, entity: Entity, frame: "pd.DataFrame") -> None:
    """Add the rows, in place of rows of the same entity and moment; each file is replaced at once.

    What another catalog said is given up: its columns mean something else.
    """
    import pyarrow.compute as pc

    home = offline_folder(folder, entity.name)
    _begin(home, entity)
    fresh = _table(entity, frame)
    moments, there = pc.unique(fresh[EVENT]), {file.name for file in home.iterdir()}
    for moment in moments:
        name = f"{moment.value}.parquet"
        if len(moments) == 1 or name in there:
            rows = pc.equal(fresh[EVENT], moment)
            _put_apart(home / name, fresh.filter(rows), entity)
            fresh = fresh.filter(pc.invert(rows))
    if len(fresh) or not len(moments):
        _put(home / _SHARED, fresh, entity)


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
    return pa.table(columns)


def _begin(home: Path, entity: Entity) -> None:
    """Make the folder; what is there of another catalog goes."""
    home.mkdir(parents=True, exist_ok=True)
    for other in home.parent.glob(f"{entity.name}[-.]*"):
        if other.is_dir() and other != home:
            shutil.rmtree(other, ignore_errors=True)
        elif other != home:
            other.unlink(missing_ok=True)


def _put_apart(file: Path, rows: "pa.Table", entity: Entity) -> None:
    """Put rows of one moment into its file, with those of that moment that lie among others."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    shared = file.with_name(_SHARED)
    there = pc.field(EVENT) == rows[EVENT][0]
    if shared.is_file() and len(pq.read_table(shared, columns=[EVENT], filters=there)):
        among = pq.read_table(shared)
        _put(file, _without(among.filter(there), rows, entity), entity)
        _put(file, rows, entity)
        _replace(shared, among.filter(~there))
    else:
        _put(file, rows, entity)


def _put(file: Path, rows: "pa.Table", entity: Entity) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.is_file():
        rows = pa.concat_tables([_without(pq.read_table(file), rows, entity).cast(rows.schema), rows])
    _replace(file, rows)


def _without(old: "pa.Table", fresh: "pa.Table", entity: Entity) -> "pa.Table":
    keys = [entity.key, EVENT]
    return old.join(fresh.select(keys), keys, join_type="left anti").select(fresh.column_names)


def _replace(file: Path, rows: "pa.Table") -> None:
    import pyarrow.parquet as pq

    temporary = file.with_name(f".{file.stem}.{os.getpid()}")
    pq.write_table(rows, temporary, compression="zstd")
    temporary.replace(file)
