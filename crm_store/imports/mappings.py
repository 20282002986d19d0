"""Saved mappings: each save is a new version, none is ever changed, and the newest counts."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy.orm import Session

from crm_store.imports.mapping import ColumnMapping
from crm_store.repositories import definitions
from crm_store.repositories.definitions import StoredDefinition
from crm_store.repositories.problems import Problem, StoreError

KIND = "mapping"


@dataclass(frozen=True)
class SavedMapping:
    """One version of a saved mapping."""

    name: str
    version: int
    mapping: ColumnMapping
    saved_at: datetime
    actor: str
    reason: str | None


def save_mapping(
    session: Session, name: str, mapping: ColumnMapping, *, actor: str, reason: str | None, now: datetime
) -> SavedMapping:
    """Save a mapping as the next version of ``name``; saving what the newest holds changes nothing.

    ``actor`` is ``way:name``.
    """
    content = mapping.model_dump(mode="json", exclude_defaults=True)
    definitions.put(session, KIND, name, content, actor=actor, reason=reason, now=now)
    return saved_mapping(session, name)


def saved_mapping(session: Session, name: str, version: int | None = None) -> SavedMapping:
    """Return a version of a saved mapping, by default the newest. Raises StoreError when there is none."""
    newest = definitions.latest(session, KIND, name)
    found = newest if version is None else definitions.at_version(session, KIND, name, version)
    if found is None:
        zh, en = f"没有名为 {name} 的列映射", f"there is no mapping called {name}"
        raise StoreError(Problem("unknown_mapping", "mapping", zh, en))
    return _saved(found)


def list_mappings(session: Session) -> list[SavedMapping]:
    """Return the newest version of every saved mapping, by name."""
    return [_saved(one) for one in definitions.newest_of_kind(session, KIND)]


def read_mapping(text: str | bytes) -> ColumnMapping:
    """Read a mapping from JSON. Raises StoreError that says where it is wrong."""
    try:
        return ColumnMapping.model_validate_json(text)
    except ValidationError as error:
        raise invalid_mapping(error) from error


def invalid_mapping(error: ValidationError) -> StoreError:
    """Return the refusal of a mapping that cannot work."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "mapping"
    zh, en = f"列映射有误：{where}（{first['msg']}）", f"the mapping is wrong at {where}: {first['msg']}"
    return StoreError(Problem("mapping_invalid", where, zh, en))


def _saved(row: StoredDefinition) -> SavedMapping:
    mapping = ColumnMapping.model_validate(row.content)
    return SavedMapping(row.name, row.version, mapping, row.created_at, row.actor, row.reason)
