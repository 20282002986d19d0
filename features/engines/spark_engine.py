"""The catalog run by Spark: the same plan, when one machine is outgrown.

An optional extra (``leadpulse[spark]``, Java 17). Sources and results lie as Parquet where every worker can
read them. Each call has views of its own, so that calls from several threads do not meet.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_store.domain.sources import SOURCES
from crm_store.repositories.sources.files import GONE, POSITION, files_of
from features.catalog import features_of
from features.engines.ibis_engine import asked_table, sources_of, to_frame
from features.errors import FeatureError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

# Results come back as plans describe them: moments are numbers, so no zone of the machine matters.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def session_at(master: str, settings: dict[str, str] | None = None) -> "SparkSession":
    """Return the process's session with the cluster at ``master``: ``spark://host:7077`` or ``local[2]``.

    Raises FeatureError ``spark_missing`` when the extra is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise FeatureError("spark_missing", "engine", "pip install 'leadpulse[spark]'") from None
    builder: Any = SparkSession.builder.master(master).appName("leadpulse-features")
    for name, value in (SETTINGS | (settings or {})).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def compute(
    entity: str,
    rows: "pd.DataFrame",
    sources: Path,
    features: Iterable[str] | None,
    session: "SparkSession",
) -> "pd.DataFrame":
    """Return what ``ibis_engine.compute`` does, worked out by Spark.

    ``sources`` is a folder that all workers can read. Raises FeatureError as there.
    """
    chosen = features_of(entity, features)
    asked = asked_table(rows)
    table: pa.Table
    with _running(entity, session, asked, sources, tuple(f.name for f in chosen)) as found:
        table = found.drop("entity_id", "as_of").toArrow().sort_by("row_id").drop_columns("row_id")
    for place, column in enumerate(("entity_id", "as_of")):
        table = table.add_column(place, column, asked[column])
    return to_frame(table, chosen)


def compute_parquet(
    entity: str, asked: Path, sources: Path, names: tuple[str, ...], target: Path, session: "SparkSession"
) -> None:
    """Write entity_id, as_of and the features of any number of rows as a folder of Parquet files.

    ``asked`` is Parquet with row_id, entity_id and as_of. Nothing passes through this process.
    """
    from pyspark.sql import functions as f

    moment = f.timestamp_micros(f.col("as_of"))
    with _running(entity, session, asked, sources, names) as found:
        whole = found.drop("row_id").withColumn("as_of", moment)
        whole.write.mode("overwrite").parquet(str(target))


@lru_cache(maxsize=64)
def compiled(entity: str, names: tuple[str, ...]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the plan as SQL for Spark: the tables to keep by name, and the result."""
    from features.engines.plan import plan

    steps, result = plan(entity, names)
    return tuple((name, _sql(step)) for name, step in steps), _sql(result)


def _sql(step: Any) -> str:
    """Spark reads 0.5 as a decimal, whose arithmetic rounds: every such number is made a double."""
    import ibis
    import sqlglot
    from sqlglot import exp

    _ = ibis.pyspark  # makes its options known to the compiler

    def doubled(node: exp.Expression) -> exp.Expression:
        decimal = isinstance(node, exp.Literal) and not node.is_string and "." in node.name
        return exp.cast(node.copy(), "double") if decimal else node

    tree = sqlglot.parse_one(str(ibis.to_sql(step, dialect="pyspark")), read="spark")
    return str(tree.transform(doubled).sql(dialect="spark"))


@contextmanager
def _running(
    entity: str, session: "SparkSession", asked: "pa.Table | Path", sources: Path, names: tuple[str, ...]
) -> "Iterator[DataFrame]":
    """Give the result; the tables on the way to it are kept as long as it is read, and no longer."""
    own = session.newSession()
    for name, value in SETTINGS.items():
        if name.startswith("spark.sql."):
            own.conf.set(name, value)
    told = own.read.parquet(str(asked)) if isinstance(asked, Path) else own.createDataFrame(asked)
    _in_micros(told, {"as_of"}).createOrReplaceTempView("asked")
    for name in sources_of(entity, names):
        moments = {column for column, kind in SOURCES[name].columns.items() if kind == "moment"}
        _in_micros(_standing(own, sources, name), moments).createOrReplaceTempView(name)
    steps, result = compiled(entity, names)
    kept: list[DataFrame] = []
    try:
        for name, sql in steps:
            kept.append(own.sql(sql).persist())
            kept[-1].createOrReplaceTempView(name)
        yield own.sql(result)
    finally:
        for table in reversed(kept):
            table.unpersist()


def _in_micros(table: "DataFrame", moments: set[str]) -> "DataFrame":
    from pyspark.sql import functions as f

    return table.withColumns({name: f.unix_micros(f.col(name)) for name in moments})


def _standing(session: "SparkSession", sources: Path, name: str) -> "DataFrame":
    """Return a source's rows but for those that a later piece of its log tells anew."""
    from pyspark.sql import functions as f

    files, gone = files_of(sources, name), files_of(sources, GONE)
    if not files:
        raise FeatureError("source_missing", "sources", f"{name}.parquet")
    rows = session.read.option("mergeSchema", "true").parquet(*map(str, files))
    if POSITION not in rows.columns or not gone:
        return rows.select(*SOURCES[name].columns)
    anew = session.read.parquet(*map(str, gone)).filter(f.col("source") == name)
    last = anew.groupBy(f.col("record_id").alias("gone_id")).agg(f.max(POSITION).alias("gone_at"))
    told = rows.join(last, rows.record_id == last.gone_id, "left")
    standing = told.filter("gone_at IS NULL OR coalesce(position, 0) >= gone_at")
    return standing.select(*SOURCES[name].columns)
