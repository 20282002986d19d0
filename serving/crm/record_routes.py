"""Every kind of record: create, read, list, patch, delete, restore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crm_store.repositories import listing
from crm_store.repositories.history import asof
from crm_store.repositories.sight.sight import check_may, relations_of, shown, shown_rows
from crm_store.services import records
from crm_store.services.records import Written
from serving.crm import params
from serving.crm.bodies import value_of
from serving.crm.contract import CREATE, OUT, PAGE, PATCH, SAVED
from serving.crm.duplicates_told import told_duplicates
from serving.crm.incoming import etag_version, version_of
from serving.crm.listed import fields_param, list_params, wanted
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.refusals import CrmError
from serving.crm.resources import RECORD_RESOURCES, Resource
from serving.crm.samples import new_sample, page_sample, patch_sample, row_sample, saved_sample

_WRITE_ERRORS = (
    *("unknown_field", "read_only", "required", "wrong_type", "unknown_reference", "not_found"),
    *("forbidden", "out_of_sight", "hidden_field", "masked_value", "already_exists", "record_unfit"),
    "in_the_future",
)
_CHANGE_ERRORS = ("version_conflict", "past_moment", "bulk_status_change")


def record_operations() -> Iterator[Operation]:
    """Yield the operations of every kind of record."""
    for resource in RECORD_RESOURCES:
        yield from (list_operation(resource, _LIST_ABOUT), _get(resource))
        if resource.entity != "user":  # who may sign in is made and ended where passwords are
            yield from (_create(resource), _delete(resource), _restore(resource))
        yield _patch(resource)


def saved(call: Call, resource: Resource, written: Written, status: int = 200) -> Reply:
    """Answer with a record as it stands, and for a lead or an account with who else it might be."""
    content = shown_row(call, resource, written.row)
    if written.duplicates:
        content["duplicates"] = told_duplicates(call.viewer, written.duplicates)
    return Reply(content, status, headers_of(resource, written.row, created=status == 201))


def shown_row(call: Call, resource: Resource, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the viewer is shown of a row."""
    return shown_rows(call.sight, resource.entity, [row])[0]


def headers_of(resource: Resource, row: Mapping[str, Any], created: bool = False) -> dict[str, str]:
    """Return the headers of an answer that holds one record."""
    headers = {"etag": f'"{row["version"]}"'} if "version" in row else {}
    return headers | ({"location": f"{resource.path}/{row['id']}"} if created else {})


