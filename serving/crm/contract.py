"""The types of records over HTTP, generated from the store's fields: what OpenAPI shows of each kind."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from crm_store.repositories.fields import DEFAULTS, REQUIRED
from crm_store.repositories.fields import Field as StoreField
from crm_store.services.records import GIVEN_BY_STORE, READ_ONLY
from serving.crm.resources import COMMUNICATION, RESOURCES, Resource
from serving.schemas import Words

# What an integer column holds on both stores.
MAX_INTEGER: Final = 2**31 - 1
MAX_BULK: Final = 5_000


class Strict(BaseModel):
    """A body whose fields are all known."""

    model_config = ConfigDict(extra="forbid")


class ProblemOut(Strict):
    """One problem of several; ``row`` counts from 0 in bulk requests."""

    code: str
    field: str | None
    message: Words


class ConflictOut(Strict):
    """Someone else wrote first: each field offered → [what is stored, what was offered]."""

    expected_version: int
    current_version: int
    values: dict[str, list[Any]]


class CrmErrorDetail(Strict):
    """What went wrong, and what a program needs to go on."""

    code: str
    message: Words
    hint: Words
    field: str | None = None
    request_id: str | None = None
    problems: list[ProblemOut] | None = None
    conflict: ConflictOut | None = None
    existing_id: str | None = None
    submission_id: str | None = None


class CrmErrorBody(Strict):
    """The body of every failed request."""

    error: CrmErrorDetail


def _type_of(field: StoreField) -> Any:
    """Return the annotation of a field's values, with its limits."""
    if field.kind == "moment":
        return datetime
    if field.kind == "boolean":
        return bool
    if field.kind == "string":
        if field.allowed is not None:
            return Literal[field.allowed]
        return Annotated[str, Field(max_length=field.max_length)] if field.max_length else str
    low, high = field.bounds or (-MAX_INTEGER, MAX_INTEGER)
    if field.kind == "integer":
        return Annotated[int, Field(ge=low, le=high)]
    return Annotated[float, Field(ge=low, le=high)] if field.bounds else float


def writable(resource: Resource) -> dict[str, StoreField]:
    """Return the fields that a client may set."""
    return {name: field for name, field in resource.fields.items() if name not in READ_ONLY[resource.entity]}


def required_new(resource: Resource) -> frozenset[str]:
    """Return the fields that a new record must be given."""
    names = set(REQUIRED[resource.entity]) - set(DEFAULTS[resource.entity]) - GIVEN_BY_STORE
    return frozenset(names | {"scene"} if resource is COMMUNICATION else names)


def _create_model(resource: Resource) -> type[BaseModel]:
    needed = required_new(resource)
    fields: dict[str, Any] = {
        name: (_type_of(field), ...) if name in needed else (_type_of(field) | None, field.default)
        for name, field in writable(resource).items()
    }
    return create_model(f"{resource.schema}Create", __base__=Strict, __doc__=f"新建{resource.zh}", **fields)


def _patch_model(resource: Resource) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (_type_of(field) | None, None) for name, field in writable(resource).items()
    }
    fields["version"] = (Annotated[int, Field(ge=1, le=MAX_INTEGER)] | None, None)
    fields["reason"] = (Annotated[str, Field(max_length=200)] | None, None)
    doc = f"修改{resource.zh}：只发送要改的字段，null 表示清空 (JSON merge patch)"
    return create_model(f"{resource.schema}Patch", __base__=Strict, __doc__=doc, **fields)


def _out_model(resource: Resource) -> type[BaseModel]:
    own: dict[str, Any] = {"id": (str, ...)}
    if resource.entity in READ_ONLY and "deleted_at" in resource.fields:
        own |= {"version": (int, None), "updated_at": (datetime, None)}
    fields = {name: (_shown_type(field) | None, None) for name, field in resource.fields.items()}
    return create_model(resource.schema, __base__=Strict, __doc__=resource.zh, **(own | fields))


def _shown_type(field: StoreField) -> Any:
    """A masked value is a text with stars, whatever the field holds."""
    plain = {"moment": datetime, "boolean": bool, "integer": int, "float": float, "string": str}
    return Literal[field.allowed] if field.allowed else plain[field.kind]


def page_model(name: str, doc: str, item: type[BaseModel]) -> type[BaseModel]:
    """Return the schema of a page of ``item``."""
    items: Any = list[item]  # type: ignore[valid-type]
    return create_model(name, __base__=Strict, __doc__=doc, items=(items, ...), next_cursor=(str | None, ...))


CREATE: Final = {name: _create_model(resource) for name, resource in RESOURCES.items()}
PATCH: Final = {name: _patch_model(resource) for name, resource in RESOURCES.items()}
OUT: Final = {name: _out_model(resource) for name, resource in RESOURCES.items()}
PAGE: Final = {
    name: page_model(f"{resource.schema}Page", f"{resource.zh}列表的一页", OUT[name])
    for name, resource in RESOURCES.items()
}


class DuplicateOut(Strict):
    """A record that may be the same customer: a score in 0–1, and why."""

    id: str
    score: float
    reasons: list[dict[str, Any]]


SAVED: Final = {
    name: create_model(
        f"{resource.schema}Saved",
        __base__=OUT[name],
        __doc__=f"写入后的{resource.zh}，以及疑似重复",
        duplicates=(list[DuplicateOut] | None, None),
    )
    if name in ("lead", "account")
    else OUT[name]
    for name, resource in RESOURCES.items()
}
