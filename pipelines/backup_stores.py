"""Copying a store out and back, for each kind of store. Only ``pipelines.backup`` enters here."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, column, create_engine, func, inspect, make_url, select, table
from sqlalchemy.exc import OperationalError

from crm_store.database import open_engine, write_connection
from crm_store.repositories.history.clock import catch_up
from crm_store.repositories.problems import Problem, StoreError
from pipelines.postgres_tools import run_tool, server_major

_WAL = ("", "-wal", "-shm")


class StoreCopy(Protocol):
    """One kind of store, as something to be copied."""

    kind: str

    def dump(self, file: Path) -> tuple[dict[str, int], str]:
        """Write the store as of one moment; return that moment's rows by table, and the schema's revision."""

    def load(self, file: Path) -> None:
        """Fill the empty store from a dump."""

    def scratch(self, file: Path, folder: Path) -> AbstractContextManager[str]:
        """Give the URL of a store of its own, filled from a dump and gone afterwards."""

    def is_empty(self) -> bool:
        """Tell whether nothing would be lost."""

    def put_aside(self, stamp: str) -> list[str]:
        """Make room for another store; return where the old one is now."""

    def is_own_file(self, file: Path) -> bool:
        """Tell whether a file of the data folder is the store."""

    def count(self) -> dict[str, int]:
        """Return the rows of every table."""


def store_copy(url: str) -> StoreCopy:
    """Return how the store of a URL is copied."""
    if make_url(url).get_backend_name() == "sqlite":
        return SqliteCopy(url)
    return PostgresCopy(url)


class SqliteCopy:
    """A SQLite file, copied through SQLite's online backup: one moment, whoever writes meanwhile."""

    kind = "sqlite"

    def __init__(self, url: str) -> None:
        self._file = Path(make_url(url).database or "")

    def dump(self, file: Path) -> tuple[dict[str, int], str]:
        """Write the store as of one moment."""
        with closing(sqlite3.connect(self._file)) as source, closing(sqlite3.connect(file)) as target:
            source.backup(target)  # all pages in one step: one read transaction
        return _counted(f"sqlite:///{file}")

    def load(self, file: Path) -> None:
        """Put the dump where the store belongs."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, self._file)

    @contextmanager
    def scratch(self, file: Path, folder: Path) -> Iterator[str]:
        """Give a copy in ``folder``."""
        copy = folder / f"{uuid.uuid4().hex}.db"
        shutil.copy2(file, copy)
        yield f"sqlite:///{copy}"

    def is_empty(self) -> bool:
        """Tell whether there is no file."""
        return not self._file.exists()

    def put_aside(self, stamp: str) -> list[str]:
        """Rename the file with what SQLite keeps beside it, which belongs to it."""
        if self.is_empty():
            return []
        aside = self._file.with_name(f"{self._file.name}.before-{stamp}")
        for end in _WAL:
            part = self._file.with_name(self._file.name + end)
            if part.exists():
                part.rename(aside.with_name(aside.name + end))
        return [str(aside)]

    def is_own_file(self, file: Path) -> bool:
        """Tell whether it is the store's file."""
        return file.resolve() == self._file.resolve()

    def count(self) -> dict[str, int]:
        """Return the rows of every table."""
        return _counted(f"sqlite:///{self._file}")[0]


class PostgresCopy:
    """A PostgreSQL database, copied by ``pg_dump`` from an exported snapshot."""

    kind = "postgresql"

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = make_url(url).database or "postgres"

    def dump(self, file: Path) -> tuple[dict[str, int], str]:
        """Write the database as of the moment at which its rows are counted."""
        engine = open_engine(self._url)
        try:
            major = server_major(engine)
            with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                counted = _count(connection)
                snapshot = connection.scalar(select(func.pg_export_snapshot()))
                arguments = ["--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={file}"]
                run_tool("pg_dump", self._url, arguments, major)
        finally:
            engine.dispose()
        return counted

    def load(self, file: Path) -> None:
        """Fill the database, and let its transaction clock go on where the dump's left off."""
        _restore(self._url, self._name, file)

    @contextmanager
    def scratch(self, file: Path, folder: Path) -> Iterator[str]:
        """Give a new database of the same server."""
        name = f"leadpulse_check_{uuid.uuid4().hex[:12]}"
        url = make_url(self._url).set(database=name).render_as_string(hide_password=False)
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            _restore(url, name, file)
            yield url
        finally:
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    def is_empty(self) -> bool:
        """Tell whether the database has no table."""
        engine = open_engine(self._url)
        try:
            return not inspect(engine).get_table_names()
        finally:
            engine.dispose()

    def put_aside(self, stamp: str) -> list[str]:
        """Rename the database and make an empty one in its place."""
        if self.is_empty():
            return []
        aside = f"{self._name}_before_{stamp.lower()}"
        try:
            self._administer(f'ALTER DATABASE "{self._name}" RENAME TO "{aside}"')
        except OperationalError as error:
            raise StoreError(_in_use(self._name)) from error
        self._administer(f'CREATE DATABASE "{self._name}" TEMPLATE template0')
        return [f"database {aside}"]

    def is_own_file(self, file: Path) -> bool:
        """Tell that no file of the data folder is the store."""
        return False

    def count(self) -> dict[str, int]:
        """Return the rows of every table."""
        return _counted(self._url)[0]

    def _administer(self, statement: str) -> None:
        """Run what only works outside the database and outside a transaction; names in it are our own."""
        other = "template1" if self._name == "postgres" else "postgres"
        server = make_url(self._url).set(drivername="postgresql+psycopg", database=other)
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()


def _restore(url: str, name: str, file: Path) -> None:
    engine = open_engine(url)
    try:
        arguments = ["--no-owner", "--exit-on-error", f"--dbname={name}", str(file)]
        run_tool("pg_restore", url, arguments, server_major(engine))
        with write_connection(engine) as connection:
            catch_up(connection)
            connection.exec_driver_sql("ANALYZE")  # a restored table has no statistics to plan by
    finally:
        engine.dispose()


def _counted(url: str) -> tuple[dict[str, int], str]:
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return _count(connection)
    finally:
        engine.dispose()


def _count(connection: Connection) -> tuple[dict[str, int], str]:
    names = sorted(inspect(connection).get_table_names())
    counts = {name: select(func.count()).select_from(table(name)) for name in names}
    rows = {name: int(connection.scalar(query) or 0) for name, query in counts.items()}
    if "alembic_version" not in names:
        return rows, ""
    revision = connection.scalar(select(column("version_num")).select_from(table("alembic_version")))
    return rows, str(revision)


def _in_use(name: str) -> Problem:
    return Problem(
        "in_use",
        None,
        f"数据库 {name} 仍有连接，请先停止服务再恢复",
        f"the database {name} is in use: stop the services first",
    )
