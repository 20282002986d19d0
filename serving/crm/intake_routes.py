"""Intake: forms with a key, webhooks with a signature, and the submissions that wait for a correction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import orjson
from pydantic import ConfigDict, Field, create_model

from crm_store.domain.policy import Viewer
from crm_store.models.base import from_micros, to_micros
from crm_store.models.intake import SUBMISSION_STATUSES
from crm_store.repositories import cursors, submissions
from crm_store.repositories.cursors import BadCursor
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.sight import SightSession, shown_rows
from crm_store.services import idempotency, intake, webhooks
from crm_store.services.intake import Received
from serving.crm import params
from serving.crm.contract import OUT, DuplicateOut, ProblemOut, Strict, page_model
from serving.crm.duplicates_told import told_duplicates
from serving.crm.incoming import content_of
from serving.crm.operation import FORM, Call, Operation, Policy, Reply
from serving.crm.refusals import CrmError, problem_of, refused_all
from serving.crm.replies import kept_form, replayed
from serving.crm.resources import PREFIX, RESOURCES
from serving.crm.samples import row_sample, sample_id

TAG: Final = "intake 线索接入"
_LEAD: Final = RESOURCES["lead"]
_NAME: Final = r"^[a-z0-9][a-z0-9_\-]{0,39}$"
_INTAKE_ERRORS: Final = ("required", "phone_not_mobile", "company_not_full", "wrong_type", "unreadable")


class FormIn(Strict):
    """A form. A mobile, the full company name and a title are required; what is not listed is kept raw."""

    model_config = ConfigDict(extra="allow")

    company: str | None = Field(None, max_length=200)
    contact: str | None = Field(None, max_length=120)
    title: str | None = Field(None, max_length=80)
    phone: str | None = Field(None, max_length=40)
    email: str | None = Field(None, max_length=200)
    need: str | None = Field(None, max_length=120)
    expected_volume: float | str | None = None
    budget: float | str | None = None
    channel: str | None = Field(None, max_length=80)
    campaign: str | None = Field(None, max_length=120)
    industry: str | None = Field(None, max_length=80)
    region: str | None = Field(None, max_length=40)
    city: str | None = Field(None, max_length=80)
    address: str | None = Field(None, max_length=200)
    ip_place: str | None = Field(None, max_length=80)
    credit_code: str | None = Field(None, max_length=18)
    submitted_at: str | None = Field(None, description="RFC 3339; when it arrived, unless given")
    contacted_at: str | None = Field(
        None, description="when somebody first spoke to them: within 30 minutes, phone and need are enough"
    )


_LEAD_OUT: Any = OUT["lead"]
IntakeOut: Any = create_model(
    "IntakeOut",
    __base__=Strict,
    __doc__="What became of a submission: the lead, who else it might be, what a person should look at.",
    submission_id=(str, ...),
    lead=(_LEAD_OUT, ...),
    duplicates=(list[DuplicateOut], ...),
    notes=(list[ProblemOut], ...),
    ignored=(list[str], ...),
)


class SubmissionOut(Strict):
    """What was sent, as it was sent, and what is wrong with it."""

    id: str
    way: str | None = None
    received_at: str | None = None
    payload: str | None = None
    status: Literal[SUBMISSION_STATUSES] | None = None  # type: ignore[valid-type]
    problems: list[dict[str, Any]] | None = None
    lead_id: str | None = None
    corrected_at: str | None = None
    corrected_by: str | None = None


SUBMISSIONS: Final = page_model("SubmissionPage", "提交记录的一页", SubmissionOut)


def intake_operations() -> Iterator[Operation]:
    """Yield the operations of intake."""
    yield _form()
    yield _webhook()
    yield _list()
    yield _get()
    yield _correct()


def _form() -> Operation:
    def handle(call: Call) -> Reply:
        fields = _readable(call)
        raw = call.raw.decode("utf-8", "replace")
        if call.media_type == FORM and fields is not None:
            raw = orjson.dumps(fields).decode()
        return _told(call, intake.receive(call.whole, f"form:{call.path['form']}", raw, fields, call.now))

    form = params.text("form", "path", pattern=_NAME, longest=40, about="name of the form 表单名")
    return Operation(
        method="POST",
        path=f"{PREFIX}/intake/forms/{{form}}",
        name="crm_intake_form",
        summary="A form becomes a lead 表单接入",
        tag=TAG,
        policy=Policy("submission", "create"),
        handle=handle,
        params=(form,),
        body=FormIn,
        body_kind="raw",
        answers={201: IntakeOut},
        errors=_INTAKE_ERRORS,
        example=_INTAKE_SAMPLE,
        body_example=_FORM_SAMPLE,
        about=_FORM_ABOUT,
        writes=True,
    )


def _webhook() -> Operation:
    def handle(call: Call) -> Reply:
        store, vault = call.whole, call.deps.vault
        message = webhooks.verify(store, vault, call.path["endpoint"], call.headers, call.raw, call.now)
        kept = idempotency.reply_of(store, message.request, call.now)
        if webhooks.is_sent_again(store, message):
            if kept is None:
                raise StoreError(webhooks.replayed())  # so late that its answer is no longer kept
            webhooks.take_again(store, message, call.now)
            return replayed(kept)
        way = f"webhook:{message.endpoint_name}"
        raw = call.raw.decode("utf-8", "replace")
        received = intake.receive(store, way, raw, _enveloped(_readable(call)), call.now)
        webhooks.take(store, message, received.submission_id, call.now)
        reply = _told(call, received, _sender(message.endpoint_name))
        idempotency.keep_reply(store, message.request, kept_form(reply), call.now)
        return reply

    endpoint = params.record_id("endpoint", about="id of the sender 发送方编号")
    return Operation(
        method="POST",
        path=f"{PREFIX}/intake/webhooks/{{endpoint}}",
        name="crm_intake_webhook",
        summary="A signed webhook becomes a lead 签名 Webhook 接入",
        tag=TAG,
        policy=None,
        handle=handle,
        params=(endpoint, *_SIGNED),
        body=FormIn,
        body_kind="raw",
        answers={201: IntakeOut},
        errors=(*_INTAKE_ERRORS, "webhook_refused", "webhook_replayed", "idempotency_key_reused"),
        example=_INTAKE_SAMPLE,
        body_example=_FORM_SAMPLE,
        about=_WEBHOOK_ABOUT,
        writes=True,
        repeatable=False,
    )


def _list() -> Operation:
    def handle(call: Call) -> Reply:
        status, limit = call.query.get("status"), call.query.get("limit", 50)
        filters = ("submission", status)
        found = submissions.list_submissions(call.sight, status, _place(call, filters), limit + 1)
        rows = shown_rows(call.sight, "submission", found[:limit])
        last = found[limit - 1] if len(found) > limit else None
        cursor = None if last is None else cursors.encode(to_micros(last.received_at), last.id, filters)
        return Reply({"items": rows, "next_cursor": cursor})

    return Operation(
        method="GET",
        path=f"{PREFIX}/submissions",
        name="crm_list_submissions",
        summary="Submissions, newest first 提交记录",
        tag=TAG,
        policy=Policy("submission", "read"),
        handle=handle,
        params=(
            params.choice("status", SUBMISSION_STATUSES, "what became of it 状态"),
            params.whole("limit", 1, 200, "rows of a page 每页行数", 50),
            params.text("cursor", longest=400, about="next_cursor of the page before 上一页的游标"),
        ),
        answers={200: SUBMISSIONS},
        errors=("bad_cursor",),
        example={"items": [_SUBMISSION_SAMPLE], "next_cursor": None},
    )


def _get() -> Operation:
    def handle(call: Call) -> Reply:
        found = submissions.read_submission(call.sight, call.path["id"])
        if found is None:
            raise CrmError.known("record_not_found", "id")
        return Reply(shown_rows(call.sight, "submission", [found])[0])

    return Operation(
        method="GET",
        path=f"{PREFIX}/submissions/{{id}}",
        name="crm_get_submission",
        summary="What was sent, as it was sent 提交详情",
        tag=TAG,
        policy=Policy("submission", "read"),
        handle=handle,
        params=(params.record_id(),),
        answers={200: SubmissionOut},
        errors=("record_not_found",),
        example=_SUBMISSION_SAMPLE,
    )


def _correct() -> Operation:
    def handle(call: Call) -> Reply:
        actor = call.viewer.actor
        return _told(call, intake.correct(call.whole, call.path["id"], call.body, actor, call.now))

    return Operation(
        method="POST",
        path=f"{PREFIX}/submissions/{{id}}/correct",
        name="crm_correct_submission",
        summary="Correct what was sent; it becomes a lead 更正提交",
        tag=TAG,
        policy=Policy("submission", "update"),
        handle=handle,
        params=(params.record_id(),),
        body=FormIn,
        body_kind="json",
        answers={201: IntakeOut},
        errors=(*_INTAKE_ERRORS, "unknown_submission", "already_a_lead"),
        example=_INTAKE_SAMPLE,
        body_example={"phone": "13800001111"},
        writes=True,
    )


def _told(call: Call, received: Received, sender: Viewer | None = None) -> Reply:
    """Answer with the lead, or with what is wrong: that is kept, so it is an answer and no failure."""
    if received.lead is None:
        error = refused_all(received.problems, submission_id=received.submission_id)
        return Reply({"error": error.told() | {"request_id": call.request_id}}, error.problem.status)
    # Who sent a lead knows what is in it; who else it might be is shown as far as they may see.
    sight = call.sight if sender is None else SightSession(sender, call.whole)
    lead = shown_rows(sight, "lead", [received.lead])[0]
    found = told_duplicates(call.viewer if sender is None else sender, received.duplicates)
    content = {
        "submission_id": received.submission_id,
        "lead": lead,
        "duplicates": found,
        "notes": [problem_of(problem) for problem in received.notes],
        "ignored": list(received.ignored),
    }
    return Reply(content, 201, {"location": f"{_LEAD.path}/{received.lead['id']}"})


def _readable(call: Call) -> dict[str, Any] | None:
    """Return the body's fields, None where it cannot be read: it is kept all the same."""
    try:
        return content_of(call.media_type, call.raw)
    except CrmError as error:
        if error.code in ("media_type_unsupported", "body_empty"):
            raise
        return None


