"""Reading where records stand, locked against other writers, and writing each step with its log entry.

SQLite has one writer at a time. On PostgreSQL rows are locked until the transaction ends; a row that is not
there yet cannot be, and there the log itself decides: its first entry exists once, and who comes second waits
and then finds the record.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Select, Table, Update, and_, bindparam, insert, inspect, literal, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import UserDefinedType

from crm_store.models import ChangeLog
from crm_store.repositories.fields import FIELDS, RECORDS, Value
from crm_store.repositories.problems import StoreError
from crm_store.repositories.rows import any_of
from crm_store.repositories.writes.chains import Chain, Entry, Step
from crm_store.repositories.writes.constraints import refusal

_LOG: Table = ChangeLog.__table__  # type: ignore[assignment]
# Statements are composed once: composing one costs more than running it.
_SHAPES = 1024
_HEAD = ("head_hash", "head_recorded_at")


def table_of(entity: str) -> Table:
    """Return the table of a kind of record."""
    return RECORDS[entity].__table__  # type: ignore[attr-defined, no-any-return]


@cache
def hidden_defaults(entity: str) -> dict[str, Any]:
    """Return what a new record's secret columns hold: they are no fields, so that no write names them."""
    return {
        column.name: column.default.arg
        for column in table_of(entity).c
        if column.info.get("secret") and isinstance(column.default, ScalarElementColumnDefault)
    }


def is_postgres(session: Session) -> bool:
    """Tell which store the session is of."""
    return session.get_bind().dialect.name == "postgresql"


def lock(session: Session, entity: str, record_id: str) -> Chain | None:
    """Return where a record stands and keep other writers away from it until this transaction ends."""
    return lock_all(session, entity, [record_id]).get(record_id)


def lock_all(session: Session, entity: str, ids: Iterable[str]) -> dict[str, Chain]:
    """Do as ``lock`` for many records, in the order of their ids so that no two callers block each other."""
    session.flush()
    connection, wanted = session.connection(), list(ids)
    if len(wanted) == 1:
        rows = connection.execute(_one_locked(entity), {"wanted": wanted[0]}).all()
    else:
        table = table_of(entity)
        among = _stored(entity).where(any_of(connection, table.c.id, wanted))
        rows = connection.execute(among.order_by(table.c.id).with_for_update(of=table)).all()
    names = FIELDS[entity]
    chains = {}
    for record_id, version, head_hash, head_recorded_at, *values in rows:
        if head_hash is None:  # the row changed while we waited for it, and the join looked for the old head
            head_hash, head_recorded_at = _head(session, entity, record_id, version)
        state = dict(zip(names, values, strict=True))
        chains[record_id] = Chain(state, version, head_hash, head_recorded_at)
    return chains


def write_step(session: Session, step: Step) -> bool:
    """Write one step: its log entry, and the record with the fields that changed.

    Returns False when another transaction created the record first; then nothing is written. Raises
    StoreError when the database refuses (a reference to nothing, an outside id that is taken).
    """
    entry, changes = step
    values = {name: new for name, (_, new) in changes.items()}
    columns = {**values, "version": entry.version, "updated_at": entry.recorded_at}
    parameters: dict[str, Any] = {
        f"log_{name}": value for name, value in zip(Entry._fields, entry, strict=True)
    }
    parameters |= {f"new_{name}": value for name, value in columns.items()}
    names = tuple(columns)
    with _refused(session, entry.entity, values):
        if is_postgres(session):
            whole = _create_whole if entry.version == 1 else _update_whole
            written = session.connection().execute(whole(entry.entity, names), parameters).rowcount == 1
        else:
            written = _write_two(session, entry, names, parameters)
    if written:
        remember(session, entry.entity, entry.entity_id, columns)
    return written


def remember(session: Session, entity: str, record_id: str, columns: Mapping[str, Any]) -> None:
    """Tell the session's own copy of the record, if it has one, what was written past it."""
    copy = session.identity_map.get(inspect(RECORDS[entity]).identity_key_from_primary_key((record_id,)))
    if copy is not None:
        for name, value in columns.items():
            set_committed_value(copy, name, value)


