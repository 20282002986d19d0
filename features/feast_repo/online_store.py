"""Feast's online store interface over packed rows, on SQLite and on Redis.

What Feast writes, the direct path reads, and the other way round. A newer value is never overwritten by an
older one, moments are kept to the microsecond, and a value past its view's time to live is not served.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel
from feast.types import Float64, String

from features.online_rows.keepers import rows_at
from features.online_rows.layout import Cell, Layout, digest_of, event_us, from_us, text_key, to_us
from features.online_rows.rows import Item, Rows

_NO_CREATION = -1
_KINDS: dict[Any, str] = {Float64: "number", String: "word"}


class PackedSqliteOnlineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """``path`` is the SQLite file, relative to the repository."""

    type: str = "features.feast_repo.online_store.PackedSqliteOnlineStore"
    path: str = "online.db"


class PackedRedisOnlineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """``url`` is redis:// or rediss://, with its password."""

    type: str = "features.feast_repo.online_store.PackedRedisOnlineStore"
    url: str = "redis://127.0.0.1:6379/0"


class _PackedOnlineStore(OnlineStore):  # type: ignore[misc]
    """Keeps one packed row per entity and view."""

    _opened: Rows | None = None

    def _open(self, config: Any) -> Rows:
        raise NotImplementedError

    def _rows(self, config: Any) -> Rows:
        if self._opened is None:
            self._opened = self._open(config)
        return self._opened

    def online_write_batch(
        self, config: Any, table: Any, data: Sequence[Any], progress: Callable[[int], Any] | None
    ) -> None:
        """Write rows of (entity key, values by feature, event timestamp, created timestamp).

        Raises KeyError for a row that lacks a feature of the view.
        """
        layout = layout_of(table)
        self._rows(config).put(view_key(config, table), layout, _items(config, layout, data))
        if progress:
            progress(len(data))

    def online_read(
        self,
        config: Any,
        table: Any,
        entity_keys: list[Any],
        requested_features: list[str] | None = None,
    ) -> list[tuple[datetime | None, dict[str, Any] | None]]:
        """Return (moment, values) per key, (None, None) for what is not known or known for too long."""
        rows = self._rows(config)
        names = requested_features or [feature.name for feature in table.features]
        oldest = to_us(utc_now() - table.ttl) if table.ttl else None
        keys = [_key(config, key) for key in entity_keys]
        return [_read(rows, row, names, oldest) for row in rows.get(view_key(config, table), keys)]

    def update(
        self,
        config: Any,
        tables_to_delete: Sequence[Any],
        tables_to_keep: Sequence[Any],
        entities_to_delete: Sequence[Any],
        entities_to_keep: Sequence[Any],
        partial: bool,
    ) -> None:
        """Forget the views that are gone; a view that is kept needs nothing."""
        for table in tables_to_delete:
            self._rows(config).drop(view_key(config, table))

    def teardown(self, config: Any, tables: Sequence[Any], entities: Sequence[Any]) -> None:
        """Forget every view."""
        for table in tables:
            self._rows(config).drop(view_key(config, table))


class PackedSqliteOnlineStore(_PackedOnlineStore):
    """Packed rows in a SQLite file."""

    def _open(self, config: Any) -> Rows:
        from features.online_rows.sqlite_rows import SqliteRows

        path = Path(config.online_store.path)
        return SqliteRows(path if path.is_absolute() else Path(config.repo_path or ".") / path)


class PackedRedisOnlineStore(_PackedOnlineStore):
    """Packed rows in Redis."""

    def _open(self, config: Any) -> Rows:
        return rows_at(Path(), config.online_store.url)


def utc_now() -> datetime:
    """Return real time: Feast hands its stores no moment to judge ages by."""
    return datetime.now(UTC)


def view_key(config: Any, table: Any) -> str:
    """Return the name under which a view's rows are kept."""
    return f"{config.project}.{table.name}"


def layout_of(table: Any) -> Layout:
    """Return the layout of a view's features: what is neither float64 nor text is kept as Feast's message."""
    kinds = [(feature.name, _KINDS.get(feature.dtype, "other")) for feature in table.features]
    by_kind = [[name for name, kind in kinds if kind == wanted] for wanted in ("number", "word", "other")]
    return Layout.of(*by_kind)


def _items(config: Any, layout: Layout, data: Sequence[Any]) -> Iterator[Item]:
    for entity_key, values, event, created in data:
        cells = {name: _cell(values[name], kind) for name, kind in layout.columns}
        made = to_us(created) if created else _NO_CREATION
        yield _key(config, entity_key), layout.pack(cells, to_us(event), made)


def _cell(value: Any, kind: str) -> Cell:
    if value.WhichOneof("val") is None:
        return None
    if kind == "number":
        number: float = value.double_val
        return number
    if kind == "word":
        word: str = value.string_val
        return word
    message: bytes = value.SerializeToString()
    return message


def _key(config: Any, entity_key: Any) -> bytes:
    values = entity_key.entity_values
    if len(values) == 1 and values[0].WhichOneof("val") == "string_val":
        return text_key(values[0].string_val)
    version = config.entity_key_serialization_version
    plain: bytes = serialize_entity_key(
        EntityKey.FromString(entity_key.SerializeToString()), entity_key_serialization_version=version
    )
    return b"k" + plain


def _read(
    rows: Rows, row: bytes | None, names: Sequence[str], oldest: int | None
) -> tuple[datetime | None, dict[str, Any] | None]:
    layout = None if row is None else rows.layout(digest_of(row))
    if row is None or layout is None or (oldest is not None and event_us(row) < oldest):
        return None, None
    values, kinds = layout.unpack(row), dict(layout.columns)
    return from_us(event_us(row)), {name: _message(values.get(name), kinds.get(name)) for name in names}


def _message(cell: Any, kind: str | None) -> Any:
    if cell is None:
        return Value()
    if kind == "number":
        return Value(double_val=cell)
    return Value(string_val=cell) if kind == "word" else Value.FromString(cell)
