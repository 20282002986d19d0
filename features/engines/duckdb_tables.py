"""Tables for DuckDB in the form that the plan reads: moments as microseconds since 1970."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.errors import FeatureError

if TYPE_CHECKING:
    import pyarrow as pa

Sources = Path | Mapping[str, "pa.Table"]


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


def bind(connection: Any, name: str, table: "pa.Table") -> None:
    """Make an Arrow table readable under a name."""
    _view(connection, name, connection.from_arrow(table))


def _view(connection: Any, name: str, relation: Any) -> None:
    from duckdb import ColumnExpression, FunctionExpression

    columns = [
        FunctionExpression("epoch_us", ColumnExpression(column)).alias(column)
        if "TIMESTAMP" in str(dtype)
        else ColumnExpression(column)
        for column, dtype in zip(relation.columns, relation.types, strict=True)
    ]
    relation.select(*columns).create_view(name)