def _write_two(session: Session, entry: Entry, names: tuple[str, ...], parameters: dict[str, Any]) -> bool:
    """SQLite has no statement that writes two tables; a savepoint makes two statements one.

    It is set through the driver: around every write, SQLAlchemy's own would cost more than the statements.
    """
    connection = session.connection()
    record = _create if entry.version == 1 else _update
    cursor = connection.connection.cursor()
    cursor.execute("SAVEPOINT step")
    try:
        connection.execute(_LOG_ENTRY, parameters)
        connection.execute(record(entry.entity, names), parameters)
    except BaseException:
        cursor.execute("ROLLBACK TO step")
        raise
    finally:
        cursor.execute("RELEASE step")
        cursor.close()
    return True


@contextmanager
def _refused(session: Session, entity: str, values: Mapping[str, Value]) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise StoreError(refusal(session, entity, values, error)) from error


def _head(session: Session, entity: str, record_id: str, version: int) -> tuple[str, datetime]:
    query = select(_LOG.c.hash, _LOG.c.recorded_at).where(
        _LOG.c.entity == entity, _LOG.c.entity_id == record_id, _LOG.c.version == version
    )
    found = session.connection().execute(query).one()
    return found[0], found[1]


@cache
def _stored(entity: str) -> Select[Any]:
    table = table_of(entity)
    its_head = and_(
        _LOG.c.entity == entity, _LOG.c.entity_id == table.c.id, _LOG.c.version == table.c.version
    )
    fields = [table.c[name] for name in FIELDS[entity]]
    head = (_LOG.c.hash.label(_HEAD[0]), _LOG.c.recorded_at.label(_HEAD[1]))
    return select(table.c.id, table.c.version, *head, *fields).select_from(table.outerjoin(_LOG, its_head))


@cache
def _one_locked(entity: str) -> Select[Any]:
    table = table_of(entity)
    return _stored(entity).where(table.c.id == bindparam("wanted")).with_for_update(of=table)


class _JsonText(UserDefinedType[str]):
    """JSON in its text already, which goes to the driver as it is."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"


_ENTRY_VALUES: dict[str, Any] = {
    name: bindparam(f"log_{name}", type_=_JsonText() if name == "changes" else _LOG.c[name].type)
    for name in Entry._fields
}
_LOG_ENTRY: Insert = insert(_LOG).values(_ENTRY_VALUES)


def _new_values(table: Table, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}


@lru_cache(_SHAPES)
def _create(entity: str, names: tuple[str, ...]) -> Insert:
    table = table_of(entity)
    return insert(table).values({"id": bindparam("log_entity_id"), **_new_values(table, names)})


@lru_cache(_SHAPES)
def _update(entity: str, names: tuple[str, ...]) -> Update:
    table = table_of(entity)
    return update(table).where(table.c.id == bindparam("log_entity_id")).values(_new_values(table, names))


@lru_cache(_SHAPES)
def _create_whole(entity: str, names: tuple[str, ...]) -> Insert:
    """One statement for PostgreSQL: the entry, and a record only for an entry that was not there yet."""
    table = table_of(entity)
    entry = (
        postgresql.insert(_LOG)
        .values(_ENTRY_VALUES)
        .on_conflict_do_nothing(index_elements=["entity", "entity_id", "version"])
        .returning(_LOG.c.entity_id)
        .cte("entry")
    )
    # An insert from a select fills in no defaults: what is no field is given here.
    unseen = {name: literal(value, table.c[name].type) for name, value in hidden_defaults(entity).items()}
    values = _new_values(table, names) | unseen
    record = insert(table).from_select(["id", *values], select(entry.c.entity_id, *values.values()))
    return record.execution_options(preserve_rowcount=True)


@lru_cache(_SHAPES)
def _update_whole(entity: str, names: tuple[str, ...]) -> Update:
    table = table_of(entity)
    entry = insert(_LOG).values(_ENTRY_VALUES).returning(_LOG.c.entity_id).cte("entry")
    return (
        update(table).where(table.c.id == entry.c.entity_id).values(_new_values(table, names)).add_cte(entry)
    )
