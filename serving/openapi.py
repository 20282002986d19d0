"""The OpenAPI document: what FastAPI derives, and the parts that are parsed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving import examples
from serving.crm.documented import schemas as schemas_of
from serving.crm.operation import Operation
from serving.kinds import ACCOUNT, KINDS, LEAD
from serving.schemas import ErrorBody, Ids

_INFO = (
    "Scores with reasons, ranked lists and traces; records, their history and intake under `/crm/v1`. "
    "Keys come from `leadpulse key create`. "
    "Every failure has the body `{error: {code, message: {zh, en}, hint, field, request_id}}`.\n\n"
    "评分与理由、排序列表、数值溯源；`/crm/v1` 下是记录、历史与线索接入。密钥由 `leadpulse key create` 创建。"
)


def describe(app: FastAPI, operations: Sequence[Operation] = ()) -> None:
    """Make ``/openapi.json`` complete: key schemes, and the types that FastAPI does not see."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, operations)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI, operations: Sequence[Operation]) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=_INFO, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in (Ids, ErrorBody):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    schemas |= schemas_of(operations)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "lp_…"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    answers = _answers()
    for path in document["paths"].values():
        for operation in path.values():
            _drop_generated_422(operation)
            if operation.get("operationId") in answers:
                content = operation["responses"]["200"]["content"]["application/json"]
                content["example"] = answers[operation["operationId"]]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


def _answers() -> dict[str, dict[str, Any]]:
    """Return the example answer of each operation. FastAPI would drop what is null in them."""
    answers = {
        "score_leads": examples.results_example(LEAD),
        "score_accounts": examples.results_example(ACCOUNT),
        "get_account_visit_pack": examples.visit_pack_example(),
        "match_leads": examples.match_example(),
        "livez": {"status": "alive"},
        "readyz": examples.readiness_example(),
    }
    answers["list_models"] = examples.models_example()
    for kind in KINDS:
        answers[f"list_{kind.plural}"] = examples.ranked_example(kind)
        answers[f"get_{kind.entity}"] = examples.detail_example(kind)
        answers[f"change_{kind.entity}"] = examples.change_example(kind)
        answers[f"part_scores_{kind.entity}"] = examples.part_scores_example(kind)
        answers[f"trace_{kind.entity}"] = examples.trace_example(kind)
    return answers


def _drop_generated_422(operation: dict[str, Any]) -> None:
    """FastAPI lists its own validation body; ours has another shape, and is listed already."""
    listed = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
    if "HTTPValidationError" in str(listed.get("schema")):
        del operation["responses"]["422"]
