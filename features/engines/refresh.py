"""A set brought from one moment to a later one: only entities of which something has changed are worked out.

What is kept between two runs is one Parquet file of figures (not features: "days since" moves every day, the
moment it counts from does not). It is used only if the catalog is the same and the sources still tell the
same about everything recorded by its moment: rows that were brought in later with an earlier ``recorded_at``
make it void, and all is worked out anew.
"""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_store.domain.sources import KNOWN_UNTIL, SOURCES
from features.catalog import catalog_hash, names_of
from features.engines.duckdb_tables import Sources, bind, connected
from features.errors import FeatureError

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = b"leadpulse.figures"


def refreshed(entity: str, asked: "pa.Table", sources: Sources, state: Path) -> "pa.Table":
    """Return all features of rows made by ``asked_table``, every entity once and of one moment, in order.

    ``state`` is the file that keeps the figures; it is replaced at once when all is done. The cells are those
    of ``compute_arrow``. Raises FeatureError ``wrong_rows``, and ``source_missing`` as it does.
    """
    import pyarrow.compute as pc

    from features.engines.ibis_engine import sources_of

    moments = pc.unique(asked["as_of"].cast("int64"))
    if len(moments) != 1 or pc.count_distinct(asked["entity_id"]).as_py() != len(asked):
        raise FeatureError("wrong_rows", "rows", f"{len(asked)} × {len(moments)}")
    moment: int = moments[0].as_py()
    steps, result, schema = _compiled(entity, catalog_hash())
    names = sources_of(entity, names_of(entity))
    with connected(sources, names) as connection:
        bind(connection, "asked", asked)
        since = _usable(connection, state, names, moment)
        bind(connection, "moments", _moments(since, moment))
        bind(connection, "before", schema.empty_table() if since is None else state)
        for name, sql in steps:
            connection.execute(f"CREATE TEMP TABLE {name} AS {sql}")
        found = connection.execute(f"SELECT * EXCLUDE (entity_id, as_of) FROM ({result}) ORDER BY row_id")  # noqa: S608
        table = found.to_arrow_table().drop_columns("row_id")
        _keep(
            connection,
            state,
            {"catalog": catalog_hash(), "moment": moment, "seen": _seen(connection, names, moment)},
        )
    for place, column in enumerate(("entity_id", "as_of")):
        table = table.add_column(place, column, asked[column])
    return table


@lru_cache(maxsize=8)
def _compiled(entity: str, _catalog: str) -> "tuple[tuple[tuple[str, str], ...], str, pa.Schema]":
    import ibis

    from features.engines.plan import refresh_plan

    steps, result = refresh_plan(entity)
    sql = tuple((name, str(ibis.to_sql(step, dialect="duckdb"))) for name, step in steps)
    kept = dict(steps)["figures"].drop("row_id", "as_of")
    return sql, str(ibis.to_sql(result, dialect="duckdb")), kept.schema().to_pyarrow()


def _usable(connection: Any, state: Path, names: tuple[str, ...], moment: int) -> int | None:
    """Return the moment of the kept figures, or None if they are of no use."""
    import pyarrow.parquet as pq

    if not state.is_file():
        return None
    said = json.loads((pq.read_schema(state).metadata or {}).get(_KEY, b"{}"))
    if said.get("catalog") != catalog_hash() or said["moment"] > moment:
        return None
    since: int = said["moment"]
    return since if said["seen"] == _seen(connection, names, since) else None


def _seen(connection: Any, names: tuple[str, ...], moment: int) -> dict[str, list[str]]:
    """Return, per source, how many rows were recorded by a moment and a sum over which ones they are."""
    seen = {}
    for name in names:
        columns = ["record_id", "occurred_at", "recorded_at", *SOURCES[name].keys]
        columns += ["version"] if "version" in SOURCES[name].columns else []
        columns += ["event"] if "event" in SOURCES[name].columns else []
        if KNOWN_UNTIL in SOURCES[name].columns:
            columns.append(f"CASE WHEN {KNOWN_UNTIL} <= {moment} THEN {KNOWN_UNTIL} END")
        every = f"count(*), coalesce(sum(hash({', '.join(columns)})::HUGEINT), 0)"
        row = connection.execute(f"SELECT {every} FROM {name} WHERE recorded_at <= {moment}").fetchone()  # noqa: S608
        seen[name] = [str(value) for value in row]
    return seen


def _moments(since: int | None, moment: int) -> "pa.Table":
    import pyarrow as pa

    earlier = moment if since is None else since
    return pa.table({"since": [earlier], "t": [moment]})


def _keep(connection: Any, state: Path, said: dict[str, Any]) -> None:
    state.parent.mkdir(parents=True, exist_ok=True)
    temporary = state.with_name(f".{state.name}.{os.getpid()}")
    text = json.dumps(said).replace("'", "''")
    options = f"FORMAT parquet, KV_METADATA {{'{_KEY.decode()}': '{text}'}}"
    rows = "SELECT * EXCLUDE (row_id, as_of) FROM figures"
    connection.execute(f"COPY ({rows}) TO '{temporary}' ({options})")
    temporary.replace(state)
