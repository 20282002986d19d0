"""What the database itself refuses, in words: its constraints have the last say, whatever was checked before.

SQLite does not say which reference is wrong, so it is looked for; its transaction can go on. PostgreSQL names
the constraint, and its transaction must be rolled back, at least to a savepoint.
"""

import operator
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import String, Table, UniqueConstraint, and_, cast, func, select, tuple_
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm_store.repositories.fields import FACTS, FIELDS, RECORDS, Value
from crm_store.repositories.problems import Problem, unknown_reference
from crm_store.repositories.rows import any_of

_UNIQUE = re.compile(r"unique constraint", re.IGNORECASE)
_FOREIGN = re.compile(r"foreign key", re.IGNORECASE)
_CHECK = re.compile(r"check constraint", re.IGNORECASE)
_COLUMN = re.compile(r"\.(\w+)")


def refusal(session: Session, entity: str, values: Mapping[str, Value], error: IntegrityError) -> Problem:
    """Return the problem behind a refused write of ``values`` to a record of ``entity``."""
    message = str(error.orig)
    if _FOREIGN.search(message):
        return _dangling(session, entity, values, error)
    if _UNIQUE.search(message):
        return _taken(entity, message, error)
    if _CHECK.search(message):
        return _unfit(entity, _constraint(error) or message.rpartition(" ")[2])
    return Problem(
        "refused", None, f"数据库拒绝写入 {entity}", f"the database refuses this write to {entity}"
    )


def missing_references(session: Session, references: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return, of ids by the kind that they should be of, those that do not exist."""
    missing = {}
    for kind, ids in references.items():
        table: Table = (RECORDS | FACTS)[kind].__table__  # type: ignore[union-attr, assignment]
        connection = session.connection()
        found = connection.scalars(select(table.c.id).where(any_of(connection, table.c.id, sorted(ids))))
        missing[kind] = ids - set(found)
    return missing


@cache
def unique_columns(entity: str) -> tuple[tuple[str, ...], ...]:
    """Return the columns, a tuple for each constraint, that no two records of a kind share."""
    table: Table = RECORDS[entity].__table__  # type: ignore[attr-defined]
    own = (one for one in table.constraints if isinstance(one, UniqueConstraint))
    return tuple(sorted(tuple(column.name for column in one.columns) for one in own))


def holders(
    session: Session, entity: str, columns: Sequence[str], keys: Collection[tuple[Value, ...]]
) -> dict[tuple[Value, ...], str]:
    """Return the id of the record that has each of these values (up to a few thousand) in ``columns``."""
    table: Table = RECORDS[entity].__table__  # type: ignore[attr-defined]
    names = [table.c[name] for name in columns]
    whole = [key for key in keys if None not in key]
    if not whole:
        return {}
    query = select(table.c.id, *names)
    if session.get_bind().dialect.name == "sqlite":
        query = query.where(tuple_(*names).in_(whole))
    else:  # which would take a list of pairs for that many conditions, and plan for seconds
        parts = (cast(list(part), postgresql.ARRAY(String)) for part in zip(*whole, strict=True))
        wanted = select(*(func.unnest(part) for part in parts)).subquery()
        query = query.join(wanted, and_(*map(operator.eq, names, wanted.c)))
    return {tuple(key): record_id for record_id, *key in session.connection().execute(query)}


def _dangling(session: Session, entity: str, values: Mapping[str, Value], error: IntegrityError) -> Problem:
    named = _constraint(error)
    for name, value in values.items():
        kind = FIELDS[entity][name].reference
        if kind is None or value is None:
            continue
        if named is not None:
            wrong = named.endswith(f"_{name}")
        else:
            wrong = bool(missing_references(session, {kind: {str(value)}})[kind])
        if wrong:
            return unknown_reference(name, kind)
    return Problem(
        "unknown_reference",
        None,
        f"{entity} 引用的记录不存在",
        f"{entity} refers to a record that does not exist",
    )


def _taken(entity: str, message: str, error: IntegrityError) -> Problem:
    named = _constraint(error)
    if named is not None:
        columns = [name for name in FIELDS[entity] if re.search(rf"_{name}(_|$)", named)]
    else:
        columns = _COLUMN.findall(message)
    return taken(entity, columns)


def taken(entity: str, columns: Sequence[str]) -> Problem:
    """Describe a record that wants what must be its own, in these columns, and is another's."""
    if "external_id" in columns:
        return Problem(
            "outside_id_taken",
            "external_id",
            f"该来源的 external_id 已属于另一条 {entity} 记录",
            f"this external_id of its source belongs to another record of {entity}",
        )
    listed = ", ".join(columns) or entity
    return Problem(
        "already_taken",
        columns[0] if columns else None,
        f"已有另一条 {entity} 记录使用相同的 {listed}",
        f"another record of {entity} already has this {listed}",
    )


def _unfit(entity: str, constraint: str) -> Problem:
    name = constraint.removeprefix(f"ck_{RECORDS[entity].__tablename__}_")  # type: ignore[attr-defined]
    return Problem(
        "check_failed",
        name if name in FIELDS[entity] else None,
        f"{entity} 的内容不符合规则 {name}",
        f"this {entity} breaks the rule {name}",
    )


def _constraint(error: IntegrityError) -> str | None:
    diagnosis: Any = getattr(error.orig, "diag", None)
    return None if diagnosis is None else diagnosis.constraint_name
