"""Tables for DuckDB in the form that the plan reads: moments as microseconds since 1970."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """Make a source readable under its name, from ``<name>.parquet`` in a folder or from an Arrow table.

    Raises FeatureError ``source_missing``.
    """
    if isinstance(sources, Path):
        file = sources / f"{name}.parquet"
        if not file.is_file():
            raise FeatureError("source_missing", "sources", file.name)
        _view(connection, name, connection.read_parquet(str(file)))
    elif name in sources:
        bind(connection, name, sources[name])
    else:
        raise FeatureError("source_missing", "sources", name)


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
