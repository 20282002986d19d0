"""Loading facts and whole histories in bulk. Each call is one transaction of its own, and can be repeated."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, Table, select

from crm_store.database import write_connection
from crm_store.models import Activity, ChangeLog, OrderSnapshot
from crm_store.models.base import UtcMoment
from crm_store.repositories import problems
from crm_store.repositories.fields import (
    FIELDS,
    Value,
    check_changes,
    check_still_complete,
    check_whole,
    complete_new,
)
from crm_store.repositories.problems import StoreError
from crm_store.repositories.rows import BATCH, any_of, in_batches, insert_arrow, insert_rows
from crm_store.repositories.writes import changelog
from crm_store.repositories.writes.chains import Chain, Entry, Signature, advance, backdated
from crm_store.repositories.writes.guards import check_way
from crm_store.repositories.writes.stored import hidden_defaults, table_of

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all); the second is 0 when unknown."""

MOMENT = pa.timestamp("us", tz="UTC")

_LOOKUP = 5_000
_LOG_BATCH = 10_000
_LOG_COLUMNS = Entry._fields
_OWN_COLUMNS = ("id", "version", "updated_at")
_IDENTITY = ("id", "source", "external_id", "recorded_at")


def load_facts(engine: Engine, model: type[Activity] | type[OrderSnapshot], table: pa.Table) -> int:
    """Add facts whose id is new and return how many; facts already there are left as they are.

    ``table`` has columns of ``model`` (those that may be empty may be absent), moments as timestamps with a
    time zone. Raises StoreError for columns that do not fit, IntegrityError for rows that do not.
    """
    target: Table = model.__table__  # type: ignore[assignment]
    data = _aligned(target, table)
    with write_connection(engine) as connection:
        return insert_arrow(connection, target, data)


def load_history(
    engine: Engine,
    entity: str,
    versions: pa.Table | Iterable[Mapping[str, Any]],
    *,
    actor: str,
    reason: str | None,
    now: datetime,
    progress: Progress | None = None,
) -> int:
    """Load records with every version they ever had, and return how many versions were written.

    Each row is {"id", "source", "external_id", "recorded_at", "fields": {field: new value}}; the first of an
    id creates the record, later ones change it, in the order of their ``recorded_at``. In an Arrow table
    the fields are columns, and an empty cell means unchanged. Records that exist already are skipped whole.
    One transaction; memory grows with the number of records, not of versions. Raises StoreError for an actor
    of no known way, a value that does not fit or rows out of order, and then nothing is written.
    """
    with write_connection(engine) as connection:
        return add_history(
            connection, entity, versions, actor=actor, reason=reason, now=now, progress=progress
        )


def add_history(
    connection: Connection,
    entity: str,
    versions: pa.Table | Iterable[Mapping[str, Any]],
    *,
    actor: str,
    reason: str | None,
    now: datetime,
    progress: Progress | None = None,
) -> int:
    """Do as ``load_history`` within the caller's transaction, which a StoreError leaves half done."""
    check_way(actor)
    total = versions.num_rows if isinstance(versions, pa.Table) else _length(versions)
    rows = _rows_of(versions) if isinstance(versions, pa.Table) else versions
    histories = _Histories(entity, actor, reason, now)
    written = done = 0
    for batch in in_batches(rows, _LOG_BATCH):
        histories.skip(_existing(connection, entity, histories.unseen(row["id"] for row in batch)))
        entries = [entry for row in batch if (entry := histories.add(row)) is not None]
        written += insert_rows(connection, ChangeLog.__table__, _LOG_COLUMNS, entries)  # type: ignore[arg-type]
        done += len(batch)
        if progress is not None:
            progress(done, total)
    hidden = hidden_defaults(entity)
    columns = [*_OWN_COLUMNS, *FIELDS[entity], *hidden]
    records = ((*record, *hidden.values()) for record in histories.records())
    insert_rows(connection, table_of(entity), columns, records)
    return written


