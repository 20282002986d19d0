"""The keys under which leads and accounts are found again, and the fields that duplicates are told by."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm_store.domain.likeness import READ_FIELDS, Key, most_sharing
from crm_store.models import DedupeKey
from crm_store.repositories.writes.stored import is_postgres, table_of

Fields = Mapping[str, Any]
RecordKey = tuple[str, Key]
"""A record's id and one of its keys."""

# Items in one statement: SQLite allows 32,766 parameters, and a key has three.
_PORTION = 5_000
_TABLE: Table = DedupeKey.__table__  # type: ignore[assignment]
_NAMES = ("entity", "kind", "key", "record_id")
_Item = TypeVar("_Item")


def keys_of(session: Session, entity: str, record_id: str) -> set[RecordKey]:
    """Return the keys stored for a record."""
    return set(_keys(session, entity, [_one_of([record_id])]))


def keys_of_all(session: Session, entity: str, ids: Collection[str]) -> dict[str, set[Key]]:
    """Return the keys stored for each of these records that has any."""
    found: dict[str, set[Key]] = {}
    for some in _portions(list(ids)):
        for record_id, key in _keys(session, entity, [_one_of(some)]):
            found.setdefault(record_id, set()).add(key)
    return found


def keys_in_range(session: Session, entity: str, low: str, high: str | None) -> set[RecordKey]:
    """Return the keys stored for the records with low < id ≤ high; no high means to the end."""
    return set(_keys(session, entity, _between(_TABLE.c.record_id, low, high)))


def add_keys(session: Session, entity: str, keys: Iterable[RecordKey]) -> None:
    """Store keys, in the order in which they lie; those already there are left as they are."""
    rows = sorted((entity, kind, key, record_id) for record_id, (kind, key) in keys)
    if not rows:
        return
    if not is_postgres(session):
        new = sqlite.insert(_TABLE).on_conflict_do_nothing()
        session.execute(new, [dict(zip(_NAMES, row, strict=True)) for row in rows])
        return
    # One statement with four arrays: a statement for each row would take longer than finding the keys.
    arrays = [cast(list(part), postgresql.ARRAY(String)) for part in zip(*rows, strict=True)]
    unnested = select(*(func.unnest(array) for array in arrays))
    session.execute(postgresql.insert(_TABLE).from_select(list(_NAMES), unnested).on_conflict_do_nothing())


def remove_keys(session: Session, entity: str, keys: Iterable[RecordKey]) -> None:
    """Remove keys, if they are there."""
    columns = tuple_(_TABLE.c.kind, _TABLE.c.key, _TABLE.c.record_id)
    for some in _portions([(kind, key, record_id) for record_id, (kind, key) in keys]):
        session.execute(delete(_TABLE).where(_TABLE.c.entity == entity, columns.in_(some)))


def sharing(session: Session, entity: str, keys: Collection[Key]) -> dict[Key, list[str]]:
    """Return, by key, which records have it; at most ``most_sharing`` + 1 of each are read."""
    if not keys:
        return {}
    wanted = sorted(keys)  # so that the same kinds make the same query
    parameters = {"entity": entity}
    for number, (kind, key) in enumerate(wanted):
        parameters |= {f"kind_{number}": kind, f"key_{number}": key}
    found: dict[Key, list[str]] = {}
    kinds = tuple(kind for kind, _ in wanted)
    for kind, key, record_id in session.connection().execute(_sharing(kinds), parameters):
        found.setdefault((kind, key), []).append(record_id)
    return found


@cache
def _sharing(kinds: tuple[str, ...]) -> CompoundSelect[Any]:
    """Return the query for keys of these kinds; composing it takes longer than running it."""
    return union_all(
        *(
            select(_TABLE.c.kind, _TABLE.c.key, _TABLE.c.record_id)
            .where(
                _TABLE.c.entity == bindparam("entity"),
                _TABLE.c.kind == bindparam(f"kind_{number}"),
                _TABLE.c.key == bindparam(f"key_{number}"),
            )
            .limit(most_sharing(kind) + 1)
            .subquery()
            .select()
            for number, kind in enumerate(kinds)
        )
    )


def blocks(session: Session, entity: str, kind: str, low: str, high: str | None) -> Iterator[list[str]]:
    """Yield the records that share a key of this kind with low ≤ key < high, a list for each key.

    Keys of a single record, or of more than ``most_sharing``, are left out. Streamed.
    """
    conditions = [_TABLE.c.entity == entity, _TABLE.c.kind == kind, _TABLE.c.key >= low]
    if high is not None:
        conditions.append(_TABLE.c.key < high)
    query = select(_TABLE.c.key, _TABLE.c.record_id).where(*conditions)
    rows = session.execute(
        query.order_by(_TABLE.c.key, _TABLE.c.record_id).execution_options(yield_per=_PORTION)
    )
    for _, members in groupby(rows, key=lambda row: row[0]):
        block = [row[1] for row in members]
        if 1 < len(block) <= most_sharing(kind):
            yield block


def live_fields(session: Session, entity: str, ids: Collection[str]) -> dict[str, Fields]:
    """Return, by id, the fields that duplicates are told by, of those records that are not deleted."""
    found: dict[str, Fields] = {}
    for some in _portions(list(ids)):
        found |= _live(session, entity, [table_of(entity).c.id.in_(some)])
    return found


def live_fields_in_range(session: Session, entity: str, low: str, high: str | None) -> dict[str, Fields]:
    """Return the same for the records with low < id ≤ high."""
    return _live(session, entity, _between(table_of(entity).c.id, low, high))


def id_marks(session: Session, entity: str, every: int) -> list[str]:
    """Return every ``every``-th id, in order: places to divide the records at."""
    ids = table_of(entity).c.id
    numbered = select(ids, func.row_number().over(order_by=ids).label("number")).subquery()
    query = select(numbered.c.id).where(numbered.c.number % every == 0).order_by(numbered.c.number)
    return list(session.scalars(query))


def _one_of(ids: Sequence[str]) -> ColumnElement[bool]:
    # A single equality would make SQLite forget the order that ``_keys`` leads it by.
    column = _TABLE.c.record_id
    return column.between(ids[0], ids[0]) if len(ids) == 1 else column.in_(ids)


def _keys(session: Session, entity: str, conditions: Iterable[ColumnElement[bool]]) -> Iterator[RecordKey]:
    query = select(_TABLE.c.record_id, _TABLE.c.kind, _TABLE.c.key)
    # The order leads SQLite, which knows no sizes, to the index by record; it would read all keys instead.
    chosen = query.where(_TABLE.c.entity == entity, *conditions).order_by(_TABLE.c.record_id)
    for record_id, kind, key in session.connection().execute(chosen):
        yield record_id, (kind, key)


def _live(session: Session, entity: str, conditions: Iterable[ColumnElement[bool]]) -> dict[str, Fields]:
    table, names = table_of(entity), READ_FIELDS[entity]
    query = select(table.c.id, *(table.c[name] for name in names))
    rows = session.execute(query.where(table.c.deleted_at.is_(None), *conditions))
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def _between(column: Any, low: str, high: str | None) -> list[ColumnElement[bool]]:
    return [column > low] if high is None else [column > low, column <= high]


def _portions(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _PORTION):
        yield items[start : start + _PORTION]
