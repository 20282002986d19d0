"""The catalog run by DuckDB: any number of (entity, moment) rows at once, one pass over each source."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from features.catalog import features_of
from features.declare import Feature
from features.engines.duckdb_tables import Room, Sources, bind, connected
from features.errors import FeatureError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from features.engines.plan import Shape

# Spans pay off from a few moments of an entity on, if most entities are asked for at most of the moments.
_FEW_MOMENTS = 4
_FILLED = 0.5


def compute(
    entity: str, rows: "pd.DataFrame", sources: Sources, features: Iterable[str] | None = None
) -> "pd.DataFrame":
    """Return entity_id, as_of and one column per feature, in the order of ``rows``.

    ``rows`` has entity_id (text) and as_of (aware moments); ``sources`` is a folder of ``<name>.parquet`` or
    Arrow tables by name. Numbers are float64 with NaN for unknown, words are text or None.
    Raises FeatureError ``wrong_rows``, ``source_missing``, ``unknown_entity`` or ``unknown_feature``.
    """
    chosen = features_of(entity, features)
    found = compute_arrow(entity, asked_table(rows), sources, tuple(f.name for f in chosen))
    return to_frame(found, chosen)


def to_frame(found: "pa.Table", chosen: Iterable[Feature]) -> "pd.DataFrame":
    """Return an Arrow table of features as a data frame; a column of nothing but nulls is of numbers too."""
    frame: pd.DataFrame = found.to_pandas()
    others = {f.name: f.dtype for f in chosen if f.dtype == "float64" and frame[f.name].dtype != f.dtype}
    return frame.astype(others) if others else frame


def compute_arrow(entity: str, asked: "pa.Table", sources: Sources, names: tuple[str, ...]) -> "pa.Table":
    """Return the same as an Arrow table, from rows made by ``asked_table``."""
    import pyarrow as pa

    tables = [_computed(entity, part, sources, names, shape) for part, shape in parts(asked)]
    found = tables[0] if len(tables) == 1 else pa.concat_tables(tables).sort_by("row_id")
    found = found.drop_columns("row_id")
    for place, column in enumerate(("entity_id", "as_of")):
        found = found.add_column(place, column, asked[column])
    return found


def compute_parquet(
    entity: str, asked: Path, sources: Path, names: tuple[str, ...], target: Path, room: Room
) -> None:
    """Write entity_id, as_of and the features of any number of rows to a Parquet file, in no order.

    ``asked`` is a Parquet file with row_id, entity_id and as_of. Neither it nor the result is held in
    memory: DuckDB keeps to ``room`` and spills.
    """
    with connected(sources, sources_of(entity, names), room) as connection:
        bind(connection, "asked", asked)
        result = _prepared(connection, entity, names, _shape_of(connection))
        moment = "make_timestamp(as_of)::TIMESTAMPTZ AS as_of"
        rows = f"SELECT * EXCLUDE (row_id) REPLACE ({moment}) FROM ({result})"  # noqa: S608
        connection.execute(f"COPY ({rows}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def asked_table(rows: "pd.DataFrame") -> "pa.Table":
    """Return the rows as row_id, entity_id, as_of; refuse naive moments and ids that are no text."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if not {"entity_id", "as_of"} <= set(rows.columns):
        raise FeatureError("wrong_rows", "rows", ", ".join(map(str, rows.columns)))
    if getattr(rows["as_of"].dtype, "tz", None) is None:
        raise FeatureError("wrong_rows", "as_of", str(rows["as_of"].dtype))
    if pd.api.types.infer_dtype(rows["entity_id"], skipna=False) not in ("string", "empty"):
        raise FeatureError("wrong_rows", "entity_id", str(rows["entity_id"].dtype))
    as_of = rows["as_of"].dt.tz_convert("UTC").dt.as_unit("us")
    return pa.table(
        {
            "row_id": np.arange(len(rows)),
            "entity_id": pa.array(rows["entity_id"], pa.string()),
            "as_of": pa.array(as_of, pa.timestamp("us", "UTC")),
        }
    )


def sources_of(entity: str, features: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the names of the source tables that these features read."""
    from features.engines.plan import wanted_of

    return tuple(dict.fromkeys(f.selection.source for f in wanted_of(features_of(entity, features))))


@lru_cache(maxsize=64)
def compiled(
    entity: str, names: tuple[str, ...], shape: "Shape" = "rows"
) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the plan as SQL for DuckDB: the tables to keep by name, and the result."""
    import ibis

    from features.engines.plan import plan

    steps, result = plan(entity, names, shape)
    sql = tuple((name, str(ibis.to_sql(step, dialect="duckdb"))) for name, step in steps)
    return sql, str(ibis.to_sql(result, dialect="duckdb"))


def _computed(
    entity: str, asked: "pa.Table", sources: Sources, names: tuple[str, ...], shape: "Shape"
) -> "pa.Table":
    """Return row_id and the features, in the order of row_id."""
    with connected(sources, sources_of(entity, names)) as connection:
        bind(connection, "asked", asked)
        result = _prepared(connection, entity, names, shape)
        rows = f"SELECT * EXCLUDE (entity_id, as_of) FROM ({result})"  # noqa: S608
        return connection.execute(rows).to_arrow_table().sort_by("row_id")


def _prepared(connection: "DuckDBPyConnection", entity: str, names: tuple[str, ...], shape: "Shape") -> str:
    """Keep the plan's tables; return the statement that reads the result off them."""
    steps, result = compiled(entity, names, shape)
    for name, sql in steps:
        connection.execute(f"CREATE TEMP TABLE {name} AS {sql}")
    return result


def _shape_of(connection: "DuckDBPyConnection") -> "Shape":
    row = connection.execute("SELECT min(as_of) = max(as_of) FROM asked").fetchone()
    return "once" if row == (True,) else "rows"


def parts(asked: "pa.Table") -> "Iterator[tuple[pa.Table, Shape]]":
    """Yield the asked rows in parts, and the shape of the plan for each."""
    import pyarrow.compute as pc

    from features.engines.spans import MOST_MOMENTS

    entities, moments = pc.count_distinct(asked["entity_id"]).as_py(), pc.unique(asked["as_of"]).sort()
    if len(asked) < max(_FEW_MOMENTS * entities, _FILLED * entities * len(moments), 1):
        yield asked, "once" if len(moments) == 1 else "rows"
        return
    for start in range(0, len(moments), MOST_MOMENTS):
        some = moments[start : start + MOST_MOMENTS]
        part = asked if len(some) == len(moments) else asked.filter(pc.is_in(asked["as_of"], some))
        yield part, "grid"
