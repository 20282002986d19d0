"""What happened, as consumers and people read it: a change of a record, or a fact that was added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from crm_store.repositories.fields import FIELDS

Kind = Literal["created", "changed", "deleted", "restored", "added"]


@dataclass(frozen=True)
class Event:
    """One entry of the change log, or one fact.

    ``id`` never changes and is what consumers remember of an effect: ``lead/lea_1@3``, ``activity/act_1``.
    ``changes`` is field → [old, new] as logged, for a record; ``fields`` is field → value, for a fact (kind
    ``added``), which has no version and only the moment at which the business knew it. ``actor`` is
    ``way:name``; of some facts only the source is known. Nothing is masked here.
    """

    id: str
    kind: Kind
    entity: str
    entity_id: str
    version: int | None
    recorded_at: datetime
    written_at: datetime | None
    actor: str | None
    reason: str | None
    changes: Mapping[str, list[Any]]
    fields: Mapping[str, Any]


def change_event(entry: Row[Any]) -> Event:
    """Return the event of a row of the change log."""
    return Event(
        id=f"{entry.entity}/{entry.entity_id}@{entry.version}",
        kind=_kind(entry.version, entry.changes),
        entity=entry.entity,
        entity_id=entry.entity_id,
        version=entry.version,
        recorded_at=entry.recorded_at,
        written_at=entry.written_at,
        actor=entry.actor,
        reason=entry.reason,
        changes=entry.changes,
        fields={},
    )


def fact_event(entity: str, fact: Row[Any]) -> Event:
    """Return the event of an activity or an order snapshot."""
    values = {name: getattr(fact, name) for name in FIELDS[entity]}
    return Event(
        id=f"{entity}/{fact.id}",
        kind="added",
        entity=entity,
        entity_id=fact.id,
        version=None,
        recorded_at=fact.recorded_at,
        written_at=None,
        actor=values.get("entered_by"),
        reason=None,
        changes={},
        fields=values,
    )


def _kind(version: int, changes: Mapping[str, list[Any]]) -> Kind:
    if version == 1:
        return "created"
    old, new = changes.get("deleted_at", (None, None))
    if old is None and new is not None:
        return "deleted"
    return "restored" if old is not None and new is None else "changed"