def _enveloped(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the data of a Standard Webhooks envelope, or the fields themselves."""
    if fields is not None and "type" in fields and isinstance(fields.get("data"), dict):
        data: dict[str, Any] = fields["data"]
        return data
    return fields


def _sender(name: str) -> Viewer:
    return Viewer(None, name, "service", scopes=frozenset({"intake"}), way="api")


def _place(call: Call, filters: tuple[str | None, ...]) -> Any:
    cursor = call.query.get("cursor")
    if cursor is None:
        return None
    micros, submission_id = cursors.decode(cursor, filters)
    if not 0 <= micros < 2**53:
        raise BadCursor
    return from_micros(int(micros)), submission_id


_SIGNED: Final = tuple(
    params.text(name, "header", pattern=r"^[\x20-\x7e]+$", longest=2_000, about=about)
    for name, about in (
        ("webhook-id", "id of the message, the same when it is sent again 消息编号"),
        ("webhook-timestamp", "seconds since 1970, at most 300 s away 时间戳"),
        ("webhook-signature", "v1,base64 of HMAC-SHA256 over id.timestamp.body 签名"),
    )
)
_FORM_SAMPLE: Final[Mapping[str, Any]] = {
    "company": "苏州示例精密机械有限公司",
    "contact": "王小明",
    "title": "采购经理",
    "phone": "13800001111",
    "need": "骨科耗材",
    "address": "江苏苏州工业园区",
    "submitted_at": "2026-03-01T09:00:00+08:00",
}
_INTAKE_SAMPLE: Final = {
    "submission_id": sample_id("submission"),
    "lead": row_sample(_LEAD),
    "duplicates": [],
    "notes": [],
    "ignored": [],
}
_SUBMISSION_SAMPLE: Final = {
    "id": sample_id("submission"),
    "way": "form:website",
    "received_at": "2026-03-01T01:00:00Z",
    "payload": '{"company": "苏州示例精密机械有限公司"}',
    "status": "needs_correction",
    "problems": [
        {"code": "required", "field": "phone", "zh": "缺少必填字段 手机（phone）", "en": "mobile is required"}
    ],
    "lead_id": None,
    "corrected_at": None,
    "corrected_by": None,
}
_FORM_ABOUT: Final = (
    "JSON or form-encoded. Stage 1: a mobile, the full company name and a title. What fails is a 422 that "
    "names the field, with `submission_id`: the submission waits at `/crm/v1/submissions`. A lead that "
    "somebody spoke to (`contacted_at`) within 30 minutes of `submitted_at` needs a phone and a need only; "
    "the rest falls due at the second contact, which is refused until then. Duplicates are told and stop "
    "nothing.\n\n"
    "第一级过滤：手机、公司全称、职务必填；不合格返回 422 并保留原始提交。"
    "30 分钟内已联系的线索可只填电话和意向产品。"
)
_WEBHOOK_ABOUT: Final = (
    "Standard Webhooks: no key, an HMAC signature. The same message on the wire twice is refused; sent again "
    "with a fresh timestamp and signature it gets the first answer.\n\n"
    "使用 Standard Webhooks 签名；原样重放会被拒绝，重新签名的重发得到首次的结果。"
)
