"""Bulk upsert: up to 5,000 records of one kind in a request, each row with its own outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import Field, create_model

from crm_store.domain.policy import Relation
from crm_store.repositories import listing
from crm_store.repositories.fields import to_log
from crm_store.repositories.sight.sight import relations_of, shown_changes
from crm_store.services import bulk_records
from crm_store.services.bulk_records import BulkRow, RowOutcome
from serving.crm.contract import MAX_BULK, MAX_INTEGER, PATCH, ProblemOut, Strict
from serving.crm.history_routes import sees_all_alike
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.record_routes import offered
from serving.crm.refusals import CrmError, problem_of
from serving.crm.resources import RECORD_RESOURCES, Resource
from serving.crm.samples import new_sample, sample_id


class RowOut(Strict):
    """What became of one row; a conflict shows for each field offered [what is stored, what was offered]."""

    row: int
    status: Literal["created", "updated", "unchanged", "conflict", "invalid"]
    id: str | None
    version: int | None
    problems: list[ProblemOut]
    values: dict[str, list[Any]] | None = None


class BulkOut(Strict):
    """One item for each row, in order, and how many came to what."""

    counts: dict[str, int]
    rows: list[RowOut]


_ABOUT: Final = (
    "Each row names its record by `id`, or by `source` and `external_id`; what does not exist is created. "
    '`version` is optional: 0 means "must not exist yet", another number "only if it stands there". Rows '
    "stand alone: what one does wrong never touches the others. The answer is a 207 with one item a row.\n\n"
    "每行用 `id` 或 `source`+`external_id` 指明记录，不存在则新建；逐行返回结果，互不影响。"
)


def bulk_operations() -> Iterator[Operation]:
    """Yield the bulk upsert of every kind of record but users, who are made one by one."""
    for resource in RECORD_RESOURCES:
        if resource.entity != "user":
            yield _bulk(resource)


def _bulk(resource: Resource) -> Operation:
    return Operation(
        method="POST",
        path=f"{resource.path}/bulk",
        name=f"crm_bulk_{resource.name}",
        summary=f"Create or change many {resource.plural} 批量写入{resource.zh}",
        tag=resource.tag,
        policy=Policy(resource.entity, "update"),
        handle=partial(_handle, resource),
        body=_model(resource),
        body_kind="json",
        answers={207: BulkOut},
        errors=("too_many_rows", "type_invalid"),
        example=_sample(resource),
        body_example={"rows": [new_sample(resource)]},
        about=_ABOUT,
        writes=True,
    )


def _model(resource: Resource) -> Any:
    row = create_model(
        f"{resource.schema}Row",
        __base__=PATCH[resource.name],
        __doc__=f"一行{resource.zh}",
        id=(Annotated[str, Field(max_length=40)] | None, None),
        version=(Annotated[int, Field(ge=0, le=MAX_INTEGER)] | None, None),
    )
    rows: Any = Annotated[list[row], Field(max_length=MAX_BULK)]
    return create_model(f"{resource.schema}Bulk", __base__=Strict, __doc__="批量", rows=(rows, ...))


def _handle(resource: Resource, call: Call) -> Reply:
    rows = [_row(resource, at, given) for at, given in enumerate(_rows(call.body))]
    outcomes = bulk_records.upsert(call.sight, resource.entity, rows, call.now)
    near = _near(call, resource, outcomes)
    told = [_told(call, resource, at, one, near) for at, one in enumerate(outcomes)]
    counts: dict[str, int] = {}
    for one in told:
        counts[one["status"]] = counts.get(one["status"], 0) + 1
    return Reply({"counts": counts, "rows": told}, 207)


def _rows(body: Mapping[str, Any]) -> list[Any]:
    for name in body:
        if name != "rows":
            raise CrmError.known("field_unknown", name, name)
    rows = body.get("rows")
    if not isinstance(rows, list):
        raise CrmError.known("type_invalid", "rows", "rows ≠ array")
    return rows


def _row(resource: Resource, at: int, given: Any) -> BulkRow:
    if not isinstance(given, dict):
        raise CrmError.known("type_invalid", f"rows[{at}]", f"rows[{at}] ≠ object")
    values = dict(given)
    record_id, version = values.pop("id", None), values.pop("version", None)
    if record_id is not None and not isinstance(record_id, str):
        raise CrmError.known("type_invalid", f"rows[{at}].id", "id ≠ string")
    if version is not None and (type(version) is not int or not 0 <= version <= MAX_INTEGER):
        raise CrmError.known("type_invalid", f"rows[{at}].version", "version ≠ integer")
    values.pop("reason", None)
    return BulkRow(offered(resource, values), record_id, version)


def _near(call: Call, resource: Resource, outcomes: list[RowOutcome]) -> dict[str, Relation]:
    """Return how near the records in conflict are to the viewer."""
    ids = sorted({one.result.id for one in outcomes if one.result.values and one.result.id is not None})
    if not ids or sees_all_alike(call.viewer, resource.entity):
        return dict.fromkeys(ids, "all")
    rows = listing.by_ids(call.sight, resource.entity, ids)
    near = relations_of(call.sight, resource.entity, rows)
    return {row["id"]: relation for row, relation in zip(rows, near, strict=True)}


def _told(
    call: Call, resource: Resource, at: int, outcome: RowOutcome, near: Mapping[str, Relation]
) -> dict[str, Any]:
    result = outcome.result
    found = outcome.problems or ((result.problem,) if result.problem else ())
    told: dict[str, Any] = {
        "row": at,
        "status": result.status,
        "id": result.id,
        "version": result.version,
        "problems": [problem_of(problem) for problem in found],
    }
    if result.values is not None and result.id is not None and result.id in near:
        seen = shown_changes(call.viewer, resource.entity, result.values, near[result.id])
        told["values"] = {name: [to_log(value) for value in both] for name, both in seen.items()}
    return told


def _sample(resource: Resource) -> dict[str, Any]:
    row = {"row": 0, "status": "created", "id": sample_id(resource.entity), "version": 1, "problems": []}
    return {"counts": {"created": 1}, "rows": [row]}
