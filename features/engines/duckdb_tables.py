"""Tables for DuckDB in the form that the plan reads: moments as microseconds since 1970."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_store.domain.sources import SOURCES
from crm_store.repositories.sources.files import GONE, POSITION, files_of
from features.errors import FeatureError

if TYPE_CHECKING:
    import pyarrow as pa

Sources = Path | Mapping[str, "pa.Table"]


@dataclass(frozen=True)
class Room:
    """What DuckDB may take: memory in MB, threads, and the folder where it lays down what has no room."""

    memory_mb: int
    threads: int
    spill: Path


def bind_source(connection: Any, name: str, sources: Sources) -> None:
    """Make a source readable under its name, from a folder (``source_files``) or from an Arrow table.

    Raises FeatureError ``source_missing``.
    """
    if isinstance(sources, Path):
        files = [str(file) for file in files_of(sources, name)]
        if not files:
            raise FeatureError("source_missing", "sources", f"{name}.parquet")
        gone = [str(file) for file in files_of(sources, GONE)]
        standing = _standing(connection, name, files, gone) if gone else connection.read_parquet(files)
        _view(connection, name, standing)
    elif name in sources:
        bind(connection, name, sources[name])
    else:
        raise FeatureError("source_missing", "sources", name)


def _standing(connection: Any, name: str, files: list[str], gone: list[str]) -> Any:
    """Return a source's rows but for those that a later piece of its log tells anew."""
    based = POSITION not in connection.read_parquet(files[0]).columns
    rows = connection.read_parquet(files, union_by_name=based)
    if POSITION not in rows.columns:
        return rows
    anew = connection.read_parquet(gone).filter(f"source = '{name}'")
    last = anew.aggregate(f"record_id AS gone_id, max({POSITION}) AS gone_at", "record_id")
    told = rows.set_alias("told").join(last, "told.record_id = gone_id", how="left")
    standing = told.filter(f"gone_at IS NULL OR coalesce({POSITION}, 0) >= gone_at")
    return standing.project(", ".join(SOURCES[name].columns))


def bind(connection: Any, name: str, table: "pa.Table | Path") -> None:
    """Make an Arrow table or a Parquet file readable under a name."""
    readable = (
        connection.read_parquet(str(table)) if isinstance(table, Path) else connection.from_arrow(table)
    )
    _view(connection, name, readable)


@contextmanager
def connected(sources: Sources, names: Iterable[str], room: Room | None = None) -> Iterator[Any]:
    """Open DuckDB in memory with these sources readable; with ``room``, within those bounds."""
    import duckdb

    with duckdb.connect() as connection:
        # The bar would draw on a terminal that is not ours; the zone matters to ``month`` only.
        connection.execute("SET TimeZone = 'UTC'")
        if connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
            connection.execute("SET enable_progress_bar = false")  # refused in notebooks, where it is off
        if room is not None:
            connection.execute(f"SET memory_limit = '{room.memory_mb}MB'")
            connection.execute(f"SET threads = {room.threads}")
            connection.execute("SET temp_directory = ?", [str(room.spill)])
            connection.execute("SET preserve_insertion_order = false")
        for name in names:
            bind_source(connection, name, sources)
        yield connection


def _view(connection: Any, name: str, relation: Any) -> None:
    from duckdb import ColumnExpression, FunctionExpression

    columns = [
        FunctionExpression("epoch_us", ColumnExpression(column)).alias(column)
        if "TIMESTAMP" in str(dtype)
        else ColumnExpression(column)
        for column, dtype in zip(relation.columns, relation.types, strict=True)
    ]
    relation.select(*columns).create_view(name)
