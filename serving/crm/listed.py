"""Lists over HTTP: which parameters a kind's list takes, and what they ask of the store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from crm_store.repositories.fields import Field
from crm_store.repositories.listing import Comparison, Filter, Sort, Wanted, listed_fields
from crm_store.repositories.sight.sight import filterable
from crm_store.services import facts
from serving.crm import params
from serving.crm.operation import Call
from serving.crm.params import Param
from serving.crm.refusals import CrmError
from serving.crm.resources import COMMUNICATION, Resource

MAX_PAGE: Final = 200
DEFAULT_PAGE: Final = 50
_MAX_CHOICES: Final = 100
_MAX_SORTS: Final = 4
_ORDERED: Final = ("gte", "lte", "gt", "lt")
_LONGEST: Final = 400


PAGING: Final = (
    params.whole("limit", 1, MAX_PAGE, "rows of a page 每页行数", DEFAULT_PAGE),
    params.text("cursor", longest=2_000, about="next_cursor of the page before 上一页的游标"),
)


@cache
def list_params(resource: Resource) -> tuple[Param, ...]:
    """Return the parameters of a kind's list: a filter for every field and comparison, sort, page, fields."""
    fields = listed_fields(resource.entity)
    found = [param for field in fields.values() for param in _filters(field)]
    if "deleted_at" in fields:
        found.append(params.choice("deleted", ("no", "yes", "any"), "deleted records 已删除", "no"))
    return (*found, _sort_param(fields), fields_param(resource), *PAGING)


def fields_param(resource: Resource) -> Param:
    """Return the parameter that narrows the answer to some fields."""
    known = (*listed_fields(resource.entity),)
    return params.names("fields", known, "only these fields, after a comma each; id always 只返回这些字段")


def wanted(call: Call, resource: Resource) -> Wanted:
    """Return what a list is asked for. Raises CrmError ``field_hidden`` for a field that is masked."""
    fields = listed_fields(resource.entity)
    filters: list[Filter] = []
    for name, value in call.query.items():
        found = _split(name, fields)
        if found is not None:
            filters.append(Filter(*found, value))
    sort = call.query.get("sort", ())
    _check_clear(call, resource, [*(one.field for one in filters), *(one.field for one in sort)])
    of_kind = facts.COMMUNICATION if resource is COMMUNICATION else ()
    return Wanted(
        resource.entity,
        (*of_kind, *filters),
        tuple(sort),
        call.query.get("limit", DEFAULT_PAGE),
        call.query.get("cursor"),
        call.query.get("deleted", "no"),
    )


def _check_clear(call: Call, resource: Resource, names: list[str]) -> None:
    clear = filterable(call.viewer, resource.entity)
    for name in names:
        if name not in clear:
            raise CrmError.known("field_hidden", name)


def _filters(field: Field) -> list[Param]:
    read = _reader(field)
    schema = _schema(field)
    about = f"{field.name} ="
    found = [Param(field.name, "query", schema, read, about)]
    found.append(_many(field, schema, read))
    if field.kind in ("moment", "integer", "float"):
        found += [Param(f"{field.name}_{sign}", "query", schema, read, "") for sign in _ORDERED]
    elif field.kind == "string" and field.allowed is None:
        found.append(Param(f"{field.name}_prefix", "query", schema, read, ""))
    if not field.required:
        found.append(params.flag(f"{field.name}_null", "has no value 为空"))
    return found


def _many(field: Field, schema: Mapping[str, Any], read: Callable[[str], Any]) -> Param:
    def several(given: str) -> tuple[Any, ...]:
        parts = given.split(",")
        if len(parts) > _MAX_CHOICES:
            raise ValueError(f"1–{_MAX_CHOICES} 个值", f"1–{_MAX_CHOICES} values")
        return tuple(read(part) for part in parts)

    listed = {"type": "string", "minLength": 1, "maxLength": _LONGEST * 10}
    return Param(f"{field.name}_in", "query", listed, several, "one of, after a comma each 其一，逗号分隔")


def _reader(field: Field) -> Callable[[str], Any]:
    if field.allowed is not None:
        return lambda given: _one_of(given, field.allowed or ())
    readers: dict[str, Callable[[str], Any]] = {
        "moment": params.read_when,
        "integer": params.read_whole,
        "float": params.read_number,
        "boolean": params.read_flag,
        "string": _read_text,
    }
    return readers[field.kind]


def _schema(field: Field) -> dict[str, Any]:
    if field.allowed is not None:
        return {"type": "string", "enum": list(field.allowed)}
    text = {"type": "string", "minLength": 1, "maxLength": _LONGEST, "pattern": params.TEXT_PATTERN}
    low, high = -(2**31) + 1, 2**31 - 1
    told: dict[str, dict[str, Any]] = {
        "moment": {"type": "string", "format": "date-time"},
        "integer": {"type": "integer", "minimum": low, "maximum": high},
        "float": {"type": "number"},
        "boolean": {"type": "boolean"},
        "string": text,
    }
    return told[field.kind]


def _read_text(given: str) -> str:
    if not 0 < len(given) <= _LONGEST or not re.fullmatch(params.TEXT_PATTERN, given):
        raise params.unlike(_LONGEST, params.TEXT_PATTERN)
    return given


def _one_of(given: str, allowed: tuple[str, ...]) -> str:
    if given not in allowed:
        raise ValueError(", ".join(allowed))
    return given


def _sort_param(fields: Mapping[str, Field]) -> Param:
    def read(given: str) -> tuple[Sort, ...]:
        sorts = tuple(Sort(part.removeprefix("-"), part.startswith("-")) for part in given.split(","))
        names = [one.field for one in sorts]
        if len(names) > _MAX_SORTS or len(set(names)) < len(names) or not set(names) <= set(fields):
            known = ", ".join(fields)
            raise ValueError(f"1–{_MAX_SORTS} 个字段，其一：{known}", f"1–{_MAX_SORTS} fields of: {known}")
        return sorts

    schema = {"type": "string", "pattern": r"^-?[a-z_]+(,-?[a-z_]+){0,3}$"}
    about = "fields after a comma each, a minus for descending 排序字段，减号为降序"
    return Param("sort", "query", schema, read, about, example="-updated_at,id")


def _split(name: str, fields: Mapping[str, Field]) -> tuple[str, Comparison] | None:
    """Return the field and the comparison that a parameter's name stands for."""
    if name in fields:
        return name, "eq"
    field, _, comparison = name.rpartition("_")
    return (field, comparison) if field in fields else None  # type: ignore[return-value]
