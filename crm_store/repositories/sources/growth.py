"""Keeps the log of feature sources up to the store: what is new there is told, the rest stays as it is.

What changes about rows told earlier (an entry is corrected, an order gets a new state, a record is deleted or
restored, a merge is made or undone) is told anew as a whole, by the queries and folds of the full export, and
what was told of it before is gone from then on. So a log always reads as a full export of that moment would.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import ColumnElement, Engine, Integer, Table, Text, cast, column, func, select
from sqlalchemy.orm import Session

from crm_store.domain.sources import SOURCES
from crm_store.models import Activity, ChangeLog, OrderSnapshot
from crm_store.repositories.duplicates.merges import MERGED_INTO
from crm_store.repositories.history.streams import LAST, Position, ends, up_to
from crm_store.repositories.rows import in_batches
from crm_store.repositories.sources import queries as source_queries
from crm_store.repositories.sources import rows as source_rows
from crm_store.repositories.sources.aliases import aliases, below, by_merged, copies_of
from crm_store.repositories.sources.export import Progress, arrow_schema, export
from crm_store.repositories.sources.files import (
    GONE,
    POSITION,
    TOUCHED,
    Piece,
    SourceLog,
    alone,
    read_log,
    write_log,
    writing_piece,
)
from crm_store.repositories.sources.histories import belonging
from crm_store.repositories.sources.versions import Entry, Row
from crm_store.repositories.writes.stored import is_postgres

_TABLES: dict[str, Table] = {
    model.__tablename__: model.__table__  # type: ignore[misc]
    for model in (ChangeLog, Activity, OrderSnapshot)
}
_LOG = ChangeLog.__tablename__
_ENTITY_KEYS = ("lead_id", "account_id", "rep_id", "fit_id")
_IDS = 10_000

# Once so large a share of the base has been told anew, reading both costs more than one new base.
MOST_GROWN = 0.25
# A piece takes the ones before it in while they are no larger than so many times its own rows: so there are
# few pieces however often it is built, and each row is copied a few times in all.
_TAKEN_IN = 2

_GONE = pa.schema([("source", pa.string()), ("record_id", pa.string()), (POSITION, pa.int64())])
_TOUCHED = pa.schema(
    [("source", pa.string()), ("key", pa.string()), ("id", pa.string()), (POSITION, pa.int64())]
)


@dataclass(frozen=True)
class Kept:
    """What was written: everything (``whole``) or what was new, and the rows of each source."""

    whole: bool
    rows: dict[str, int]


def keep_up(
    engine: Engine,
    folder: Path,
    form: str,
    now: datetime,
    progress: Progress | None = None,
    *,
    whole: bool = False,
) -> Kept:
    """Bring the log in a folder up to the store; see ``event_log.keep_sources``."""
    with alone(folder):
        log = None if whole else read_log(folder)
        if log is not None and log.form == form and now >= datetime.fromisoformat(log.known_at):
            grown = _grown(engine, folder, log, now)
            if grown is not None:
                return grown
        return _begun(engine, folder, form, now, progress)


def _begun(engine: Engine, folder: Path, form: str, now: datetime, progress: Progress | None) -> Kept:
    """Write a new base."""
    old = read_log(folder)
    at = 1 if old is None else old.position + 1
    with Session(engine) as session:
        places = _places(session)  # before the export: what it knows beyond them is told once more
    with writing_piece(folder, at) as part:
        counts = export(engine, part, progress)
    before = () if old is None else tuple(piece.folder for piece in old.pieces)
    base = f"{now.isoformat()}/{at}"
    write_log(folder, SourceLog(base, form, now.isoformat(), places, (Piece(at, counts),), before))
    return Kept(True, counts)


def _grown(engine: Engine, folder: Path, log: SourceLog, now: datetime) -> Kept | None:
    """Tell what is new since the log; None when a new base is the better or the only way."""
    at = log.position + 1
    with Session(engine) as session:
        if is_postgres(session):
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        if not _still_there(session, log.places):
            return None
        places = _places(session)
        new = _new(session, log.places)
        room = MOST_GROWN * log.pieces[0].size - sum(piece.size for piece in log.pieces[1:])
        if _count(session, new) > room:
            return None
        # What a base knew beyond its places, and on PostgreSQL what lay beyond the horizon, is told again.
        told = _Told(session, new, anew=is_postgres(session) or len(log.pieces) == 1)
        told.tell()
    tables = told.tables(at)
    counts = {name: len(table) for name, table in tables.items()}
    pieces, taken = _taken_in(log.pieces, sum(counts.values()))
    for piece in reversed(taken):
        tables = _joined(folder / piece.folder, piece, tables)
    if tables:
        with writing_piece(folder, at) as part:
            for name, table in tables.items():
                pq.write_table(table, part / f"{name}.parquet", compression="zstd")
        pieces = (*pieces, Piece(at, {name: len(table) for name, table in tables.items()}))
    before = tuple(piece.folder for piece in log.pieces)
    write_log(folder, SourceLog(log.base, log.form, now.isoformat(), places, pieces, before))
    return Kept(False, {name: counts.get(name, 0) for name in SOURCES})


def _taken_in(pieces: tuple[Piece, ...], size: int) -> tuple[tuple[Piece, ...], list[Piece]]:
    """Return the pieces that stay, and those that the next one takes in, oldest first."""
    taken: list[Piece] = []
    while size and len(pieces) > 1 and pieces[-1].size <= _TAKEN_IN * size:
        taken.insert(0, pieces[-1])
        size += pieces[-1].size
        pieces = pieces[:-1]
    return pieces, taken


def _joined(folder: Path, piece: Piece, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    old = {name: pq.read_table(folder / f"{name}.parquet") for name in piece.rows}
    return {
        name: pa.concat_tables([one[name] for one in (old, tables) if name in one])
        for name in dict.fromkeys([*old, *tables])
    }


def _places(session: Session) -> dict[str, Any]:
    """Return how far each stream can be read, and by which row that place is known again."""
    found = {}
    for name, end in ends(session, list(_TABLES.values())).items():
        found[name] = [end.txid, end.at, _mark(session, _TABLES[name], end)]
    return found


def _mark(session: Session, table: Table, end: Position) -> str | None:
    """Return the key of the last row up to a place, None before the first."""
    key = table.c.id if table.name != _LOG else table.c.entity_id + "@" + cast(table.c.version, Text)
    if not is_postgres(session):
        return session.scalar(select(key).where(column("rowid", Integer) == end.at))
    query = select(key).where(table.c.txid <= end.txid).order_by(table.c.txid.desc(), table.c.id.desc())
    return session.scalar(query.limit(1))


def _still_there(session: Session, places: Mapping[str, Any]) -> bool:
    """Tell whether the store still is the one that was read: a restored one may have lost its last rows."""
    if set(places) != set(_TABLES):
        return False
    return all(
        mark == _mark(session, _TABLES[name], Position(txid, at)) for name, (txid, at, mark) in places.items()
    )


def _new(session: Session, places: Mapping[str, Any]) -> dict[str, ColumnElement[bool]]:
    """Return, by table, the condition that a row was written since; all that can be seen counts."""
    return {
        name: up_to(session, _TABLES[name], Position(txid, at), LAST)
        for name, (txid, at, _) in places.items()
    }


def _count(session: Session, new: Mapping[str, ColumnElement[bool]]) -> int:
    counts = (
        session.scalar(select(func.count()).select_from(_TABLES[name]).where(which))
        for name, which in new.items()
    )
    return sum(count or 0 for count in counts)


class _Told:
    """What is to be told: rows, which rows are gone with that, and which entities are touched."""

    def __init__(self, session: Session, new: Mapping[str, ColumnElement[bool]], *, anew: bool) -> None:
        self._session, self._new, self._anew = session, new, anew
        self._rows: dict[str, list[Row]] = {name: [] for name in SOURCES}
        self._gone: dict[tuple[str, str], None] = {}
        self._touched: dict[tuple[str, str, str], None] = {}
        self._aliases = {f"{kind}_id": by_merged(aliases(session, kind)) for kind in ("lead", "account")}
        self._changed: dict[tuple[str, str], set[int]] = {}
        self._lives_changed: set[tuple[str, str]] = set()
        self._merged: dict[str, set[str]] = {"lead_id": set(), "account_id": set()}

    def tell(self) -> None:
        """Read the store and fill everything."""
        self._look_at_the_log()
        self._activities()
        self._orders()
        self._records()

    def tables(self, at: int) -> dict[str, pa.Table]:
        """Return what there is to write, by file; every row carries its position."""
        made = {
            name: _table(arrow_schema(SOURCES[name]).append(pa.field(POSITION, pa.int64())), rows, at)
            for name, rows in self._rows.items()
        }
        made[GONE] = _table(_GONE, ({"source": s, "record_id": r} for s, r in self._gone), at)
        made[TOUCHED] = _table(_TOUCHED, ({"source": s, "key": k, "id": i} for s, k, i in self._touched), at)
        return {name: table for name, table in made.items() if len(table)}

    def _look_at_the_log(self) -> None:
        """Note which records have new versions, and whose rows change with them as a whole."""
        query = select(ChangeLog.entity, ChangeLog.entity_id, ChangeLog.version, ChangeLog.changes)
        for entity, record_id, version, changes in self._session.execute(query.where(self._new[_LOG])):
            if entity not in source_rows.FOLDS:
                continue
            self._changed.setdefault((entity, record_id), set()).add(version)
            if "deleted_at" in changes:
                self._lives_changed.add((entity, record_id))
            if MERGED_INTO in changes:
                self._merged[f"{entity}_id"].add(record_id)
        for key, ids in self._merged.items():
            ids |= below(self._session, key.removesuffix("_id"), ids)
        for account_id in sorted(self._merged["account_id"]):
            for source in ("ticket_events", "contract_events"):
                which = belonging(source, [account_id])
                for kind, one in self._session.execute(
                    select(ChangeLog.entity, ChangeLog.entity_id).where(which).distinct()
                ):
                    self._lives_changed.add((kind, one))

    def _activities(self) -> None:
        new = self._new[Activity.__tablename__]
        fresh = set(self._session.scalars(select(Activity.id).where(new)))
        corrected = select(Activity.corrects_id).where(new, Activity.corrects_id.is_not(None))
        again = {one for one in self._session.scalars(corrected) if one is not None}
        for name, ids in self._merged.items():
            field_ = getattr(Activity, name)
            for some in in_batches(sorted(ids), _IDS):
                again |= set(self._session.scalars(select(Activity.id).where(field_.in_(some))))
        self._facts("activities", Activity.id, fresh | again, fresh - again)

    def _orders(self) -> None:
        """Tell every state of the orders that have a new one: each holds until the next."""
        model, new = OrderSnapshot, self._new[OrderSnapshot.__tablename__]
        number = source_queries.order_number(model.external_id)
        numbers = set(self._session.scalars(select(number).where(new)))
        for some in in_batches(sorted(self._merged["account_id"]), _IDS):
            numbers |= set(self._session.scalars(select(number).where(model.account_id.in_(some))))
        fresh = set(self._session.scalars(select(model.id).where(new)))
        self._facts("orders", number, numbers, fresh)

    def _facts(
        self, source: str, by: ColumnElement[str] | Any, values: Collection[str], fresh: set[str]
    ) -> None:
        for some in in_batches(sorted(values), _IDS):
            found = self._session.execute(source_queries.facts(source, by.in_(some)))
            for row in found.mappings():
                self._add(source, dict(row), again=row["record_id"] not in fresh)

    def _records(self) -> None:
        """Fold the records with new versions, and tell of these; of some tell everything anew."""
        wanted: dict[str, list[str]] = {}
        for entity, record_id in sorted({*self._changed, *self._lives_changed}):
            wanted.setdefault(entity, []).append(record_id)
        for entity, ids in wanted.items():
            for some in in_batches(ids, _IDS):
                which = (ChangeLog.entity == entity) & ChangeLog.entity_id.in_(some)
                found = [Entry(*one) for one in self._session.execute(source_queries.entries().where(which))]
                self._fold(found)

    def _fold(self, entries: Iterable[Entry]) -> None:
        for key, name, row, stands in source_rows.folded_records(entries, SOURCES):
            anew = key in self._lives_changed
            version = int(row["record_id"].removeprefix(f"{key[1]}@").partition("#")[0])
            if not anew and version not in self._changed[key]:
                continue
            if stands:
                self._add(name, row, again=anew)
            else:
                self._touch(name, row, again=anew)

    def _add(self, source: str, row: Row, *, again: bool) -> None:
        self._touch(source, row, again=again)
        for one in (row, *copies_of(source, row, self._aliases)):
            self._rows[source].append(one)
            self._touch(source, one, again=False)

    def _touch(self, source: str, row: Row, *, again: bool) -> None:
        if again or self._anew:
            self._gone[source, row["record_id"]] = None
        for key in _ENTITY_KEYS:
            if row.get(key) is not None:
                self._touched[source, key, row[key]] = None
                for alias in self._aliases.get(key, {}).get(row[key], ()):
                    self._touched[source, key, alias.survivor_id] = None


def _table(schema: pa.Schema, rows: Iterable[Row], at: int) -> pa.Table:
    return pa.Table.from_pylist([row | {POSITION: at} for row in rows], schema=schema)
