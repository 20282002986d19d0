"""What the CRM interface refuses: the store's problems and its own, in the one shape that failures have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from crm_store.repositories.fields import to_log
from crm_store.repositories.problems import Problem as StoreProblem
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.records import Conflict
from serving.errors import PROBLEMS, Problem, ServingError

_DOCS = ("接口说明见 /docs", "See /docs for the interface")
_AGAIN = ("请稍后重试", "Try again in a moment")
_READ_FIRST = (
    "先读取记录，在 If-Match 中带上它的 ETag；If-Match: * 表示无条件覆盖",
    "Read the record and send its ETag as If-Match; If-Match: * overwrites whatever is there",
)
_RIGHTS = ("请管理员授权，或换用有权限的账号或密钥", "Ask an administrator, or use a key or account that may")

KNOWN: Final[dict[str, Problem]] = {
    "body_empty": Problem(400, ("请求体为空", "The body is empty"), _DOCS),
    "json_invalid": Problem(
        400, ("请求体不是有效的 JSON：{detail}", "The body is not valid JSON: {detail}"), _DOCS
    ),
    "body_not_object": Problem(422, ("请求体应为 JSON 对象", "The body must be a JSON object"), _DOCS),
    "form_invalid": Problem(400, ("表单内容无法读取", "The form cannot be read"), _DOCS),
    "body_not_expected": Problem(422, ("该接口不接收请求体", "This operation takes no body"), _DOCS),
    "body_too_large": Problem(
        413,
        ("请求体超过 {detail}", "The body is over {detail}"),
        ("分批发送", "Send it in several requests"),
    ),
    "media_type_unsupported": Problem(
        415,
        ("不支持的内容类型：{detail}", "This content type is not taken here: {detail}"),
        (
            "记录和设置用 Content-Type: application/json；文件用 /docs 中该接口列出的类型",
            "Send records as Content-Type: application/json, files as /docs lists for this address",
        ),
    ),
    "bad_character": Problem(
        422,
        ("含有无法保存的字符", "It contains a character that cannot be stored"),
        ("去掉 NUL 和不成对的代理字符", "Remove NUL and unpaired surrogates"),
    ),
    "header_invalid": Problem(422, ("请求头不正确：{detail}", "Invalid header: {detail}"), _DOCS),
    "not_signed_in": Problem(
        401,
        ("需要登录或 API 密钥", "Sign in, or send an API key"),
        (
            "发送 Authorization: Bearer，值为 API 密钥或 POST /crm/v1/session 得到的令牌",
            "Send Authorization: Bearer with an API key or the token of POST /crm/v1/session",
        ),
    ),
    "code_needed": Problem(
        401,
        ("需要验证码", "A code is needed"),
        ("同时发送 code：手机上的验证码或恢复码", "Send code as well: the telephone's, or a recovery code"),
    ),
    "own_proof_wrong": Problem(
        401,
        ("密码或验证码不正确", "The password or the code is wrong"),
        (
            "核对后重试；连续输错 5 次后锁定 15 分钟",
            "Check them, then try again; after 5 failures the account is locked for 15 minutes",
        ),
    ),
    "session_needed": Problem(
        403,
        ("只有登录的本人可以进行此操作", "Only a person who is signed in may do this"),
        (
            "用 POST /crm/v1/session 登录，而不是 API 密钥",
            "Sign in by POST /crm/v1/session; a key will not do",
        ),
    ),
    "second_factor_there": Problem(
        409,
        ("已启用二次验证", "There is a second factor already"),
        ("更换手机时先停用，再重新设置", "To change telephones, disable it and set it up again"),
    ),
    "no_second_factor": Problem(409, ("尚未启用二次验证", "There is no second factor"), _DOCS),
    "no_salesperson": Problem(
        403,
        (
            "该账号未关联销售人员，看不到任何记录",
            "This account is no salesperson's: no record is theirs",
        ),
        (
            "请管理员用 PATCH /crm/v1/users/{id} 填写 rep_id",
            "Ask an administrator to set its rep_id by PATCH /crm/v1/users/{id}",
        ),
    ),
    "not_allowed_here": Problem(403, ("无权进行此操作", "You may not do this"), _RIGHTS),
    "field_hidden": Problem(
        403, ("无权按该字段筛选或排序", "You may not filter or sort by this field"), _RIGHTS
    ),
    "record_not_found": Problem(
        404,
        ("没有这条记录，或您无权查看", "There is no such record, or it is not yours to see"),
        ("核对编号；已删除的记录用 deleted=true 查看", "Check the id; deleted=true shows a deleted record"),
    ),
    "no_rejects": Problem(404, ("该导入没有被拒的行", "No row of this import was rejected"), _DOCS),
    "record_exists": Problem(
        409,
        (
            "source 与 external_id 已对应一条记录",
            "There is a record with this source and external_id already",
        ),
        ("用 existing_id 修改它", "Patch the record of existing_id"),
    ),
    "already_exists": Problem(
        409,
        ("已有这样的记录", "There is such a record already"),
        ("核对唯一的字段，如名称、编号或关系", "Check what must be unique: a name, an id, a relation"),
    ),
    "record_unfit": Problem(
        422,
        ("内容之间不相符，或引用的记录不存在", "The content does not fit together, or refers to nothing"),
        _DOCS,
    ),
    "precondition_failed": Problem(
        412, ("记录已存在，If-None-Match: * 不成立", "The record exists: If-None-Match: * fails"), _DOCS
    ),
    "precondition_required": Problem(
        428, ("修改时须说明依据的版本", "A change must say which version it is based on"), _READ_FIRST
    ),
    "too_many_requests": Problem(429, ("请求过多", "Too many requests"), _AGAIN),
    "parameter_invalid": PROBLEMS["parameter_invalid"],
    "parameter_unknown": PROBLEMS["parameter_unknown"],
    "field_unknown": PROBLEMS["field_unknown"],
    "type_invalid": Problem(422, ("类型不正确：{detail}", "Wrong type: {detail}"), _DOCS),
    "value_invalid": Problem(422, ("值不正确：{detail}", "Invalid value: {detail}"), _DOCS),
    "parameter_missing": Problem(422, ("缺少参数：{detail}", "This parameter is missing: {detail}"), _DOCS),
    "store_unavailable": PROBLEMS["store_unavailable"],
    "internal": PROBLEMS["internal"],
    "timeout": PROBLEMS["timeout"],
}

_CONFLICT: Final = (409, ("重新读取后再试", "Read it again, then decide"))
_MANAGER: Final = (
    "由经理修改，并在请求体的 reason 中写明原因",
    "Have a manager change it, with the reason as reason in the body",
)
_MISSING: Final = (404, ("核对编号", "Check the id"))
_REFUSED: Final = (403, _RIGHTS)
UNLISTED: Final = (422, _DOCS)
STORE_CODES: Final[dict[str, tuple[int, tuple[str, str]]]] = {
    "version_conflict": _CONFLICT,
    "already_exists": (409, ("用 existing_id 修改它", "Patch the record of existing_id")),
    "already_corrected": _CONFLICT,
    "already_rotating": _CONFLICT,
    "name_taken": _CONFLICT,
    "backdated": _CONFLICT,
    "locked": (409, _MANAGER),
    "stage_gate": (409, ("先补齐缺少的凭证", "Gather what is missing first")),
    "bulk_status_change": (409, ("逐条修改状态", "Change each status in a request of its own")),
    "already_a_lead": (409, ("直接修改该线索", "Patch that lead")),
    "unknown_submission": _MISSING,
    "unknown_merge": _MISSING,
    "unknown_account": _MISSING,
    "already_decided": _CONFLICT,
    "already_merged": _CONFLICT,
    "already_undone": _CONFLICT,
    "later_merge": _CONFLICT,
    "pair_merged": _CONFLICT,
    "outside_id_taken": _CONFLICT,
    "already_taken": _CONFLICT,
    "email_taken": _CONFLICT,
    "offer_ended": (409, ("重新开始设置", "Begin again")),
    "intake_incomplete": (409, ("先补全线索的必填项", "Complete the lead first")),
    "webhook_refused": (401, ("核对密钥、时间和签名", "Check the secret, the clock and the signature")),
    "webhook_replayed": (409, ("用新的时间戳和签名重发", "Sign it anew and send it again")),
    "not_found": _MISSING,
    "unknown_endpoint": _MISSING,
    "unknown_pair": _MISSING,
    "unknown_mapping": _MISSING,
    "import_cancelled": _CONFLICT,
    "import_elsewhere": _CONFLICT,
    "contact_needed": _CONFLICT,
    "unknown_import": _MISSING,
    "unknown_user": _MISSING,
    "unknown_key": _MISSING,
    "forbidden": _REFUSED,
    "out_of_sight": _REFUSED,
    "hidden_field": _REFUSED,
    "own_account": _REFUSED,
    "code_refused": (401, ("核对手机时间后重试", "Check the telephone's clock and try again")),
    "sign_in_refused": (401, ("核对用户名和密码", "Check the name and the password")),
    "idempotency_key_in_flight": (409, _AGAIN),
    "idempotency_key_reused": (422, ("换一个新的幂等键", "Use a new key for a new request")),
}
"""Store code → HTTP status and advice; a code that is not listed is content that does not fit (422)."""

RETRY_AFTER_S: Final = "1"


class CrmError(ServingError):
    """A failure told by its own words, with what a program needs to go on as ``extras``."""

    def __init__(
        self,
        code: str,
        problem: Problem,
        field: str | None = None,
        extras: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, field, headers=headers)
        self._problem = problem
        self._extras = dict(extras or {})

    @classmethod
    def known(
        cls,
        code: str,
        field: str | None = None,
        detail: str = "",
        detail_zh: str | None = None,
        **extras: Any,
    ) -> CrmError:
        """Return an error of the table above; ``detail_zh`` is the detail in Chinese, if it has words."""
        told = KNOWN[code]
        details = (detail if detail_zh is None else detail_zh, detail)
        zh, en = (
            text.replace("{detail}", printable(one)) for text, one in zip(told.message, details, strict=True)
        )
        return cls(code, Problem(told.status, (zh, en), told.hint), field, extras)

    @classmethod
    def worded(
        cls, code: str, status: int, words: tuple[str, str], hint: tuple[str, str], field: str | None = None
    ) -> CrmError:
        """Return an error told in the store's words."""
        return cls(code, Problem(status, words, hint), field)

    @property
    def problem(self) -> Problem:
        """The status, words and advice."""
        return self._problem

    def told(self) -> dict[str, Any]:
        """Return the error as the client reads it, without the request's id."""
        body: dict[str, Any] = {
            "code": self.code,
            "message": {"zh": self._problem.message[0], "en": self._problem.message[1]},
            "hint": {"zh": self._problem.hint[0], "en": self._problem.hint[1]},
        }
        if self.field is not None:
            body["field"] = printable(self.field)
        return body | self._extras


