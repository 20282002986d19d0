"""The catalog compiled to Ibis: any number of (entity, moment) rows at once, one pass over each source.

Only plain joins, conditional aggregates and ordinary window functions are used, so that every Ibis backend
compiles the same ``plan``; here DuckDB runs it.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from features.catalog import entity_named, features_of
from features.declare import Entity, Feature
from features.engines.duckdb_tables import Sources, bind, bind_source
from features.errors import FeatureError
from features.expressions import (
    BUSINESS_OFFSET,
    Aggregate,
    Arithmetic,
    Calendar,
    Constant,
    Elapsed,
    Expr,
    Now,
    Selection,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US


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
    frame: pd.DataFrame = found.to_pandas()
    return frame.astype({f.name: f.dtype for f in chosen if f.dtype == "float64"})


def compute_arrow(entity: str, asked: "pa.Table", sources: Sources, names: tuple[str, ...]) -> "pa.Table":
    """Return the same as an Arrow table, from rows made by ``asked_table``."""
    import duckdb

    with duckdb.connect() as connection:
        # The bar would draw on a terminal that is not ours; the zone matters to ``month`` only.
        connection.execute("SET TimeZone = 'UTC'")
        if connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (True,):
            connection.execute("SET enable_progress_bar = false")  # refused in notebooks, where it is off
        bind(connection, "asked", asked)
        for name in sources_of(entity, names):
            bind_source(connection, name, sources)
        steps, result = _compiled(entity, names)
        for name, sql in steps:
            connection.execute(f"CREATE TEMP TABLE {name} AS {sql}")
        found = connection.execute(result).to_arrow_table()
    for place, column in enumerate(("entity_id", "as_of")):
        found = found.add_column(place, column, asked[column])
    return found


def asked_table(rows: "pd.DataFrame") -> "pa.Table":
    """Return the rows as row_id, entity_id, as_of; refuse naive moments and ids that are no text."""
    import pyarrow as pa

    if not {"entity_id", "as_of"} <= set(rows.columns):
        raise FeatureError("wrong_rows", "rows", ", ".join(map(str, rows.columns)))
    if getattr(rows["as_of"].dtype, "tz", None) is None:
        raise FeatureError("wrong_rows", "as_of", str(rows["as_of"].dtype))
    if not all(isinstance(value, str) for value in rows["entity_id"]):
        raise FeatureError("wrong_rows", "entity_id", str(rows["entity_id"].dtype))
    as_of = rows["as_of"].dt.tz_convert("UTC").dt.as_unit("us")
    return pa.table(
        {
            "row_id": pa.array(range(len(rows)), pa.int64()),
            "entity_id": pa.array(rows["entity_id"], pa.string()),
            "as_of": pa.array(as_of, pa.timestamp("us", "UTC")),
        }
    )


def sources_of(entity: str, features: Iterable[str] | None = None) -> tuple[str, ...]:
    """Return the names of the source tables that these features read."""
    wanted = _wanted(features_of(entity, features))
    return tuple(dict.fromkeys(figure.selection.source for figure in wanted))


@lru_cache(maxsize=64)
def _compiled(entity: str, names: tuple[str, ...]) -> tuple[tuple[tuple[str, str], ...], str]:
    import ibis

    steps, result = plan(entity, names)
    sql = tuple((name, str(ibis.to_sql(step, dialect="duckdb"))) for name, step in steps)
    return sql, str(ibis.to_sql(result, dialect="duckdb"))


def plan(entity: str, features: Iterable[str] | None = None) -> tuple[list[tuple[str, Any]], Any]:
    """Return the Ibis expressions to keep as tables, by name and in order, and the one that gives the result.

    They read the tables ``asked`` (row_id, entity_id, as_of), the sources, and the tables kept before them,
    all moments in microseconds since 1970. Any backend can run them. The result has one column per feature,
    in the order of row_id.
    """
    from features.engines import columns

    chosen = features_of(entity, features)
    steps, names = _passes(entity_named(entity), _wanted(chosen))
    result = columns.asked()
    for name, step in steps:
        result = _beside(result, columns.kept(name, step))
    values = {f.name: _Formula(result, names).feature(f) for f in chosen}
    return steps, result.order_by("row_id").select(**values)


def _passes(entity: Entity, wanted: list[Aggregate]) -> tuple[list[tuple[str, Any]], dict[Aggregate, str]]:
    """Return one expression per source and per link, and the column that each figure has there."""
    from features.engines import columns, flow, own

    steps: list[tuple[str, Any]] = []
    names: dict[Aggregate, str] = {}
    for source in dict.fromkeys(f.selection.source for f in wanted if f.selection.via is None):
        group = [f for f in wanted if f.selection.via is None and f.selection.source == source]
        found, labels = own.figures_of(columns.asked(), entity, group)
        steps.append((f"of_{source}", found))
        names |= labels
    states = dict(steps).get("of_lead_states")
    for via in dict.fromkeys(f.selection.via for f in wanted if f.selection.via is not None):
        asked, key = columns.asked(), columns.literal("all")
        if (link := _link(via)) is not None:
            asked = _beside(asked, columns.kept("of_lead_states", states))
            key = asked[names[link]]
        found, labels = flow.figures_of(asked, via, key, [f for f in wanted if f.selection.via == via])
        steps.append((f"of_{via}", found))
        names |= labels
    return steps, names


def _wanted(chosen: tuple[Feature, ...]) -> list[Aggregate]:
    """Return every figure that the features are made of, and the fields of the lead that they link by."""
    figures = list(dict.fromkeys(figure for feature in chosen for figure in feature.aggregates))
    links = [_link(figure.selection.via) for figure in figures if figure.selection.via is not None]
    return list(dict.fromkeys([*figures, *(link for link in links if link is not None)]))


def _link(via: str) -> Aggregate | None:
    return None if via == "market" else Aggregate("latest", Selection("lead_states"), via)


def _beside(result: Any, found: Any) -> Any:
    found = found.rename(found_row="row_id")
    return result.left_join(found, result.row_id == found.found_row).drop("found_row")


class _Formula:
    """Turns an expression into a column, once the figures are columns."""

    def __init__(self, table: Any, names: Mapping[Aggregate, str]) -> None:
        self._table, self._names, self._now = table, names, table.as_of

    def feature(self, feature: Feature) -> Any:
        column = self._column(feature.value)
        return column.cast("float64") if feature.dtype == "float64" else column

    def _column(self, expr: Expr) -> Any:
        import ibis

        match expr:
            case Aggregate(kind):
                column = self._table[self._names[expr]]
                return column.fill_null(0) if kind in ("count", "distinct", "total") else column
            case Now():
                return self._now
            case Constant(value):
                return ibis.literal(value)
            case Arithmetic(op, left, right):
                return self._arithmetic(op, self._column(left), self._column(right))
            case Elapsed(start, end, unit):
                from features.engines.columns import length

                return (self._column(end) - self._column(start)) / ibis.literal(float(length(unit)))
            case Calendar(part, given):
                return self._column(given).isnull().ifelse(ibis.null("int64"), self._calendar(part))
        raise TypeError(f"no such expression: {expr!r}")

    def _arithmetic(self, op: str, left: Any, right: Any) -> Any:
        if op == "/":
            return left.cast("float64") / right.cast("float64").nullif(0.0)
        return {"+": left + right, "-": left - right, "*": left * right}[op]

    def _calendar(self, part: str) -> Any:
        from features.engines.columns import length

        there = self._now + length(BUSINESS_OFFSET)
        if part == "weekday":  # day 0 of 1970 was a Thursday, day 4
            return (there // _DAY_US + 3) % 7 + 1
        return (there // _SECOND_US).as_timestamp("s").month()
