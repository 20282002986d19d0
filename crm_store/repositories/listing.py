"""Lists of any kind of record or fact: filters, any sort, and pages that neither skip nor repeat.

A page ends with a cursor: the place (sort values and id) behind its last row. Rows inserted meanwhile move
nothing, because the next page begins at a place and not at a number.
"""

import base64
import hashlib
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm_store.repositories.cursors import BadCursor
from crm_store.repositories.fields import FACTS, FIELDS, RECORDS, Field, Value, from_log, to_log
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.narrowing import ASKED
from crm_store.repositories.sight.nearness import Asked

Comparison = Literal["eq", "gte", "lte", "gt", "lt", "in", "prefix", "null"]
Deleted = Literal["no", "yes", "any"]

_BOOKKEEPING = {
    "id": Field("id", "string", True, 40, None, None, None, None),
    "version": Field("version", "integer", True, None, None, None, None, None),
    "updated_at": Field("updated_at", "moment", True, None, None, None, None, None),
}
_DIGEST_BYTES = 8
_MAX_CURSOR = 2_000


@dataclass(frozen=True)
class Filter:
    """One condition; ``value`` is of the field's type, a tuple of such for ``in``, a boolean for ``null``."""

    field: str
    comparison: Comparison
    value: Any


@dataclass(frozen=True)
class Sort:
    """One sort field. Missing values come last, or first when descending, on both stores."""

    field: str
    descending: bool = False


@dataclass(frozen=True)
class Wanted:
    """What a list is asked for. ``sort`` need not name the id: it is always the last tie-break."""

    entity: str
    filters: tuple[Filter, ...] = ()
    sort: tuple[Sort, ...] = ()
    limit: int = 50
    cursor: str | None = None
    deleted: Deleted = "no"


@dataclass(frozen=True)
class Page:
    """One page: rows as column → value, and where the next page begins (None: this is the last)."""

    rows: list[dict[str, Any]]
    next_cursor: str | None


def listed_fields(entity: str) -> dict[str, Field]:
    """Return every field that lists may filter and sort by, the store's own bookkeeping included."""
    own = {name: _BOOKKEEPING[name] for name in _BOOKKEEPING if hasattr(_model(entity), name)}
    return own | FIELDS[entity]


def page(session: Session, wanted: Wanted) -> Page:
    """Return one page. Raises BadCursor for a cursor of another list, or none at all."""
    sort = _whole_sort(wanted.sort)
    query = _narrowed(wanted)
    if wanted.cursor is not None:
        query = query.where(_behind(wanted.entity, sort, _decode(wanted, sort)))
    query = query.order_by(*(_ordered(wanted.entity, one) for one in sort)).limit(wanted.limit + 1)
    query = query.execution_options(**{ASKED: Asked(wanted.deleted == "no", _in_order(wanted.entity, sort))})
    rows = [dict(row) for row in session.execute(query).mappings()]
    more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
    return Page(rows, _encode(wanted, sort, rows[-1]) if more else None)


