"""Moves the feature sources out of the store in bulk, as Arrow and then Parquet, a batch at a time."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, Dialect, Engine, Select
from sqlalchemy.orm import Session

from crm_store.domain.sources import SOURCES, ColumnType, SourceTable
from crm_store.repositories.sources import queries as source_queries
from crm_store.repositories.sources import rows as source_rows
from crm_store.repositories.sources import versions as source_versions
from crm_store.repositories.sources.aliases import Alias, aliases, by_merged, copies_of

Progress = Callable[[str, int], None]

# Rows held in memory at once, and rows of a Parquet row group.
BATCH_ROWS = 50_000

_ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "float": pa.float64(),
    "moment": pa.timestamp("us", tz="UTC"),
}
_ENTRY = pa.schema(
    [
        ("entity", pa.string()),
        ("entity_id", pa.string()),
        ("version", pa.int64()),
        ("recorded_at", _ARROW_TYPES["moment"]),
        ("changes", pa.string()),
    ]
)


def arrow_schema(table: SourceTable) -> pa.Schema:
    """Return a source's Arrow schema: string, float64, timestamp[us, UTC]."""
    return pa.schema([(name, _ARROW_TYPES[kind]) for name, kind in table.columns.items()])


class _Files:
    """One growing Parquet file per source."""

    def __init__(self, paths: dict[str, Path], opened: ExitStack, progress: Progress | None) -> None:
        self.rows = dict.fromkeys(paths, 0)
        self._progress = progress
        self._waiting: dict[str, list[source_versions.Row]] = {name: [] for name in paths}
        self._writers = {
            name: opened.enter_context(pq.ParquetWriter(path, arrow_schema(SOURCES[name])))
            for name, path in paths.items()
        }

    def write(self, name: str, batch: pa.RecordBatch) -> None:
        """Append a batch that has the source's schema."""
        self._writers[name].write_batch(batch)
        self.rows[name] += batch.num_rows
        if self._progress:
            self._progress(name, self.rows[name])

    def add(self, name: str, row: source_versions.Row) -> None:
        """Append one row; it is written when enough of them wait."""
        waiting = self._waiting[name]
        waiting.append(row)
        if len(waiting) >= BATCH_ROWS:
            self._flush(name)

    def finish(self) -> None:
        """Write the rows that still wait."""
        for name in self._waiting:
            self._flush(name)

    def _flush(self, name: str) -> None:
        rows = self._waiting[name]
        if not rows:
            return
        schema = arrow_schema(SOURCES[name])
        columns = [pa.array([row.get(part.name) for row in rows], part.type) for part in schema]
        self.write(name, pa.RecordBatch.from_arrays(columns, schema=schema))
        rows.clear()


@contextmanager
def _replacing(folder: Path, progress: Progress | None) -> Iterator[_Files]:
    """Give files to write, and put them in place together when all are complete; else leave no trace."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = {name: folder / f".{name}.{os.getpid()}.parquet" for name in SOURCES}
    try:
        with ExitStack() as opened:
            files = _Files(unfinished, opened, progress)
            yield files
            files.finish()
        for name, path in unfinished.items():
            path.replace(folder / f"{name}.parquet")
    finally:
        for path in unfinished.values():
            path.unlink(missing_ok=True)


class _Snapshot(Protocol):
    """One read transaction: every source is of the same moment."""

    def batches(self, query: Select[*tuple[Any, ...]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query without parameters, whose columns are the schema's, in its types."""
        ...


class _SqliteSnapshot:
    """Reads through Python's own SQLite driver.

    ADBC would be three times as fast here, but brings a second SQLite library into the process, and when
    that closes the file the locks of this one are gone: another writer could then damage the store.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def batches(self, query: Select[*tuple[Any, ...]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        cursor: Any = self._connection.connection.cursor()
        try:
            cursor.execute(str(query.compile(dialect=self._connection.dialect)))
            while rows := cursor.fetchmany(BATCH_ROWS):
                columns = zip(*rows, strict=True)
                arrays = [_array(values, part.type) for values, part in zip(columns, schema, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        finally:
            cursor.close()


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)  # moments are kept as microseconds
    return pa.array(values, kind)


class _PostgresSnapshot:
    """Reads through ADBC, five times as fast as a server-side cursor."""

    def __init__(self, connection: Any, dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def batches(self, query: Select[*tuple[Any, ...]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._connection.cursor() as cursor:
            cursor.execute(str(query.compile(dialect=self._dialect)))
            with cursor.fetch_record_batch() as reader:
                for batch in reader:
                    arrays = [
                        array.cast(part.type) for array, part in zip(batch.columns, schema, strict=True)
                    ]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)


@contextmanager
def _snapshot(engine: Engine) -> Iterator[_Snapshot]:
    if engine.dialect.name == "sqlite":
        with engine.connect() as own, own.begin():
            yield _SqliteSnapshot(own)
        return
    import adbc_driver_postgresql.dbapi as driver

    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with driver.connect(address) as connection:
        yield _PostgresSnapshot(connection, engine.dialect)


def _entries(snapshot: _Snapshot) -> Iterator[source_versions.Entry]:
    for batch in snapshot.batches(source_queries.entries(), _ENTRY):
        yield from map(source_versions.Entry, *(column.to_pylist() for column in batch.columns))


def export(engine: Engine, folder: Path, progress: Progress | None) -> dict[str, int]:
    """Write every source and return its rows; see ``event_log.export_sources``."""
    with Session(engine) as session:
        known = {f"{entity}_id": by_merged(aliases(session, entity)) for entity in ("lead", "account")}
    with _snapshot(engine) as snapshot, _replacing(folder, progress) as files:
        for name in source_queries.FACTS:
            for batch in snapshot.batches(source_queries.facts(name), arrow_schema(SOURCES[name])):
                files.write(name, batch)
                _add_copies(files, name, batch, known)
        wanted = (entry for entry in _entries(snapshot) if entry.entity in source_rows.FOLDS)
        for name, row in source_rows.folded(wanted, SOURCES):
            files.add(name, row)
            for copy in copies_of(name, row, known):
                files.add(name, copy)
    return files.rows


def _add_copies(
    files: _Files, name: str, batch: pa.RecordBatch, known: dict[str, dict[str, list[Alias]]]
) -> None:
    """Give the survivors of merges what happened with the records that were merged away."""
    theirs = pa.repeat(False, batch.num_rows)
    for key in SOURCES[name].keys:
        if known.get(key):
            merged = pc.is_in(batch.column(key), value_set=pa.array(list(known[key]), pa.string()))
            theirs = pc.or_(theirs, merged)
    for row in batch.filter(theirs).to_pylist():
        for copy in copies_of(name, row, known):
            files.add(name, copy)
