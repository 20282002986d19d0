"""Stage 1 of the filter, applied: what a form must bring, and a lead that still owes the rest of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.ids import stable_id
from crm_store.domain.intake import STAGE_ONE, missing
from crm_store.intake.cleaning.clean import Cleaned, clean
from crm_store.models.choices import COMMUNICATION_CHANNELS
from crm_store.repositories import listing
from crm_store.repositories.listing import Filter, Wanted
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes.records import get_record, write_record

TASK_KIND = "complete_intake"
_ACTOR = "job:intake"
_NAMES = {
    "phone": ("手机", "mobile"),
    "company": ("公司全称", "full company name"),
    "title": ("职务", "title"),
}


def good(values: Mapping[str, Any], cleaned: Cleaned) -> dict[str, Any]:
    """Return the values that count for stage 1: a phone that is a mobile, a company by its full name."""
    counting = {"title": values.get("title"), "need": values.get("need")}
    if cleaned.phone.kind == "mobile" and cleaned.phone.e164 is not None:
        counting["phone"] = cleaned.phone.e164
    if cleaned.company.is_full:
        counting["company"] = cleaned.company.name
    return counting


def lacking(name: str, values: Mapping[str, Any], cleaned: Cleaned) -> Problem:
    """Return why a field of stage 1 does not count: it is missing, or not what it should be."""
    if not values.get(name):
        zh, en = _NAMES[name]
        return Problem("required", name, f"缺少必填字段 {zh}（{name}）", f"{en} ({name}) is required")
    known = next((problem for problem in cleaned.problems if problem.field == name), None)
    if known is not None:
        return known
    if name == "phone":
        zh, en = "phone 应为手机号码", "phone must be a mobile number"
        return Problem("phone_not_mobile", name, zh, en)
    zh, en = "company 应为公司全称，如营业执照所示", "company must be the full name, as registered"
    return Problem("company_not_full", name, zh, en)


def completes(before: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Tell whether a write gives a lead the rest of what its first form owed."""
    if before["intake_state"] != "phone_only":
        return False
    whole = {**before, **values}
    return not missing(good(whole, clean({name: whole[name] for name in ("phone", "company")})))


def open_task(
    session: Session, lead_id: str, owner_id: str | None, lacking: Sequence[str], now: datetime
) -> None:
    """Ask the owner for the rest, which falls due at the second contact."""
    listed = "、".join(_NAMES[name][0] for name in lacking)
    values = {
        "source": "leadpulse",
        "external_id": _task_id(lead_id),
        "kind": TASK_KIND,
        "title": f"第二次联系前补全线索：{listed}",
        "lead_id": lead_id,
        "owner_id": owner_id,
    }
    _write_task(session, lead_id, values, now)


def close_task(session: Session, lead_id: str, now: datetime) -> None:
    """Tick the task off, if it is still open."""
    task: Any = get_record(session, "task", _task_id(lead_id))
    if task is not None and task.status == "open":
        _write_task(session, lead_id, {"status": "done", "completed_at": now}, now)


def check_contact(session: Session, values: Mapping[str, Any]) -> None:
    """Refuse the second contact with a lead that still owes the rest of its first form.

    ``values`` are an activity's. Raises StoreError ``intake_incomplete`` naming what is owed.
    """
    lead_id = values.get("lead_id")
    if lead_id is None or values.get("channel") not in COMMUNICATION_CHANNELS:
        return
    if values.get("corrects_id") is not None:
        return  # no contact of its own: it rewrites one that was let through
    lead: Any = get_record(session, "lead", lead_id)
    if lead is None or lead.intake_state != "phone_only":
        return
    contacts = (Filter("lead_id", "eq", lead_id), Filter("channel", "in", COMMUNICATION_CHANNELS))
    if listing.page(session, Wanted("activity", contacts, limit=1)).rows:
        owed = missing({name: getattr(lead, name) for name in STAGE_ONE})
        raise StoreError(_incomplete(owed))


def _write_task(session: Session, lead_id: str, values: Mapping[str, Any], now: datetime) -> None:
    write_record(session, "task", _task_id(lead_id), values, actor=_ACTOR, recorded_at=now, now=now)


def _task_id(lead_id: str) -> str:
    return stable_id("task", TASK_KIND, lead_id)


def _incomplete(owed: Sequence[str]) -> Problem:
    zh = "、".join(_NAMES[name][0] for name in owed)
    en = ", ".join(_NAMES[name][1] for name in owed)
    return Problem(
        "intake_incomplete",
        owed[0] if owed else None,
        f"该线索只留了电话，第二次联系前须补全：{zh}",
        f"this lead has left a phone only; before the second contact, complete its {en}",
    )
