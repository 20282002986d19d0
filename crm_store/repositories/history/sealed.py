"""The rows that seals cover, as lines, between any two places of their tables."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from crm_store.domain.seals import Line, leaf
from crm_store.models import Activity, ChangeLog, Definition, OrderSnapshot, ScoreLog
from crm_store.repositories.history import streams
from crm_store.repositories.history.streams import Position
from crm_store.repositories.legible import legible
from crm_store.repositories.writes.changelog import follows_from_content
from crm_store.repositories.writes.stored import is_postgres


@dataclass(frozen=True)
class SealedRow:
    """One row as a line, and the place behind it, as seals write it."""

    line: Line
    place: Any


class Stream(Protocol):
    """A table that seals cover. Places are plain JSON; ``start`` is the one before the first row."""

    name: str
    start: Any

    def end(self, session: Session) -> Any:
        """Return how far rows are settled."""

    def rows(
        self, session: Session, after: Any, until: Any = None, limit: int | None = None
    ) -> Iterator[SealedRow]:
        """Yield the rows in (after, until], in order; without ``until``, all that there are."""

    def is_behind(self, one: Any, other: Any) -> bool:
        """Tell whether the place ``other`` is the same as ``one`` or lies behind it."""


class OrderedStream:
    """A table whose rows have one order: all but definitions."""

    start: Any = (-1, None)

    def __init__(self, table: Table, key: tuple[str, ...], content: tuple[str, ...] | None = None) -> None:
        self.name, self._table, self._key = table.name, table, key
        self._content = content or tuple(table.c.keys())

    def end(self, session: Session) -> Any:
        """Return how far rows are settled."""
        place = streams.ends(session, [self._table])[self.name]
        return [place.txid, place.at]

    def rows(
        self, session: Session, after: Any, until: Any = None, limit: int | None = None
    ) -> Iterator[SealedRow]:
        """Yield the rows in (after, until], in order; without ``until``, all that there are."""
        last = Position(*until) if until is not None else streams.LAST
        columns = legible(self._table, self._content, sqlite=not is_postgres(session))
        for placed in streams.read(session, self._table, Position(*after), last, limit, columns=columns):
            content = placed.row._mapping
            line = [
                *(content[name] for name in self._key),
                leaf({name: content[name] for name in self._content}),
            ]
            yield SealedRow(line, [placed.position.txid, placed.position.at])

    def is_behind(self, one: Any, other: Any) -> bool:
        """Tell whether the place ``other`` is the same as ``one`` or lies behind it."""
        return streams.is_behind(Position(*one), Position(*other))


class DefinitionStream:
    """Definitions: few, and without an order of their own; the place is the newest version of each."""

    name = "definition"
    start: Any = {}  # noqa: RUF012 - never written to
    _table: Table = Definition.__table__  # type: ignore[assignment]

    def end(self, session: Session) -> Any:
        """Return the newest version of each definition."""
        table = self._table.c
        query = select(table.kind, table.name, func.max(table.version)).group_by(table.kind, table.name)
        place: dict[str, dict[str, int]] = {}
        for kind, name, version in session.connection().execute(query.order_by(table.kind, table.name)):
            place.setdefault(kind, {})[name] = version
        return place

    def rows(
        self, session: Session, after: Any, until: Any = None, limit: int | None = None
    ) -> Iterator[SealedRow]:
        """Yield the definitions in (after, until], by kind, name and version."""
        table = self._table
        columns = legible(table, sqlite=not is_postgres(session))
        query = select(*columns).order_by(table.c.kind, table.c.name, table.c.version)
        place = {kind: dict(names) for kind, names in after.items()}
        found = 0
        for row in session.connection().execute(query):
            if row.version <= _version(after, row) or (
                until is not None and row.version > _version(until, row)
            ):
                continue
            place.setdefault(row.kind, {})[row.name] = row.version
            yield SealedRow(
                [row.kind, row.name, row.version, leaf(row._asdict())],
                {kind: dict(names) for kind, names in place.items()},
            )
            found += 1
            if found == limit:
                return

    def is_behind(self, one: Any, other: Any) -> bool:
        """Tell whether the place ``other`` is the same as ``one`` or lies behind it: versions only grow."""
        return True


STREAMS: tuple[Stream, ...] = (
    # The entry's hash stands for its content, and the chain check holds it to that.
    OrderedStream(
        ChangeLog.__table__,  # type: ignore[arg-type]
        ("entity", "entity_id", "version"),
        ("id", "txid", "entity", "entity_id", "version", "hash"),
    ),
    OrderedStream(Activity.__table__, ("id",)),  # type: ignore[arg-type]
    OrderedStream(OrderSnapshot.__table__, ("id",)),  # type: ignore[arg-type]
    OrderedStream(ScoreLog.__table__, ("id",)),  # type: ignore[arg-type]
    DefinitionStream(),
)


def is_re_chained(session: Session, entity: str, entity_id: str, version: int) -> bool:
    """Tell whether a log entry that is not the one sealed has a hash that follows from its content."""
    table: Table = ChangeLog.__table__  # type: ignore[assignment]
    entry = select(*legible(table, sqlite=not is_postgres(session))).where(
        table.c.entity == entity, table.c.entity_id == entity_id, table.c.version == version
    )
    return any(follows_from_content(row) for row in session.connection().execute(entry))


def _version(place: Mapping[str, Mapping[str, int]], row: Any) -> float:
    return place.get(row.kind, {}).get(row.name, -math.inf)