def offered(resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body's values as the store's fields hold them."""
    fields = resource.fields
    return {n: value_of(fields[n], given) if n in fields else given for n, given in body.items()}


def read_row(call: Call, resource: Resource) -> dict[str, Any]:
    """Return the row that the address names. Raises CrmError ``record_not_found``."""
    row = listing.by_id(call.sight, resource.entity, call.path["id"])
    return visible(row, deleted=call.query.get("deleted", False))


def visible(row: dict[str, Any] | None, *, deleted: bool) -> dict[str, Any]:
    """Return a row that is there, and not deleted unless that is asked for."""
    if row is None or (row.get("deleted_at") is not None and not deleted):
        raise CrmError.known("record_not_found", "id")
    return row


def list_operation(resource: Resource, about: str = "") -> Operation:
    """Return the operation that lists a kind, of records or of facts."""

    def handle(call: Call) -> Reply:
        page = listing.page(call.sight, wanted(call, resource))
        rows = shown_rows(call.sight, resource.entity, page.rows)
        kept = call.query.get("fields")
        return Reply({"items": [projected(row, kept) for row in rows], "next_cursor": page.next_cursor})

    return Operation(
        method="GET",
        path=resource.path,
        name=f"crm_list_{resource.name}",
        summary=f"List {resource.plural} {resource.zh}列表",
        tag=resource.tag,
        policy=Policy(resource.entity, "read"),
        handle=handle,
        params=list_params(resource),
        answers={200: PAGE[resource.name]},
        errors=("bad_cursor", "field_hidden"),
        example=page_sample(resource),
        about=about,
    )


def projected(row: Mapping[str, Any], kept: frozenset[str] | None) -> dict[str, Any]:
    """Return the fields asked for; None asks for all."""
    return {name: value for name, value in row.items() if kept is None or name in kept or name == "id"}


def _get(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        if "as_of" in call.query:
            return Reply(projected(_as_it_was(call, resource), call.query.get("fields")))
        row = read_row(call, resource)
        headers = headers_of(resource, row)
        seen = call.headers.get("if-none-match")
        if seen is not None and seen.strip() != "*" and etag_version(seen) == row["version"]:
            return Reply(status=304, headers=headers)
        return Reply(projected(shown_row(call, resource, row), call.query.get("fields")), 200, headers)

    return Operation(
        method="GET",
        path=f"{resource.path}/{{id}}",
        name=f"crm_get_{resource.name}",
        summary=f"Read one {resource.en} {resource.zh}详情",
        tag=resource.tag,
        policy=Policy(resource.entity, "read"),
        handle=handle,
        params=(params.record_id(), fields_param(resource), _DELETED, _AS_OF, _KNOWN_BY),
        answers={200: OUT[resource.name], 304: None},
        errors=("record_not_found",),
        example=row_sample(resource),
        conditional=("If-None-Match",),
    )


def _as_it_was(call: Call, resource: Resource) -> dict[str, Any]:
    """Return a record as it was, as far as the viewer may see the record as it is."""
    check_may(call.viewer, "change_log", "read")
    rows = listing.by_ids(call.sight, resource.entity, [call.path["id"]])
    moment, known_by = call.query["as_of"], call.query.get("known_by", "business")
    clock: asof.Clock = "written" if known_by == "store" else "recorded"
    found = asof.as_of(call.whole, resource.entity, rows[0]["id"], moment, clock) if rows else None
    if found is None:
        raise CrmError.known("record_not_found", "id")
    (relation,) = relations_of(call.sight, resource.entity, rows)
    own = {"id": found.id, "version": found.version, "updated_at": found.recorded_at}
    return shown(call.viewer, resource.entity, own | dict(found.fields), relation)


def _create(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        try:
            written = records.create(call.sight, resource.entity, offered(resource, call.body), call.now)
        except records.AlreadyThere as error:
            if call.headers.get("if-none-match", "").strip() == "*":
                raise CrmError.known("precondition_failed", existing_id=error.existing_id) from None
            raise
        return saved(call, resource, written, 201)

    return Operation(
        method="POST",
        path=resource.path,
        name=f"crm_create_{resource.name}",
        summary=f"Create a record of {resource.plural} 新建{resource.zh}",
        tag=resource.tag,
        policy=Policy(resource.entity, "create"),
        handle=handle,
        body=CREATE[resource.name],
        body_kind="json",
        answers={201: SAVED[resource.name]},
        errors=(*_WRITE_ERRORS, "precondition_failed", *_of_kind(resource)),
        example=saved_sample(resource),
        body_example=new_sample(resource),
        about=_CREATE_ABOUT,
        writes=True,
        conditional=("If-None-Match",),
    )


def _patch(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        values = dict(call.body)
        version, reason = _own(values, "version", int), _own(values, "reason", str)
        written = records.change(
            call.sight,
            resource.entity,
            call.path["id"],
            offered(resource, values),
            call.now,
            expected_version=_expected(call, version, required=True),
            reason=reason,
        )
        return saved(call, resource, written)

    return Operation(
        method="PATCH",
        path=f"{resource.path}/{{id}}",
        name=f"crm_patch_{resource.name}",
        summary=f"Change fields of one {resource.en} 修改{resource.zh}",
        tag=resource.tag,
        policy=Policy(resource.entity, "update"),
        handle=handle,
        params=(params.record_id(),),
        body=PATCH[resource.name],
        body_kind="json",
        answers={200: SAVED[resource.name]},
        errors=(*_WRITE_ERRORS, *_CHANGE_ERRORS, "precondition_required", *_of_kind(resource)),
        example=saved_sample(resource),
        body_example=patch_sample(resource),
        about=_PATCH_ABOUT,
        writes=True,
        conditional=("If-Match",),
    )


def _delete(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        version = _expected(call, None, required=False)
        records.delete(call.sight, resource.entity, call.path["id"], call.now, expected_version=version)
        return Reply(status=204)

    return Operation(
        method="DELETE",
        path=f"{resource.path}/{{id}}",
        name=f"crm_delete_{resource.name}",
        summary=f"Delete one {resource.en}; it can be restored 删除{resource.zh}（可恢复）",
        tag=resource.tag,
        policy=Policy(resource.entity, "delete"),
        handle=handle,
        params=(params.record_id(),),
        answers={204: None},
        errors=("not_found", "forbidden", "version_conflict", *_of_kind(resource)),
        writes=True,
        conditional=("If-Match",),
    )


def _restore(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        version = _expected(call, None, required=False)
        entity, record_id = resource.entity, call.path["id"]
        written = records.restore(call.sight, entity, record_id, call.now, expected_version=version)
        return saved(call, resource, written)

    return Operation(
        method="POST",
        path=f"{resource.path}/{{id}}/restore",
        name=f"crm_restore_{resource.name}",
        summary=f"Bring a deleted {resource.en} back 恢复{resource.zh}",
        tag=resource.tag,
        policy=Policy(resource.entity, "delete"),
        handle=handle,
        params=(params.record_id(),),
        answers={200: SAVED[resource.name]},
        errors=("not_found", "forbidden", "version_conflict", *_of_kind(resource)),
        example=saved_sample(resource),
        writes=True,
        conditional=("If-Match",),
    )


def _expected(call: Call, body_version: int | None, *, required: bool) -> int | None:
    """Return the version that the change is based on, None for whatever is there."""
    version = version_of(call.headers, body_version)
    if version is None and required:
        raise CrmError.known("precondition_required", "If-Match")
    return version if isinstance(version, int) else None


def _own(values: dict[str, Any], name: str, wanted_type: type[Any]) -> Any:
    """Take a value out of a body that is not the record's but the request's."""
    given = values.pop(name, None)
    if given is None:
        return None
    if type(given) is not wanted_type or (isinstance(given, str) and len(given) > 200):
        raise CrmError.known("value_invalid", name, name)
    return given


def _of_kind(resource: Resource) -> tuple[str, ...]:
    return ("stage_gate", "locked") if resource.entity == "opportunity" else ()


_DELETED = params.flag("deleted", "also when deleted 包括已删除")
_AS_OF = params.moment("as_of", "as it was at this moment 截至时刻的状态")
_KNOWN_BY = params.choice(
    "known_by", ("business", "store"), "by what was known then, or by what this store held 口径", "business"
)
_LIST_ABOUT = (
    "Every field filters by equality, `_in`, `_null`; numbers and moments also by `_gte`, `_lte`, `_gt`, "
    "`_lt`, texts by `_prefix`; "
    "`source` and `external_id` together find one record. A page goes on at `next_cursor`, with the same "
    "filters and sort; records added meanwhile move nothing. Fields that are masked for the caller neither "
    "filter nor sort.\n\n"
    "每个字段可按相等、`_in`、`_null` 筛选；数字和时间另有 `_gte` 等，文本有 `_prefix`。"
)
_CREATE_ABOUT = (
    "`source` and `external_id` name the record in the outside system: the pair stands for one record, and "
    "a second is a 409 with `existing_id` (412 with `If-None-Match: *`). Without them it is born here.\n\n"
    "`source` 与 `external_id` 唯一；已存在时返回 409 和 `existing_id`。"
)
_PATCH_ABOUT = (
    "JSON merge patch: only the fields sent change, null empties one. `If-Match` (or `version` in the body) "
    "names the version it is based on; another one in the store is a 409 with both values of each field. "
    "None is a 428; `If-Match: *` overwrites.\n\n"
    "`If-Match` 或 `version` 指明所依据的版本；版本不符返回 409 和双方的值，未指明返回 428。"
)
