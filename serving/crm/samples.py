"""Examples for the documentation, made from the fields: a record, a page, a new record, a patch."""

from __future__ import annotations

from typing import Any, Final

from crm_store.repositories.fields import Field
from serving.crm.contract import required_new, writable
from serving.crm.resources import Resource

_MOMENT: Final = "2026-03-01T00:00:00Z"
_KNOWN: Final[dict[str, Any]] = {
    "source": "salesforce",
    "external_id": "00Q1000001",
    "company": "示例医疗器械有限公司",
    "name": "示例医疗器械有限公司",
    "title": "设备科主任",
    "phone": "+8613800001111",
    "region": "华东",
    "currency": "CNY",
}


def sample_id(name: str) -> str:
    """Return an id of the right form."""
    return f"{name[:3]}_{1:024x}"


def row_sample(resource: Resource) -> dict[str, Any]:
    """Return a record as it is read."""
    own: dict[str, Any] = {"id": sample_id(resource.entity)}
    if "deleted_at" in resource.fields:
        own |= {"version": 3, "updated_at": _MOMENT}
    shown = {name: _value(resource, field) for name, field in resource.fields.items()}
    return own | shown | ({"deleted_at": None} if "deleted_at" in shown else {})


def page_sample(resource: Resource) -> dict[str, Any]:
    """Return a page with one record."""
    return {"items": [row_sample(resource)], "next_cursor": "c2FtcGxl"}


def new_sample(resource: Resource) -> dict[str, Any]:
    """Return a new record: what it must have, and where it comes from."""
    names = ("source", "external_id", *sorted(required_new(resource)))
    return {name: _value(resource, resource.fields[name]) for name in names}


def patch_sample(resource: Resource) -> dict[str, Any]:
    """Return a change of one field, based on a version."""
    plain = [f for f in writable(resource).values() if not f.required and f.reference is None]
    field = plain[0] if plain else next(iter(writable(resource).values()))
    return {"version": 3, field.name: _value(resource, field)}


def saved_sample(resource: Resource) -> dict[str, Any]:
    """Return a record as it is answered after a write."""
    return row_sample(resource)


def _value(resource: Resource, field: Field) -> Any:
    if field.allowed is not None:
        return field.allowed[0]
    if field.reference is not None:
        return sample_id(field.reference)
    if field.kind == "string":
        known = str(_KNOWN.get(field.name, f"{field.name}"))
        return known[: field.max_length] if field.max_length else known
    if field.kind == "moment":
        return "2027-03-01T00:00:00Z" if field.name in ("end_at", "expires_at") else _MOMENT
    if field.kind == "boolean":
        return False
    low = field.bounds[0] if field.bounds else 10
    return low if field.kind == "integer" else float(low)
