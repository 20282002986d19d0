"""The one way from a row to what a viewer is shown of it: clear, masked, or not at all.

Records, states as of a moment, change entries, exports, feed events and reasons all go through here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from crm_store.domain.policy import CLASSES, Relation, Viewer, clear_fields, field_rule
from crm_store.repositories.sight.masking import masked


def shown(viewer: Viewer, entity: str, record: Any, relation: Relation) -> dict[str, Any]:
    """Return field → value of a record, or of any mapping of its fields, as the viewer may see it.

    A masked number is None; a hidden or unknown field is left out. ``relation`` comes from ``relations``.
    """
    values = record if isinstance(record, Mapping) else _columns(record)
    found = {}
    for name, value in values.items():
        rule = field_rule(viewer, entity, name, relation)
        if rule == "clear":
            found[name] = value
        elif rule == "masked":
            found[name] = masked(CLASSES[entity][name], value)
    return found


def shown_changes(
    viewer: Viewer, entity: str, changes: Mapping[str, Sequence[Any]], relation: Relation
) -> dict[str, list[Any]]:
    """Return field → [old, new, …] of a change entry or a conflict as the viewer may see it."""
    sides = [shown(viewer, entity, dict(side), relation) for side in _sides(changes)]
    return {name: [side[name] for side in sides] for name in changes if sides and name in sides[0]}


def shown_entry(viewer: Viewer, entity: str, entry: Mapping[str, Any], relation: Relation) -> dict[str, Any]:
    """Return a change-log entry about an ``entity``, its ``changes`` among it, as the viewer may see it."""
    told = shown(
        viewer, "change_log", {name: part for name, part in entry.items() if name != "changes"}, relation
    )
    return told | {"changes": shown_changes(viewer, entity, entry["changes"], relation)}


def filterable(viewer: Viewer, entity: str) -> frozenset[str]:
    """Return the fields that a list may be filtered, searched, grouped or summed by."""
    return clear_fields(viewer, entity)


def _columns(record: Any) -> dict[str, Any]:
    return {column.name: getattr(record, column.name) for column in record.__table__.columns}


def _sides(changes: Mapping[str, Sequence[Any]]) -> list[Mapping[str, Any]]:
    length = max((len(values) for values in changes.values()), default=0)
    return [{name: values[side] for name, values in changes.items()} for side in range(length)]
