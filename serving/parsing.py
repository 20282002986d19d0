"""Reads the body of a score request. By hand: it is the hot path, and each fault has its own code."""

from __future__ import annotations

from typing import Any

import orjson

from serving.errors import MAX_IDS, ServingError


def ids_of(body: bytes) -> list[str]:
    """Return the ids of a ``{"ids": [...]}`` body, in order; raise ServingError naming the fault."""
    if not body.strip():
        raise ServingError("body_empty")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ServingError("json_invalid") from None
    if not isinstance(content, dict):
        raise ServingError("type_invalid", detail=f"{_name(content)} ≠ object")
    for field in content:
        if field != "ids":
            raise ServingError("field_unknown", field[:80], field[:80])
    if "ids" not in content:
        raise ServingError("field_missing", "ids", "ids")
    return _checked(content["ids"])


def _checked(ids: Any) -> list[str]:
    if not isinstance(ids, list):
        raise ServingError("type_invalid", "ids", f"{_name(ids)} ≠ array")
    if not ids:
        raise ServingError("ids_empty", "ids")
    if len(ids) > MAX_IDS:
        raise ServingError("too_many_ids", "ids", str(len(ids)))
    for index, entity_id in enumerate(ids):
        if not isinstance(entity_id, str):
            raise ServingError("type_invalid", f"ids[{index}]", f"{_name(entity_id)} ≠ string")
    return ids


def _name(value: object) -> str:
    """Return the JSON type of a value."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]
