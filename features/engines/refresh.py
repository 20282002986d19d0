"""A set brought from one moment to a later one: only entities of which something has changed are worked out.

What is kept between two runs is one file of figures (not features: "days since" moves every day, the
moment it counts from does not), each entity's with the moment at which they change by the passing of time. It
is used only with the same catalog and the same base of the log: what was told in the log since, by position,
says of whom there is news, whenever that happened.
"""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_store.repositories.sources.files import POSITION, TOUCHED, SourceLog, read_log
from features.catalog import catalog_hash, names_of
from features.engines.duckdb_tables import bind, connected
from features.errors import FeatureError

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = b"leadpulse.figures"
_FIGURES = "figures"


def refreshed(entity: str, asked: "pa.Table", sources: Path, state: Path) -> "pa.Table":
    """Return all features of rows made by ``asked_table``, every entity once and of one moment, in order.

    ``sources`` is a folder with a log (``source_files``). ``state`` is the file that keeps the figures; it is
    replaced at once when all is done. The cells are those of ``compute_arrow``. Raises FeatureError
    ``wrong_rows``, and ``source_missing`` as it does.
    """
    import pyarrow.compute as pc
    from pyarrow.dataset import dataset

    from features.engines.ibis_engine import sources_of

    moments = pc.unique(asked["as_of"].cast("int64"))
    if len(moments) != 1 or pc.count_distinct(asked["entity_id"]).as_py() != len(asked):
        raise FeatureError("wrong_rows", "rows", f"{len(asked)} × {len(moments)}")
    log = read_log(sources)  # before the rows: what is told meanwhile is told of once more
    if log is None:
        raise FeatureError("source_missing", "sources", sources.name)
    said = {"catalog": catalog_hash(), "base": log.base, "moment": moments[0].as_py(), POSITION: log.position}
    steps, result, schema = _compiled(entity, catalog_hash())
    with connected(sources, sources_of(entity, names_of(entity))) as connection:
        bind(connection, "asked", asked)
        since = _usable(state, said)
        bind(connection, "before", schema.empty_table() if since is None else dataset(state, format="ipc"))
        _bind_touched(connection, sources, log, log.position if since is None else since)
        for name, sql in steps:
            if name == _FIGURES:  # a table so wide costs DuckDB more to store than to pass on
                bind(connection, name, figures := connection.execute(sql).to_arrow_table())
            else:
                connection.execute(f"CREATE TEMP TABLE {name} AS {sql}")
        found = connection.execute(f"SELECT * EXCLUDE (entity_id, as_of) FROM ({result})")  # noqa: S608
        table = found.to_arrow_table().sort_by("row_id").drop_columns("row_id")
    _keep(figures.drop_columns(["row_id", "as_of"]), state, said)
    for place, column in enumerate(("entity_id", "as_of")):
        table = table.add_column(place, column, asked[column])
    return table


@lru_cache(maxsize=8)
def _compiled(entity: str, _catalog: str) -> "tuple[tuple[tuple[str, str], ...], str, pa.Schema]":
    import ibis

    from features.engines.plan import refresh_plan

    steps, result = refresh_plan(entity)
    sql = tuple((name, str(ibis.to_sql(step, dialect="duckdb"))) for name, step in steps)
    kept = dict(steps)[_FIGURES].drop("row_id", "as_of")
    return sql, str(ibis.to_sql(result, dialect="duckdb")), kept.schema().to_pyarrow()


def _usable(state: Path, wanted: dict[str, Any]) -> int | None:
    """Return the position of the log that the kept figures know, or None if they are of no use."""
    import pyarrow as pa

    try:
        with pa.ipc.open_file(state) as kept:
            said = json.loads((kept.schema.metadata or {}).get(_KEY, b"{}"))
    except (OSError, ValueError):
        return None
    if any(said.get(name) != wanted[name] for name in ("catalog", "base")):
        return None
    position: int = said[POSITION]
    return position if said["moment"] <= wanted["moment"] and position <= wanted[POSITION] else None


def _bind_touched(connection: Any, sources: Path, log: SourceLog, since: int) -> None:
    import pyarrow as pa

    columns = ("source", "key", "id")
    newer = [
        str(sources / piece.folder / f"{TOUCHED}.parquet")
        for piece in log.pieces[1:]
        if piece.at > since and TOUCHED in piece.rows
    ]
    if newer:
        told = connection.read_parquet(newer).filter(f"{POSITION} > {since}")
        told.project(", ".join(columns)).create_view("touched")
    else:
        bind(connection, "touched", pa.table({name: pa.array([], pa.string()) for name in columns}))


def _keep(figures: "pa.Table", state: Path, said: dict[str, Any]) -> None:
    """Write the figures as Arrow, which costs a tenth of Parquet's time to write and to read."""
    import pyarrow as pa

    state.parent.mkdir(parents=True, exist_ok=True)
    temporary = state.with_name(f".{state.name}.{os.getpid()}")
    schema = figures.schema.with_metadata({_KEY: json.dumps(said)})
    with pa.ipc.new_file(temporary, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as file:
        file.write_table(figures, max_chunksize=100_000)
    temporary.replace(state)
