"""Examples of the OpenAPI document: one for each operation and each error."""

from __future__ import annotations

from typing import Any, Final

from serving.errors import PROBLEMS, ServingError, body_of
from serving.kinds import LEAD, Kind

_AS_OF: Final = "2026-03-01T00:00:00Z"
_REQUEST_ID: Final = "4f1d2c3b5a697887"


def example_id(kind: Kind, number: int = 1) -> str:
    """Return an id of the right form."""
    return f"{kind.entity[:3]}_{number:024x}"


def ids_example(kind: Kind) -> dict[str, Any]:
    """Return a request for two records."""
    return {"ids": [example_id(kind), example_id(kind, 2)]}


def results_example(kind: Kind) -> dict[str, Any]:
    """Return a score and an error."""
    score = _score(kind) | {"rung": "model", "age_s": None}
    if kind is not LEAD:
        score |= {"money": 480000.0}
    missing = body_of(ServingError(kind.not_found, "ids"), _REQUEST_ID)["error"]
    del missing["request_id"]
    return {
        "results": [
            {"id": example_id(kind), "score": score, "error": None},
            {"id": example_id(kind, 2), "score": None, "error": missing},
        ]
    }


def ranked_example(kind: Kind) -> dict[str, Any]:
    """Return a page with one row."""
    row = {
        "id": example_id(kind),
        "title": "示例医疗器械有限公司",
        "value": 32.4,
        "band": "red",
        "probability": 0.031 if kind is LEAD else 0.676,
        "source": "model",
        "owner_id": "rep_0000000000000000000000a1",
        "region": "华东",
        "money": None if kind is LEAD else 480000.0,
        "scored_at": _AS_OF,
    }
    return {"items": [row], "next_cursor": "MzIuNHxsZWFfMDE", "total": 1}


def detail_example(kind: Kind) -> dict[str, Any]:
    """Return a record with its score."""
    score = _score(kind) | {"scored_at": _AS_OF}
    record = {
        "company": "示例医疗器械有限公司",
        "phone": "138****0000",
        "region": "华东",
        "status": "contacted",
    }
    if kind is not LEAD:
        record = {"name": "示例医疗器械有限公司", "region": "华东", "tier": "A"}
    return {"id": example_id(kind), "record": record, "score": score, "history": [score]}


def trace_example(kind: Kind) -> dict[str, Any]:
    """Return a count and one of the records that were counted."""
    name, key = f"{kind.entity}_chats_30d", f"{kind.entity}_id"
    record = {"record_id": "act_000000000000000000000001", key: example_id(kind), "channel": "chat"}
    moments = {"occurred_at": "2026-02-20T03:00:00Z", "recorded_at": "2026-02-20T03:00:05Z"}
    return {
        "id": example_id(kind),
        "feature": name,
        "title": {"zh": "近30天聊天互动", "en": "Chat interactions, 30 days"},
        "unit": "count",
        "value": 1.0,
        "as_of": _AS_OF,
        "records": [record | moments],
    }


def readiness_example() -> dict[str, Any]:
    """Return a service whose account model is missing: ready, on rules."""
    return {
        "status": "degraded",
        "parts": {
            "store": {"state": "ok", "detail": "ok"},
            "online_features": {"state": "ok", "detail": "ok"},
            "champion:lead_health": {"state": "ok", "detail": "lead_health-3"},
            "champion:account_churn": {"state": "degraded", "detail": "no_champion"},
        },
    }


def error_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these errors, one named example for each code."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status = PROBLEMS[code].status
        entry = responses.setdefault(
            status, {"description": _REASONS[status], "content": {"application/json": {}}}
        )
        examples = entry["content"]["application/json"].setdefault("examples", {})
        examples[code] = {"value": body_of(ServingError(code, detail="…"), _REQUEST_ID)}
        entry["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/ErrorBody"}
    return responses


def answer_response(model: type) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI response of success; its example comes with the finished document."""
    return {200: {"model": model, "description": "成功 OK"}}


def _score(kind: Kind) -> dict[str, Any]:
    lead = kind is LEAD
    name = f"{kind.entity}_chats_30d"
    reason = {
        "feature": name,
        "sentence": "近30天聊天互动 6 次",
        "value": 6.0,
        "unit": "count",
        "effect": 8.5,
        "trace": f"{kind.path}/{example_id(kind)}/trace/{name}?as_of={_AS_OF}",
    }
    score: dict[str, Any] = {
        "value": 78.2,
        "band": "yellow",
        "probability": 0.41 if lead else 0.12,
        "source": "model",
        "why": None,
        "version": f"{kind.model}-3",
        "as_of": _AS_OF,
        "reasons": {"for": [reason], "against": [], "notes": []},
    }
    return score if lead else score | {"risk": 0.12}


_REASONS: Final = {
    400: "请求无法读取 Unreadable request",
    401: "未认证 Not authenticated",
    403: "无权限 Not allowed",
    404: "不存在 Not found",
    405: "方法不支持 Method not allowed",
    413: "过大 Too large",
    422: "内容不正确 Invalid content",
    500: "内部错误 Internal error",
    503: "暂不可用 Unavailable",
    504: "超时 Timeout",
}
