"""Saved column mappings of imports: each save is a new version, and the newest counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from pydantic import Field, ValidationError

from crm_store.imports import mappings
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.mappings import SavedMapping
from serving.crm import params
from serving.crm.contract import Strict
from serving.crm.forms import parsed
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.resources import PREFIX

_TAG: Final = "imports 导入"
_MAPPINGS: Final = f"{PREFIX}/import-mappings"
MAPPING_NAME: Final = r"^[A-Za-z0-9\u4e00-\u9fff][A-Za-z0-9\u4e00-\u9fff _.\-]{0,79}$"


class MappingIn(Strict):
    """A mapping to save under a name."""

    name: str = Field(min_length=1, max_length=80, pattern=MAPPING_NAME)
    mapping: dict[str, Any]
    reason: str | None = Field(None, max_length=200)


class MappingOut(Strict):
    """A saved mapping's newest version."""

    name: str
    version: int
    mapping: dict[str, Any]
    saved_at: datetime
    actor: str
    reason: str | None


class MappingsOut(Strict):
    """Saved mappings, by name."""

    items: list[MappingOut]


def mapping_operations() -> Iterator[Operation]:
    """Yield the operations on saved mappings."""
    yield from (_save_mapping(), _mappings(), _mapping())


def _save_mapping() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, MappingIn)
        try:
            mapping = ColumnMapping.model_validate(given.mapping)
        except ValidationError as error:
            raise mappings.invalid_mapping(error) from None
        saved = mappings.save_mapping(
            call.whole,
            given.name,
            mapping,
            actor=call.viewer.actor,
            reason=given.reason,
            now=call.now,
        )
        return Reply(_told_mapping(saved), 201)

    return Operation(
        "POST",
        _MAPPINGS,
        "crm_save_import_mapping",
        "Save a mapping; each save is a new version 保存列映射",
        _TAG,
        Policy("definition", "create"),
        handle,
        body=MappingIn,
        body_kind="json",
        answers={201: MappingOut},
        errors=("mapping_invalid",),
        example=_MAPPING,
        body_example={"name": "website", "mapping": _MAPPING["mapping"]},
        writes=True,
    )


def _mappings() -> Operation:
    return Operation(
        "GET",
        _MAPPINGS,
        "crm_list_import_mappings",
        "Saved mappings 列映射",
        _TAG,
        Policy("definition", "read"),
        lambda call: Reply({"items": [_told_mapping(one) for one in mappings.list_mappings(call.sight)]}),
        answers={200: MappingsOut},
        example={"items": [_MAPPING]},
    )


def _mapping() -> Operation:
    return Operation(
        "GET",
        f"{_MAPPINGS}/{{name}}",
        "crm_get_import_mapping",
        "A saved mapping 列映射详情",
        _TAG,
        Policy("definition", "read"),
        lambda call: Reply(_told_mapping(mappings.saved_mapping(call.sight, call.path["name"]))),
        params=(params.text("name", "path", pattern=MAPPING_NAME, longest=80, about="its name 名称"),),
        answers={200: MappingOut},
        errors=("unknown_mapping",),
        example=_MAPPING,
    )


def _told_mapping(saved: SavedMapping) -> dict[str, Any]:
    return {
        "name": saved.name,
        "version": saved.version,
        "mapping": saved.mapping.model_dump(mode="json", exclude_defaults=True),
        "saved_at": saved.saved_at,
        "actor": saved.actor,
        "reason": saved.reason,
    }


_MAPPING: Final[dict[str, Any]] = {
    "name": "website",
    "version": 1,
    "mapping": {
        "entity": "lead",
        "source": "website",
        "columns": [{"field": "external_id", "column": "编号"}, {"field": "company", "column": "公司"}],
    },
    "saved_at": "2026-03-01T00:00:00Z",
    "actor": "user:wang",
    "reason": None,
}
