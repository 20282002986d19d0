"""Everything that can go wrong over HTTP: one table from a stable code to status, words and advice.

An error carries its data and its code; ``body_of`` turns it into the one shape that every failure has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_IDS: Final = 1_000
MAX_BODY: Final = 1 << 20
MAX_PAGE: Final = 200


@dataclass(frozen=True)
class Problem:
    """One row of the table: the HTTP status, and (Chinese, English) words and advice."""

    status: int
    message: tuple[str, str]
    hint: tuple[str, str]


@dataclass(frozen=True)
class Limit:
    """How much a request may carry, in bytes, and how long it may take, in seconds."""

    body: int
    seconds: float


_IDS_HINT = (
    '请求体形如 {"ids": ["lea_…"]}，1 到 1000 个字符串',
    'Send {"ids": ["lea_…"]} with 1 to 1,000 strings',
)
_DOCS_HINT = ("接口说明见 /docs", "See /docs for the interface")
_RETRY_HINT = ("请稍后重试", "Try again in a moment")
_LIST_HINT = ("从 /v1/leads 或 /v1/accounts 取得有效编号", "Take ids from /v1/leads or /v1/accounts")

PROBLEMS: Final[dict[str, Problem]] = {
    "body_empty": Problem(400, ("请求体为空", "The body is empty"), _IDS_HINT),
    "json_invalid": Problem(400, ("请求体不是有效的 JSON", "The body is not valid JSON"), _IDS_HINT),
    "body_too_large": Problem(
        413,
        ("请求体超过 {detail}", "The body is over {detail}"),
        ("分批发送", "Send it in several requests"),
    ),
    "type_invalid": Problem(422, ("类型不正确：{detail}", "Wrong type: {detail}"), _IDS_HINT),
    "field_missing": Problem(422, ("缺少字段：{detail}", "This field is missing: {detail}"), _IDS_HINT),
    "field_unknown": Problem(422, ("未知字段：{detail}", "Unknown field: {detail}"), _IDS_HINT),
    "ids_empty": Problem(422, ("编号列表为空", "The list of ids is empty"), _IDS_HINT),
    "too_many_ids": Problem(
        422,
        ("一次最多 1000 个编号，收到 {detail} 个", "At most 1,000 ids at once, received {detail}"),
        ("分批发送编号", "Send the ids in several requests"),
    ),
    "parameter_invalid": Problem(422, ("参数不正确：{detail}", "Invalid parameter: {detail}"), _DOCS_HINT),
    "parameter_unknown": Problem(422, ("未知参数：{detail}", "Unknown parameter: {detail}"), _DOCS_HINT),
    "cursor_invalid": Problem(
        422,
        ("游标无效", "The cursor is not valid"),
        (
            "原样使用上一页的 next_cursor，筛选条件不变",
            "Use next_cursor of the previous page as it is, with the same filters",
        ),
    ),
    "api_key_missing": Problem(
        401,
        ("缺少 API 密钥", "An API key is required"),
        (
            "发送 Authorization: Bearer lp_… 或 X-API-Key: lp_…",
            "Send Authorization: Bearer lp_… or X-API-Key: lp_…",
        ),
    ),
    "api_key_invalid": Problem(
        401,
        ("API 密钥无效、已过期或已撤销", "The API key is unknown, expired or revoked"),
        ("用 leadpulse key create 新建密钥", "Create a key with leadpulse key create"),
    ),
    "scope_missing": Problem(
        403,
        ("该密钥没有所需权限：{detail}", "This key lacks the scope: {detail}"),
        ("用具有该权限的密钥", "Use a key that has the scope"),
    ),
    "not_found": Problem(404, ("没有这个地址", "There is nothing at this address"), _DOCS_HINT),
    "method_not_allowed": Problem(405, ("不支持该方法", "This method is not allowed here"), _DOCS_HINT),
    "lead_not_found": Problem(404, ("没有这个线索", "There is no such lead"), _LIST_HINT),
    "account_not_found": Problem(404, ("没有这个客户", "There is no such account"), _LIST_HINT),
    "no_score_then": Problem(
        404,
        ("{detail} 时还没有评分", "There was no score yet at {detail}"),
        ("从详情的 history 取时刻", "Take a moment from the history in the record's details"),
    ),
    "feature_not_found": Problem(
        404,
        ("没有这个特征", "There is no such feature"),
        ("使用理由中的 trace 地址", "Follow the trace address of a reason"),
    ),
    "no_score": Problem(
        503,
        (
            "暂时无法评分：特征、规则和历史评分都不可用",
            "No score: features, rules and past scores are unavailable",
        ),
        _RETRY_HINT,
    ),
    "store_unavailable": Problem(503, ("数据库暂不可用", "The record store is unavailable"), _RETRY_HINT),
    "trace_unavailable": Problem(503, ("溯源暂不可用", "The trace is unavailable"), _RETRY_HINT),
    "starting": Problem(503, ("服务正在启动", "The service is starting"), _RETRY_HINT),
    "timeout": Problem(504, ("处理超时", "The request took too long"), _RETRY_HINT),
    "internal": Problem(
        500,
        ("服务器内部错误，已记录", "Something went wrong here, and it was logged"),
        ("带上 request_id 联系管理员", "Tell your administrator the request_id"),
    ),
}

# Why a score did not come from the model: the sentence beside the stable code.
WHY: Final[dict[str, tuple[str, str]]] = {
    "no_champion": ("还没有通过验收的模型", "No model has passed the gates yet"),
    "bundle_broken": ("模型文件损坏或无法运行", "The model's files are damaged or it cannot run"),
    "starting": ("模型正在加载", "The model is still loading"),
    "no_online_features": ("没有可用的在线特征", "No online features are available"),
    "stale_online_features": ("在线特征已过期", "The online features are too old"),
    "drift_inputs": (
        "模型的主要输入已偏离训练时的分布，改由规则作答",
        "The model's main inputs have left what it was trained on",
    ),
    "drift_score": ("评分分布已偏离训练时，改由规则作答", "The model's scores have left their trained range"),
    "drift_base_rate": (
        "结果的发生率已偏离训练时，改由规则作答",
        "The outcome comes far more or less often than in training",
    ),
    "drift_calibration": (
        "模型的概率与实际结果不再相符，改由规则作答",
        "The model's probabilities no longer come true",
    ),
    "past_horizon": ("线索已超出模型的预测期", "The lead is older than the model's horizon"),
}


class ServingError(Exception):
    """A failure with a code of ``PROBLEMS``, the field at fault, and what to fill into the message."""

    def __init__(
        self, code: str, field: str | None = None, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.detail = detail
        self.headers = dict(headers or {})

    @property
    def problem(self) -> Problem:
        """The row of the table."""
        return PROBLEMS[self.code]

    def told(self) -> dict[str, Any]:
        """Return the error as the client reads it, without the request's id."""
        return error_of(self.code, self.field, self.detail)


def error_of(code: str, field: str | None = None, detail: str = "") -> dict[str, Any]:
    """Return an error as the client reads it, without the request's id."""
    problem = PROBLEMS[code]
    zh, en = (text.replace("{detail}", detail) for text in problem.message)
    body: dict[str, Any] = {
        "code": code,
        "message": {"zh": zh, "en": en},
        "hint": {"zh": problem.hint[0], "en": problem.hint[1]},
    }
    if field is not None:
        body["field"] = field
    return body


def body_of(error: ServingError, request_id: str) -> dict[str, Any]:
    """Return the response body of a failed request."""
    return {"error": error.told() | {"request_id": request_id}}


def why_of(code: str) -> dict[str, Any]:
    """Return why a lower rung answered, as the client reads it."""
    zh, en = WHY.get(code, (code, code))
    return {"code": code, "message": {"zh": zh, "en": en}}
