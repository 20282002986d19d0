"""Examples of the OpenAPI document: one for each operation and each error."""

from __future__ import annotations

from typing import Any, Final

from serving.errors import PROBLEMS, ServingError, body_of
from serving.kinds import ACCOUNT, LEAD, Kind

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
    score = _score(kind) | {"rung": "model", "segment": None, "age_s": None}
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


def match_example() -> dict[str, Any]:
    """Return one lead with one rep for it and one who is away."""
    reason = {
        "feature": "pair_need_win_rate",
        "meaning": "pair_need_win_rate",
        "sentence": "该销售在同产品需求线索上的赢单率 18.2%（候选人平均 13.0%）",
        "value": 0.182,
        "unit": "share",
        "effect": 2.1,
        "trace": None,
    }
    rep: dict[str, Any] = {"rank": 1, "rep_id": f"rep_{1:024x}", "name": "示例一", "team_id": f"tea_{1:024x}"}
    rep |= {"open_leads": 31, "probability": 0.143, "reasons": {"for": [reason], "against": [], "notes": []}}
    away: dict[str, Any] = {"rep_id": f"rep_{2:024x}", "name": "示例二", "code": "on_leave"}
    away |= {"message": {"zh": "正在休假", "en": "On leave"}, "until": "2026-03-04T16:00:00Z"}
    match: dict[str, Any] = {"rung": "model", "why": None, "version": "lead_match-3", "as_of": _AS_OF}
    match |= {"age_s": None, "mean": 0.122, "seed": None}
    return {
        "results": [
            {"id": example_id(LEAD), "match": match | {"reps": [rep], "excluded": [away]}, "error": None}
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


def change_example(kind: Kind) -> dict[str, Any]:
    """Return a rise by more chats and a newer model."""
    trace = f"{kind.path}/{example_id(kind)}/trace/{kind.entity}_chats_30d?as_of="
    earlier = "2026-02-24T00:00:00Z"
    return {
        "id": example_id(kind),
        "from": _standing(kind, earlier, 61.0, 2),
        "to": _standing(kind, _AS_OF, 78.2, 3),
        "points": 17.2,
        "parts": [
            {
                "meaning": "chats",
                "title": {"zh": "聊天互动", "en": "Chats"},
                "sentence": "近30天聊天互动 6 次（此前：近30天聊天互动 1 次）",
                "then": -6.5,
                "now": 8.5,
                "points": 15.0,
                "trace_then": f"{trace}{earlier}",
                "trace_now": f"{trace}{_AS_OF}",
            }
        ],
        "base": {
            "cause": "version",
            "sentence": f"模型或规则版本由 {kind.model}-2 变为 {kind.model}-3：起点不同",
            "points": 2.2,
        },
    }


def part_scores_example(kind: Kind) -> dict[str, Any]:
    """Return a lead in the direct-sales pool, or a customer of tier A."""
    lead = kind is LEAD
    signal = "lead_downloads_30d" if lead else "account_expected_margin"
    trace = f"{kind.path}/{example_id(kind)}/trace/{signal}?as_of={_AS_OF}" if lead else None
    reason = {
        "signal": signal,
        "sentence": "近30天下载资料 5 次" if lead else "未来12个月预期毛利 180000 元",
        "value": 5.0 if lead else 180000.0,
        "unit": "count" if lead else None,
        "points": 6.0 if lead else 180000.0,
        "trace": trace,
    }
    label = {"zh": "直销池", "en": "Direct-sales pool"} if lead else {"zh": "A 级", "en": "Tier A"}
    title = (
        {"zh": "活跃度与线索池", "en": "Activity score and pool"}
        if lead
        else {"zh": "客户等级", "en": "Customer tier"}
    )
    name = "activity_pool" if lead else "customer_tier"
    score = {
        "name": name,
        "title": title,
        "version": f"{name}@1",
        "value": reason["points"],
        "base": 0.0,
        "label": "direct" if lead else "A",
        "label_title": label,
        "reasons": [reason],
    }
    return {"id": example_id(kind), "as_of": _AS_OF, "scores": [score]}


def models_example() -> dict[str, Any]:
    """Return a lead model with one segment, and an account model that nobody promoted yet."""
    segment = {"feature": "lead_channel", "value": "转介绍", "rows": 4210, "positives": 612}
    tested = {"tested": 1403, "tested_positives": 201, "gain": 0.021, "least_gain": 0.008, "kept": True}
    corners = ((0.0, 0.0), (0.12, 60.0), (0.36, 90.0), (1.0, 100.0))
    about = {
        "trained_at": "2026-02-20T03:00:00+00:00",
        "meaning": "chance",
        "base_rate": 0.12,
        "calibrator": "platt",
        "map": [{"probability": chance, "value": value} for chance, value in corners],
        "features": ["lead_chats_30d", "lead_channel"],
        "rows": {"test": {"rows": 5200, "positives": 640}},
        "metrics": {"lightgbm": {"n": 5200, "auc": 0.81}},
        "segments": [segment | tested],
    }
    absent = {"model": "account_churn", "entity": "account", "state": "no_champion"}
    return {
        "bands": {"green": 90.0, "yellow": 60.0},
        "models": [
            {
                "model": "lead_health",
                "entity": "lead",
                "state": "champion",
                "version": "lead_health-3",
                "about": about,
            },
            absent | {"version": None, "about": None},
        ],
    }


def _standing(kind: Kind, at: str, value: float, version: int) -> dict[str, Any]:
    moments = {"scored_at": at, "as_of": at}
    return moments | {
        "value": value,
        "band": "yellow",
        "source": "model",
        "version": f"{kind.model}-{version}",
    }


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


def visit_pack_example() -> dict[str, Any]:
    """Return the pack of an account whose composite calls for a visit."""
    points = {"value": 48.0, "band": "red", "version": "rules:account_risk@1"}
    points["reasons"] = {"for": [], "against": [], "notes": []}
    ticket: dict[str, Any] = {
        "id": "tic_000000000000000000000001",
        "title": "漏液",
        "category": "设备故障",
        "priority": "high",
    }
    moments = {"opened_at": "2026-02-20T03:00:00Z", "first_response_at": None, "resolved_at": None}
    ticket |= moments | {"status": "open", "satisfaction": None}
    note = {"id": "act_000000000000000000000001", "channel": "chat", "direction": "in"}
    return {
        "id": example_id(ACCOUNT),
        "as_of": _AS_OF,
        "composite": points,
        "advice": {"zh": "建议本周内安排高层拜访", "en": "Arrange a senior visit this week"},
        "parts": [
            points | {"part": part, "title": {"zh": zh, "en": en}, "version": f"rules:account_{document}@1"}
            for part, zh, en, document in (
                ("purchase", "采购活跃", "Purchase activity", "purchase"),
                ("service", "服务满意", "Service satisfaction", "service"),
                ("risk", "风险（分高为稳）", "Risk (higher is safer)", "stability"),
            )
        ],
        "when": None,
        "service": {"tickets": [ticket], "first_response_mean_h": None, "satisfaction_mean": None},
        "open_issues": [ticket],
        "competitor_notes": [note | {"occurred_at": "2026-02-20T03:00:00Z", "text": "科室想更换供应商"}],
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
        "meaning": "chats",
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
        "base": 68.5,
        "others": 1.2,
        "reasons": {"for": [reason], "against": [], "notes": []},
    }
    when = {
        "weeks": [0.005] * 25 + [0.02],
        "total": 0.145,
        "likeliest_weeks": [26, 1, 2],
        "median_week": None,
    }
    return score if lead else score | {"risk": 0.12, "when": when}


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