def refused(error: StoreError) -> CrmError:
    """Return a store's refusal as it is told over HTTP."""
    problems = getattr(error, "problems", None)
    if problems:
        return refused_all(problems)
    existing_id = getattr(error, "existing_id", None)
    return _of(error.problem, {"existing_id": existing_id} if existing_id else {})


def refused_conflict(error: Conflict, values: Mapping[str, Sequence[Any]]) -> CrmError:
    """Return a lost update; ``values``: field → [stored, offered] as the caller may see them."""
    conflict = {
        "expected_version": error.expected,
        "current_version": error.actual,
        "values": {name: [to_log(value) for value in both] for name, both in values.items()},
    }
    return _of(error.problem, {"conflict": conflict})


def refused_all(problems: Sequence[StoreProblem], **extras: Any) -> CrmError:
    """Return several problems of one request: the first leads, all are listed."""
    listed = [problem_of(problem) for problem in problems] if len(problems) > 1 else None
    return _of(problems[0], extras | ({"problems": listed} if listed else {}))


def problem_of(problem: StoreProblem) -> dict[str, Any]:
    """Return a problem as one of several."""
    return {
        "code": problem.code,
        "field": None if problem.field is None else printable(problem.field),
        "message": {"zh": printable(problem.zh), "en": printable(problem.en)},
    }


def printable(text: str) -> str:
    """Return a text that may hold what a client sent, as something any JSON writer can write."""
    return text[:300].encode("utf-8", "backslashreplace").decode()


def _of(problem: StoreProblem, extras: Mapping[str, Any]) -> CrmError:
    status, hint = STORE_CODES.get(problem.code, UNLISTED)
    headers = {"retry-after": RETRY_AFTER_S} if problem.code == "idempotency_key_in_flight" else {}
    words = (printable(problem.zh), printable(problem.en))
    return CrmError(problem.code, Problem(status, words, hint), problem.field, extras, headers)


def of_database(error: SQLAlchemyError) -> CrmError:
    """Return what a store's own refusal means; the words of its statement stay inside."""
    if isinstance(error, IntegrityError):
        told = str(error.orig).lower()
        return CrmError.known("already_exists" if "unique" in told else "record_unfit")
    if isinstance(error, DataError):
        return CrmError.known("record_unfit")
    return CrmError.known("store_unavailable")
