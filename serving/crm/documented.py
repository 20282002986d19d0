"""What OpenAPI says of an operation, from its declaration; and the schemas that all of them name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.crm.contract import CrmErrorBody
from serving.crm.incoming import ETAG_PATTERN
from serving.crm.operation import FORM, JSON, Operation
from serving.crm.refusals import KNOWN, STORE_CODES, UNLISTED, CrmError

_TEMPLATE: Final = "#/components/schemas/{model}"
_REQUEST_ID: Final = "4f1d2c3b5a697887"
SECURITY: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"header": []}]
_REASONS: Final = {
    200: "成功 OK",
    201: "已创建 Created",
    202: "已受理 Accepted",
    204: "完成，无内容 Done, no content",
    207: "逐行结果 Per-row results",
    304: "未修改 Not modified",
    400: "请求无法读取 Unreadable request",
    401: "未认证 Not authenticated",
    403: "无权限 Not allowed",
    404: "不存在 Not found",
    409: "冲突 Conflict",
    412: "前提不成立 Precondition failed",
    413: "过大 Too large",
    415: "内容类型不支持 Unsupported media type",
    422: "内容不正确 Invalid content",
    428: "须带前提 Precondition required",
    429: "请求过多 Too many requests",
    500: "内部错误 Internal error",
    503: "暂不可用 Unavailable",
    504: "超时 Timeout",
}
_ALWAYS: Final = ("store_unavailable", "internal", "timeout", "parameter_invalid", "parameter_unknown")
_SIGNED_IN: Final = ("not_signed_in", "not_allowed_here")
_WITH_BODY: Final = ("body_empty", "json_invalid", "body_not_object", "body_too_large", "bad_character")
_KEYED: Final = ("idempotency_key_in_flight", "idempotency_key_reused", "header_invalid")
_CONDITIONS: Final = {
    "If-Match": ('"3"', ETAG_PATTERN, "ETag of the version that the change is based on 版本"),
    "If-None-Match": ("*", ETAG_PATTERN, "ETag seen last, or * for a new record 已知版本"),
}


def document(operation: Operation) -> dict[str, Any]:
    """Return the operation as OpenAPI has it, to be merged with what FastAPI knows."""
    told: dict[str, Any] = {
        "parameters": [*(param.documented() for param in operation.params), *_headers(operation)],
        "responses": _responses(operation),
        "x-leadpulse-policy": _policy(operation),
        "security": SECURITY if operation.policy is not None else [],
    }
    if operation.about:
        told["description"] = operation.about
    body = _request_body(operation)
    return told | ({"requestBody": body} if body else {})


def schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the component schemas that the operations name."""
    models: set[type[BaseModel]] = {CrmErrorBody}
    for operation in operations:
        models.update(model for model in operation.answers.values() if model is not None)
        if operation.body is not None:
            models.add(operation.body)
    named = sorted(models, key=lambda model: model.__name__)
    _, defined = models_json_schema([(one, "validation") for one in named], ref_template=_TEMPLATE)
    found: dict[str, Any] = defined["$defs"]
    return found


def _policy(operation: Operation) -> dict[str, str] | None:
    if operation.policy is None:
        return None
    return {"resource": operation.policy.resource, "operation": operation.policy.operation}


def _headers(operation: Operation) -> list[dict[str, Any]]:
    told = []
    if operation.keyed:
        about = "repeat the request safely: the same key gets the same reply for 96 h 幂等键"
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"}
        told.append(_header("Idempotency-Key", schema, about, "order-2026-0001"))
    for name in operation.conditional:
        example, pattern, about = _CONDITIONS[name]
        told.append(_header(name, {"type": "string", "pattern": pattern}, about, example))
    return told


def _header(name: str, schema: dict[str, Any], about: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "schema": schema,
        "description": about,
        "example": example,
    }


def _request_body(operation: Operation) -> dict[str, Any] | None:
    if operation.body_kind == "none":
        return None
    if operation.body_kind == "file":
        binary = {"schema": {"type": "string", "format": "binary"}}
        return {"required": True, "content": dict.fromkeys(operation.media_types, binary)}
    content: dict[str, Any] = {"schema": _ref(operation.body)} if operation.body else {"schema": {}}
    if operation.body_example is not None:
        content["example"] = operation.body_example
    kinds = (JSON, FORM) if operation.body_kind == "raw" and operation.policy is not None else (JSON,)
    return {"required": not operation.body_optional, "content": dict.fromkeys(kinds, content)}


def _responses(operation: Operation) -> dict[str, Any]:
    told = {str(status): _answer(operation, status) for status in operation.answers}
    for code in _codes(operation):
        error = _example(code)
        entry = told.setdefault(str(error.problem.status), _failure(error.problem.status))
        if "examples" in entry["content"][JSON]:
            entry["content"][JSON]["examples"][code] = {
                "value": {"error": error.told() | {"request_id": _REQUEST_ID}}
            }
    return told


def _answer(operation: Operation, status: int) -> dict[str, Any]:
    told: dict[str, Any] = {"description": _REASONS[status]}
    model = operation.answers[status]
    if model is not None:
        told["content"] = {JSON: {"schema": _ref(model)}}
        if operation.example is not None and status == operation.status:
            told["content"][JSON]["example"] = operation.example
    elif operation.media_types and operation.body_kind != "file":
        binary = {"schema": {"type": "string", "format": "binary"}}
        told["content"] = dict.fromkeys(operation.media_types, binary)
    if "If-None-Match" in operation.conditional or "If-Match" in operation.conditional:
        told["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "the record's version 版本"}}
    return told


def _failure(status: int) -> dict[str, Any]:
    return {
        "description": _REASONS[status],
        "content": {JSON: {"schema": _ref(CrmErrorBody), "examples": {}}},
    }


def _codes(operation: Operation) -> list[str]:
    codes = [*_ALWAYS, *operation.errors]
    if operation.policy is not None:
        codes += _SIGNED_IN
    if operation.body_kind in ("json", "raw"):
        codes += [*_WITH_BODY, "media_type_unsupported"]
    if operation.body_kind == "none":
        codes += ["body_not_expected", "body_too_large"]
    if operation.body_kind == "file":
        codes += ["body_empty", "body_too_large", "media_type_unsupported"]
    if operation.keyed:
        codes += _KEYED
    if operation.conditional:
        codes.append("header_invalid")
    return list(dict.fromkeys(codes))


def _example(code: str) -> CrmError:
    """Return an error with this code; the words of the store's own depend on what it refuses."""
    if code in KNOWN:
        return CrmError.known(code, detail="…")
    status, hint = STORE_CODES.get(code, UNLISTED)
    return CrmError.worded(code, status, ("…", "…"), hint)


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _TEMPLATE.format(model=model.__name__)}