def by_id(session: Session, entity: str, record_id: str) -> dict[str, Any] | None:
    """Return one row as column → value, a deleted one too, or None."""
    query = _columns(entity).where(_column(entity, "id") == record_id)
    row = session.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def by_ids(session: Session, entity: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows with these ids (up to a few thousand), deleted ones too, in no order."""
    query = _columns(entity).where(_column(entity, "id").in_(ids))
    return [dict(row) for row in session.execute(query).mappings()]


def by_outside_ids(
    session: Session, entity: str, source: str, external_ids: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the rows that an outside system knows by these ids, in no order."""
    query = _columns(entity).where(
        _column(entity, "source") == source, _column(entity, "external_id").in_(external_ids)
    )
    return [dict(row) for row in session.execute(query).mappings()]


def by_outside_id(session: Session, entity: str, source: str, external_id: str) -> dict[str, Any] | None:
    """Return the row that an outside system knows by its own id, a deleted one too, or None."""
    query = _columns(entity).where(
        _column(entity, "source") == source, _column(entity, "external_id") == external_id
    )
    row = session.execute(query.limit(1)).mappings().one_or_none()
    return None if row is None else dict(row)


def _model(entity: str) -> Any:
    return (RECORDS | FACTS)[entity]


def _column(entity: str, name: str) -> InstrumentedAttribute[Any]:
    column: InstrumentedAttribute[Any] = getattr(_model(entity), name)
    return column


def _columns(entity: str) -> Select[Any]:
    return select(*(_column(entity, name).label(name) for name in listed_fields(entity)))


def _narrowed(wanted: Wanted) -> Select[Any]:
    query = _columns(wanted.entity).where(*(_condition(wanted.entity, one) for one in wanted.filters))
    if wanted.deleted == "any" or not hasattr(_model(wanted.entity), "deleted_at"):
        return query
    deleted_at = _column(wanted.entity, "deleted_at")
    return query.where(deleted_at.is_(None) if wanted.deleted == "no" else deleted_at.is_not(None))


def _condition(entity: str, one: Filter) -> ColumnElement[bool]:
    return _COMPARISONS[one.comparison](_column(entity, one.field), one.value)


def _starts_with(column: Any, prefix: str) -> ColumnElement[bool]:
    # LIKE ignores case on one store and not on the other; only LIKE finds its way by an index on the other.
    start: ColumnElement[str] = func.substr(column, 1, len(prefix))
    return and_(column.startswith(prefix, autoescape=True), start == prefix)


_COMPARISONS: dict[Comparison, Callable[[Any, Any], ColumnElement[bool]]] = {
    "eq": operator.eq,
    "gte": operator.ge,
    "lte": operator.le,
    "gt": operator.gt,
    "lt": operator.lt,
    "in": lambda column, values: column.in_(values),
    "null": lambda column, empty: column.is_(None) if empty else column.is_not(None),
    "prefix": _starts_with,
}


def _whole_sort(sort: tuple[Sort, ...]) -> tuple[Sort, ...]:
    """End the sort with the id, so that every row has one place."""
    for index, one in enumerate(sort):
        if one.field == "id":
            return sort[: index + 1]
    return (*sort, Sort("id"))


def _ordered(entity: str, one: Sort) -> ColumnElement[Any]:
    column = _column(entity, one.field)
    ordered = column.desc() if one.descending else column.asc()
    if not column.expression.nullable:
        return ordered
    # PostgreSQL's own order, so that an index serves it there; SQLite has to be told.
    return ordered.nulls_first() if one.descending else ordered.nulls_last()


def _in_order(entity: str, sort: Sequence[Sort]) -> bool:
    """Tell whether an index holds the rows in the order of the first sort field."""
    table = _model(entity).__table__
    first = {next(iter(index.columns)).name for index in table.indexes}
    return sort[0].field == "id" or sort[0].field in first


def _behind(entity: str, sort: Sequence[Sort], place: Sequence[Value]) -> ColumnElement[bool]:
    """Return the condition that a row comes after ``place``: later in one field, equal in all before it."""
    later: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for one, value in zip(sort, place, strict=True):
        column = _column(entity, one.field)
        later.append(and_(*equal, _after(column, value, one.descending)))
        equal.append(column.is_(None) if value is None else column == value)
    return and_(*_not_before(entity, sort[0], place[0]), or_(*later))


def _not_before(entity: str, first: Sort, value: Value) -> list[ColumnElement[bool]]:
    """Return what the rest of the list meets in its first field alone: an index then starts at the place."""
    column = _column(entity, first.field)
    if value is None:
        return []
    if first.descending:
        return [column <= value]
    return [] if column.expression.nullable else [column >= value]


def _after(column: InstrumentedAttribute[Any], value: Value, descending: bool) -> ColumnElement[bool]:
    if value is None:
        return column.is_not(None) if descending else false()
    if descending:
        return column < value
    return or_(column > value, column.is_(None)) if column.expression.nullable else column > value


def _encode(wanted: Wanted, sort: Sequence[Sort], row: Mapping[str, Any]) -> str:
    place = [to_log(row[one.field]) for one in sort]
    payload = json.dumps(place, separators=(",", ":"), allow_nan=False).encode()
    return base64.urlsafe_b64encode(_digest(wanted, payload) + payload).decode().rstrip("=")


def _decode(wanted: Wanted, sort: Sequence[Sort]) -> list[Value]:
    cursor = wanted.cursor or ""
    if len(cursor) > _MAX_CURSOR:
        raise BadCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if digest != _digest(wanted, payload):
            raise BadCursor
        fields = listed_fields(wanted.entity)
        return [
            fields[one.field].check(from_log(fields[one.field], value))
            for one, value in zip(sort, json.loads(payload), strict=True)
        ]
    except (ValueError, TypeError, RecursionError, StoreError):
        raise BadCursor from None


def _digest(wanted: Wanted, payload: bytes) -> bytes:
    # Not a secret: it tells a slip (another list's cursor, a lost character) from a place.
    told = [wanted.entity, wanted.deleted, sorted(_told(one) for one in wanted.filters)]
    listed = json.dumps([told, [astuple(one) for one in wanted.sort]]).encode()
    return hashlib.blake2b(payload, key=hashlib.sha256(listed).digest(), digest_size=_DIGEST_BYTES).digest()


def _told(one: Filter) -> list[str]:
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    return [one.field, one.comparison, *(str(to_log(value)) for value in values)]
