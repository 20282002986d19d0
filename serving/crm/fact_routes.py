"""Facts: activities, communications and order snapshots. They are added, read and listed, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm_store.repositories import listing
from crm_store.services import facts
from serving.crm import params
from serving.crm.contract import CREATE, OUT
from serving.crm.listed import fields_param
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.record_routes import headers_of, list_operation, offered, projected, shown_row, visible
from serving.crm.resources import COMMUNICATION, FACT_RESOURCES, Resource
from serving.crm.samples import new_sample, row_sample

_ERRORS = (
    *("unknown_field", "read_only", "required", "wrong_type", "unknown_reference", "no_subject"),
    *("in_the_future", "backdated_entry", "forbidden", "out_of_sight", "already_exists"),
    *("already_corrected", "other_subject", "intake_incomplete"),
)
_ABOUT = (
    "What happened is never edited: a correction is a new entry with `corrects_id`, one for each entry.\n\n"
    "已发生的事不能修改；更正是带 `corrects_id` 的新记录，每条只能更正一次。"
)


def fact_operations() -> Iterator[Operation]:
    """Yield the operations of every kind of fact."""
    for resource in FACT_RESOURCES:
        yield from (list_operation(resource), _get(resource), _add(resource))


def _get(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        row = visible(listing.by_id(call.sight, resource.entity, call.path["id"]), deleted=False)
        if resource is COMMUNICATION and not facts.is_communication(row):
            visible(None, deleted=False)
        return Reply(projected(shown_row(call, resource, row), call.query.get("fields")))

    return Operation(
        method="GET",
        path=f"{resource.path}/{{id}}",
        name=f"crm_get_{resource.name}",
        summary=f"Read one {resource.en} {resource.zh}详情",
        tag=resource.tag,
        policy=Policy(resource.entity, "read"),
        handle=handle,
        params=(params.record_id(), fields_param(resource)),
        answers={200: OUT[resource.name]},
        errors=("record_not_found",),
        example=row_sample(resource),
    )


def _add(resource: Resource) -> Operation:
    def handle(call: Call) -> Reply:
        values: dict[str, Any] = offered(resource, call.body)
        if resource is COMMUNICATION:
            facts.check_communication(values)
        row = facts.add_fact(call.sight, resource.entity, values, call.now)
        return Reply(shown_row(call, resource, row), 201, headers_of(resource, row, created=True))

    return Operation(
        method="POST",
        path=resource.path,
        name=f"crm_create_{resource.name}",
        summary=f"Add a record of {resource.plural} 新增{resource.zh}",
        tag=resource.tag,
        policy=Policy(resource.entity, "create"),
        handle=handle,
        body=CREATE[resource.name],
        body_kind="json",
        answers={201: OUT[resource.name]},
        errors=_ERRORS,
        example=row_sample(resource),
        body_example=new_sample(resource),
        about=_ABOUT,
        writes=True,
    )