class _Histories:
    """The histories being loaded: turns rows into log entries and keeps each record's latest state."""

    def __init__(self, entity: str, actor: str, reason: str | None, now: datetime) -> None:
        self._entity, self._actor, self._reason, self._now = entity, actor, reason, now
        self._chains: dict[str, Chain] = {}
        self._skipped: set[str] = set()

    def skip(self, ids: Iterable[str]) -> None:
        self._skipped.update(ids)

    def unseen(self, ids: Iterable[str]) -> set[str]:
        return {one for one in ids if one not in self._chains and one not in self._skipped}

    def add(self, row: Mapping[str, Any]) -> Entry | None:
        """Return the log entry of one version, or None when the record is skipped or nothing changed."""
        record_id = row["id"]
        if record_id in self._skipped:
            return None
        current = self._chains.get(record_id)
        values, recorded_at = self._checked(row, is_new=current is None), row["recorded_at"]
        if current is None:
            current = self._chains[record_id] = Chain.unborn(self._entity, recorded_at)
        changes = changelog.diff(current.state, values)
        if not changes:
            return None
        if recorded_at < current.recorded_at:
            raise StoreError(backdated(self._entity, record_id))
        state = {**current.state, **values}
        check_whole(self._entity, state)
        signature = Signature(self._actor, self._reason, recorded_at, self._now)
        return advance(self._entity, record_id, current, state, changes, signature)

    def records(self) -> Iterator[tuple[Any, ...]]:
        """Yield every record as it finally stands, in the order of the record table's columns."""
        names = tuple(FIELDS[self._entity])
        for record_id, last in self._chains.items():
            yield (record_id, last.version, last.recorded_at, *(last.state[name] for name in names))

    def _checked(self, row: Mapping[str, Any], is_new: bool) -> dict[str, Value]:
        if not is_new:
            values = check_changes(self._entity, row["fields"])
            check_still_complete(self._entity, values)
            return values
        origin = {
            "source": row["source"],
            "external_id": row["external_id"],
            "created_at": row["recorded_at"],
        }
        return complete_new(self._entity, check_changes(self._entity, origin | dict(row["fields"])))


def _existing(connection: Connection, entity: str, ids: Iterable[str]) -> set[str]:
    return existing_ids(connection, table_of(entity), ids)


def existing_ids(connection: Connection, table: Table, ids: Iterable[str]) -> set[str]:
    """Return which of ``ids`` the table has."""
    found: set[str] = set()
    for some in in_batches(ids, _LOOKUP):
        found.update(connection.scalars(select(table.c.id).where(any_of(connection, table.c.id, some))))
    return found


def _aligned(target: Table, data: pa.Table) -> pa.Table:
    """Give ``data`` the table's columns and types; a column that is absent becomes empty."""
    unknown = [name for name in data.column_names if name not in target.c]
    if unknown:
        raise StoreError(problems.unknown_field(unknown[0], target.name))
    columns = {}
    for column in target.c:
        if column.name in data.column_names:
            columns[column.name] = _cast(column.name, data[column.name], arrow_type(column.type))
        elif not column.nullable:
            raise StoreError(problems.required(column.name))
    return pa.table(columns)


def arrow_type(column_type: Any) -> pa.DataType:
    """Return the Arrow type of a fact's column."""
    if isinstance(column_type, UtcMoment):
        return MOMENT
    return pa.float64() if column_type.python_type is float else pa.string()


def _cast(name: str, values: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if wanted == MOMENT and not (pa.types.is_timestamp(values.type) and values.type.tz):
        raise StoreError(problems.wrong_type(name, "moment"))
    return values.cast(wanted)


def _rows_of(table: pa.Table) -> Iterator[Mapping[str, Any]]:
    names = [name for name in table.column_names if name not in _IDENTITY]
    for batch in table.to_batches(max_chunksize=BATCH):
        for row in batch.to_pylist():
            fields = {name: row[name] for name in names if row[name] is not None}
            yield {name: row[name] for name in _IDENTITY} | {"fields": fields}


def _length(rows: Iterable[Any]) -> int:
    return len(rows) if isinstance(rows, Sequence) else 0
