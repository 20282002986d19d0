"""Admission checklists: one hospital's papers, all checklists with the worst first, and what is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from pydantic import Field

from crm_store.domain.admission import Checklist, ChecklistDefinition
from crm_store.repositories import listing
from crm_store.services import admission, admission_lists
from crm_store.services.admission import OverviewPage
from serving.crm import params
from serving.crm.bodies import value_of
from serving.crm.contract import CREATE, OUT, Strict
from serving.crm.forms import parsed, told_as
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.record_routes import headers_of, shown_row
from serving.crm.resources import PREFIX, RESOURCES
from serving.crm.samples import row_sample, sample_id
from serving.crm.settled import SavedOut

_TAG: Final = "admission 准入清单"
_DOCUMENT: Final = RESOURCES["document"]
CHECKLIST: Final = told_as("AdmissionChecklist", Checklist)
OVERVIEW: Final = told_as("AdmissionOverview", OverviewPage)
DEFINITION: Final = told_as("AdmissionDefinition", ChecklistDefinition)


class DefinitionIn(Strict):
    """What a product line is asked for; without one, the default of all others."""

    product_line: str | None = Field(None, min_length=1, max_length=80)
    warn_days: int = Field(30, ge=0, le=366)
    items: list[dict[str, Any]] = Field(min_length=1, max_length=200)
    reason: str | None = Field(None, max_length=200)


def admission_operations() -> Iterator[Operation]:
    """Yield the operations on admission checklists."""
    yield from (_checklist(), _overview(), _file(), _definition(), _define())


def _checklist() -> Operation:
    def handle(call: Call) -> Reply:
        found = admission.checklist(call.sight, call.path["id"], call.query["product_line"], call.now)
        return Reply(asdict(found))

    return Operation(
        "GET",
        f"{RESOURCES['account'].path}/{{id}}/admission",
        "crm_admission_checklist",
        "One customer's admission checklist 准入清单",
        _TAG,
        Policy("document", "read"),
        handle,
        params=(params.record_id(), _line_param(required=True)),
        answers={200: CHECKLIST},
        errors=("not_found",),
    )


def _overview() -> Operation:
    def handle(call: Call) -> Reply:
        limit, cursor = call.query.get("limit", 50), call.query.get("cursor")
        return Reply(asdict(admission.checklists_overview(call.sight, call.now, limit, cursor)))

    return Operation(
        "GET",
        f"{PREFIX}/admission",
        "crm_admission_overview",
        "All checklists, the worst first 准入总览",
        _TAG,
        Policy("document", "read"),
        handle,
        params=(
            params.whole("limit", 1, 500, "checklists of a page 每页条数", 50),
            params.text("cursor", longest=400, about="next_cursor of the page before 上一页的游标"),
        ),
        answers={200: OVERVIEW},
        errors=("bad_cursor",),
    )


def _file() -> Operation:
    def handle(call: Call) -> Reply:
        fields = _DOCUMENT.fields
        values = {n: value_of(fields[n], v) if n in fields else v for n, v in call.body.items()}
        admission.check_asked_for(call.sight, values.get("kind"))
        document_id = admission.file_document(call.sight, values, actor=call.viewer.actor, now=call.now)
        row = listing.by_id(call.whole, "document", document_id) or {}
        return Reply(shown_row(call, _DOCUMENT, row), 201, headers_of(_DOCUMENT, row, created=True))

    return Operation(
        "POST",
        f"{PREFIX}/admission/documents",
        "crm_file_document",
        "File a paper as the next revision; older ones are superseded 归档新版文件",
        _TAG,
        Policy("document", "create"),
        handle,
        body=CREATE["document"],
        body_kind="json",
        answers={201: OUT["document"]},
        errors=("required", "not_allowed", "wrong_type", "unknown_field", "unknown_reference", "forbidden"),
        example=row_sample(_DOCUMENT),
        body_example={
            "account_id": sample_id("account"),
            "product_line": "骨科",
            "kind": "business_licence",
            "title": "营业执照",
            "issued_at": "2026-03-01T00:00:00Z",
            "sealed": True,
        },
        writes=True,
    )


def _definition() -> Operation:
    def handle(call: Call) -> Reply:
        line = call.query.get("product_line", admission_lists.DEFAULT)
        return Reply(asdict(admission_lists.definition_of(call.sight, line)))

    return Operation(
        "GET",
        f"{PREFIX}/admission/definition",
        "crm_admission_definition",
        "What a product line is asked for 清单定义",
        _TAG,
        Policy("definition", "read"),
        handle,
        params=(_line_param(required=False),),
        answers={200: DEFINITION},
    )


def _define() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, DefinitionIn)
        version = admission_lists.save_checklist(
            call.whole,
            given.product_line,
            {"warn_days": given.warn_days, "items": given.items},
            actor=call.viewer.actor,
            reason=given.reason,
            now=call.now,
        )
        return Reply({"version": version}, 201)

    return Operation(
        "POST",
        f"{PREFIX}/admission/definition",
        "crm_save_admission_definition",
        "Put an edited checklist in force 发布清单定义",
        _TAG,
        Policy("definition", "update"),
        handle,
        body=DefinitionIn,
        body_kind="json",
        answers={201: SavedOut},
        errors=("bad_checklist",),
        example={"version": 1},
        writes=True,
    )


def _line_param(*, required: bool) -> params.Param:
    return params.text(
        "product_line", longest=80, about="product line 产品线", required=required, example="骨科"
    )
