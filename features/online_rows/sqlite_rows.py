"""Packed rows in one SQLite file: one table of rows, one of layouts."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from features.online_rows.layout import HEADER, Layout
from features.online_rows.rows import Item

# Rows are written while others read, also from other processes. What a crash of the machine takes with it is
# the last moments' values, which the next event or build writes again: they are derived.
_SETTINGS = ("PRAGMA busy_timeout=30000", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL")
_TABLES = (
    "CREATE TABLE IF NOT EXISTS packed_row (view TEXT NOT NULL, key BLOB NOT NULL, "
    "event_us INTEGER NOT NULL, row BLOB NOT NULL, PRIMARY KEY (view, key)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS row_layout (digest BLOB PRIMARY KEY, columns TEXT NOT NULL) WITHOUT ROWID",
)
_PUT = (
    "INSERT INTO packed_row (view, key, event_us, row) VALUES (?, ?, ?, ?) ON CONFLICT (view, key) DO UPDATE "
    "SET event_us = excluded.event_us, row = excluded.row WHERE excluded.event_us >= packed_row.event_us"
)
_GET = "SELECT key, row FROM packed_row WHERE view = ? AND key IN ({})"
# Two sizes of statement, so that SQLite finds both prepared.
_KEYS_AT_ONCE = 1_000


class SqliteRows:
    """A keeper in a file; safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._layouts: dict[bytes, Layout] = {}

    def put(self, view: str, layout: Layout, items: Iterable[Item]) -> None:
        """Write rows in one transaction."""
        with self._writing() as connection:
            if layout.digest not in self._layouts:
                row = (layout.digest, layout.to_json())
                connection.execute("INSERT OR IGNORE INTO row_layout VALUES (?, ?)", row)
            header = HEADER.unpack_from
            connection.executemany(_PUT, ((view, key, header(row)[1], row) for key, row in items))
        self._layouts[layout.digest] = layout

    def get(self, view: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the rows in the order of the keys."""
        connection = self._connection()
        if len(keys) == 1:
            statement = _GET.format("?")
            found = connection.execute(statement, (view, keys[0])).fetchone()
            return [found[1] if found else None]
        rows: dict[bytes, bytes] = {}
        statement = _GET.format(", ".join("?" * _KEYS_AT_ONCE))
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = list(keys[start : start + _KEYS_AT_ONCE])
            some += some[-1:] * (_KEYS_AT_ONCE - len(some))
            rows.update(connection.execute(statement, (view, *some)))
        return [rows.get(key) for key in keys]

    def layout(self, digest: bytes) -> Layout | None:
        """Return a layout by its digest."""
        if digest not in self._layouts:
            query = "SELECT columns FROM row_layout WHERE digest = ?"
            found = self._connection().execute(query, (digest,)).fetchone()
            if found is None:
                return None
            self._layouts[digest] = Layout.from_json(found[0])
        return self._layouts[digest]

    def drop(self, view: str) -> None:
        """Forget every row of a view."""
        with self._writing() as connection:
            connection.execute("DELETE FROM packed_row WHERE view = ?", (view,))

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            opened, self._opened = self._opened, []
            self._local = threading.local()
        for connection in opened:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._open()
            self._local.connection = connection
        return connection

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Each thread has its own; only ``close`` touches those of others.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        for setting in _SETTINGS:
            connection.execute(setting).close()
        for table in _TABLES:
            connection.execute(table)
        with self._lock:
            self._opened.append(connection)
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
