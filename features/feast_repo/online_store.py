"""Feast's SQLite online store with two differences: a newer value is never overwritten, and writing is fast.

Tables and bytes are Feast's own, so its stock store reads and writes the same file.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.online_stores.sqlite import (
    SqliteOnlineStore,
    SqliteOnlineStoreConfig,
    _quote_id,
    _table_id,
)
from feast.utils import to_naive_utc

_BUSY_MS = 30_000


class NewestSqliteOnlineStoreConfig(SqliteOnlineStoreConfig):  # type: ignore[misc]
    """Settings of Feast's SQLite store under the name of this one."""

    type: str = "features.feast_repo.online_store.NewestSqliteOnlineStore"


class NewestSqliteOnlineStore(SqliteOnlineStore):  # type: ignore[misc]
    """One statement for a whole batch, which leaves rows with a later event timestamp alone."""

    def _get_conn(self, config: Any) -> Any:
        fresh = self._conn is None
        connection = super()._get_conn(config)
        if fresh:  # readers go on while a batch is written, also from other processes
            connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def online_write_batch(
        self,
        config: Any,
        table: Any,
        data: Sequence[Any],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Write rows of (entity key, values by feature, event timestamp, created timestamp)."""
        name = _quote_id(
            _table_id(config.project, table, config.registry.enable_online_feature_view_versioning)
        )
        statement = (
            f"INSERT INTO {name} (entity_key, feature_name, value, event_ts, created_ts)"  # noqa: S608
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (entity_key, feature_name) DO UPDATE"
            " SET value = excluded.value, event_ts = excluded.event_ts, created_ts = excluded.created_ts"
            f" WHERE excluded.event_ts >= {name}.event_ts"
        )
        connection = self._get_conn(config)
        with connection:
            connection.executemany(statement, _cells(data, config.entity_key_serialization_version))
        if progress:
            progress(len(data))


def _cells(data: Sequence[Any], key_version: int) -> Iterator[tuple[bytes, str, bytes, int, int | None]]:
    for entity_key, values, event, created in data:
        key = serialize_entity_key(entity_key, entity_key_serialization_version=key_version)
        at, made = _stored(event), _stored(created) if created else None
        for feature, value in values.items():
            yield key, feature, value.SerializeToString(), at, made


def _stored(moment: datetime) -> int:
    """Return a moment as Feast stores it: the whole seconds of its naive UTC form."""
    return int(to_naive_utc(moment).timestamp())
