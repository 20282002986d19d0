"""Documents that people edit, kept version by version: field meanings, key fields, mappings, rules.

A version never changes (the database refuses it) and the newest counts. What a document of some kind must
look like is its own service's business, checked before it comes here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm_store.models import Definition
from crm_store.repositories import problems
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes.guards import check_way

_MAX_NAME = 80


@dataclass(frozen=True)
class StoredDefinition:
    """One version of a document: what it says, and who wrote it when and why. Versions count from 1."""

    kind: str
    name: str
    version: int
    content: dict[str, Any]
    created_at: datetime
    actor: str
    reason: str | None


def put(
    session: Session,
    kind: str,
    name: str,
    content: Mapping[str, Any],
    *,
    actor: str,
    reason: str | None = None,
    now: datetime,
) -> int:
    """Append a version and return its number; content equal to the newest version's adds nothing.

    Raises StoreError: ``required`` or ``too_long`` (name), ``unknown_way`` (actor), ``not_json`` or
    ``bad_character`` (content).
    """
    check_way(actor)
    _check_name(name)
    plain = _as_json(content)
    _queue(session, kind, name)
    newest = latest(session, kind, name)
    if newest is not None and newest.content == plain:
        return newest.version
    version = 1 if newest is None else newest.version + 1
    session.add(
        Definition(
            kind=kind, name=name, version=version, content=plain, created_at=now, actor=actor, reason=reason
        )
    )
    session.flush()
    return version


def latest(session: Session, kind: str, name: str) -> StoredDefinition | None:
    """Return the version that counts, or None when nobody wrote one."""
    query = (
        select(Definition)
        .where(Definition.kind == kind, Definition.name == name)
        .order_by(Definition.version.desc())
        .limit(1)
    )
    return _stored(session.scalars(query).one_or_none())


def at_version(session: Session, kind: str, name: str, version: int) -> StoredDefinition | None:
    """Return one version, or None when there is no such."""
    return _stored(session.get(Definition, (kind, name, version)))


def versions(session: Session, kind: str, name: str) -> list[StoredDefinition]:
    """Return every version of one document, oldest first."""
    query = (
        select(Definition)
        .where(Definition.kind == kind, Definition.name == name)
        .order_by(Definition.version)
    )
    return [found for row in session.scalars(query) if (found := _stored(row)) is not None]


def newest_of_kind(session: Session, kind: str) -> list[StoredDefinition]:
    """Return the newest version of each document of a kind, by name."""
    newest = (
        select(Definition.name, func.max(Definition.version).label("version"))
        .where(Definition.kind == kind)
        .group_by(Definition.name)
        .subquery()
    )
    query = (
        select(Definition)
        .join(newest, (Definition.name == newest.c.name) & (Definition.version == newest.c.version))
        .where(Definition.kind == kind)
        .order_by(Definition.name)
    )
    return [found for row in session.scalars(query) if (found := _stored(row)) is not None]


def _queue(session: Session, kind: str, name: str) -> None:
    """Let the writers of one document wait for each other; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        key = func.hashtextextended(f"definition:{kind}:{name}", 0)
        session.execute(select(func.pg_advisory_xact_lock(key)))


def _check_name(name: str) -> None:
    if not name.strip():
        raise StoreError(problems.required("name"))
    if len(name) > _MAX_NAME:
        raise StoreError(problems.too_long("name", _MAX_NAME))
    if "\x00" in name:
        raise StoreError(problems.bad_character("name"))


def _as_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content as it will be read back. Raises StoreError for what no store can keep."""
    try:
        text = json.dumps(dict(content), allow_nan=False, ensure_ascii=False)
        text.encode()
        plain: dict[str, Any] = json.loads(text)
    except UnicodeEncodeError:
        raise StoreError(problems.bad_character("content")) from None
    except (TypeError, ValueError, RecursionError):
        raise StoreError(_not_json()) from None
    if "\\u0000" in text:
        raise StoreError(problems.bad_character("content"))
    return plain


def _not_json() -> Problem:
    return Problem(
        "not_json",
        "content",
        "内容必须是 JSON 对象，且不含 NaN 或无穷大",
        "the content must be a JSON object without NaN or infinity",
    )


def _stored(row: Definition | None) -> StoredDefinition | None:
    if row is None:
        return None
    return StoredDefinition(
        row.kind, row.name, row.version, row.content, row.created_at, row.actor, row.reason
    )
