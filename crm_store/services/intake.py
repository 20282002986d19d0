"""From what a stranger sent to a lead: checks, cleaning, the raw submission kept, duplicates looked up.

Nothing is lost: what fails the checks waits as a submission until a person corrects it. Nothing from outside
is waited for; what a company registry knows is filled in later.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.ids import new_id
from crm_store.domain.intake import Arrival, missing, state_of
from crm_store.intake.cleaning.clean import Cleaned, clean
from crm_store.models import Submission
from crm_store.repositories import listing, problems, submissions
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes.records import write_record
from crm_store.services import stage_one
from crm_store.services.duplicates import Candidate, check_record
from crm_store.services.records import as_moment, problems_of

TAKEN = (
    *("company", "contact_name", "title", "phone", "email", "need", "expected_volume", "budget"),
    *("channel", "campaign", "industry", "region", "city", "address", "ip_place", "credit_code"),
)
"""The fields of a lead that a form may send; ``submitted_at`` and ``contacted_at`` are its moments."""

MOMENTS = ("submitted_at", "contacted_at")
# What strangers call the same things.
_ALSO_CALLED = {
    "contact": "contact_name",
    "name": "contact_name",
    "mobile": "phone",
    "product": "need",
    "product_need": "need",
    "volume": "expected_volume",
    "source_channel": "channel",
}
_LONGEST_RAW = 1 << 20


@dataclass(frozen=True)
class Received:
    """What became of a submission: a lead, or ``problems`` that a person should correct.

    ``ignored`` names what was sent and is no field of ours; it stays in the raw submission.
    """

    submission_id: str
    lead: dict[str, Any] | None
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    duplicates: Sequence[Candidate] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Form:
    """A form, read: values by field of the lead, its moments, and what is wrong with it."""

    values: dict[str, Any]
    arrival: Arrival
    cleaned: Cleaned
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...]


def receive(
    session: Session, way: str, raw: str, fields: Mapping[str, Any] | None, now: datetime
) -> Received:
    """Keep a submission and make a lead of it when it passes stage 1.

    ``way`` is ``form:name`` or ``webhook:name`` and becomes the lead's source and the actor of the log.
    ``fields`` is None for a body that could not be read: it is kept all the same.
    """
    if fields is None:
        return _wait(session, way, raw, (_unreadable(),), (), now)
    form = _read(fields, now)
    if form.problems:
        return _wait(session, way, raw, form.problems, form.ignored, now)
    submission_id = new_id("submission")
    row, duplicates = _become_lead(session, form, way, submission_id, way, now)
    submissions.add_submission(
        session,
        id=submission_id,
        way=way,
        received_at=now,
        payload=_storable(raw),
        status="accepted",
        problems=[],
        lead_id=row["id"],
    )
    return Received(submission_id, row, (), form.cleaned.problems, duplicates, form.ignored)


def correct(
    session: Session, submission_id: str, changes: Mapping[str, Any], actor: str, now: datetime
) -> Received:
    """Correct a waiting submission: its fields, with ``changes`` over them, become a lead if they pass now.

    What was sent stays as it was. Raises StoreError: ``unknown_submission``, ``already_a_lead``.
    """
    kept = submissions.get_submission(session, submission_id)
    if kept is None:
        raise StoreError(_unknown(submission_id))
    if kept.lead_id is not None:
        raise StoreError(_already_a_lead(kept))
    sent = fields_of(kept.payload)
    first_sent = {"submitted_at": kept.received_at} if sent.get("submitted_at") is None else {}
    form = _read({**sent, **first_sent, **changes}, now)
    if form.problems:
        kept.problems = [told(problem) for problem in form.problems]
        session.flush()
        return Received(submission_id, None, form.problems, (), (), form.ignored)
    row, duplicates = _become_lead(session, form, kept.way, submission_id, actor, now)
    kept.status, kept.lead_id, kept.problems = "corrected", row["id"], []
    kept.corrected_at, kept.corrected_by = now, actor
    session.flush()
    return Received(submission_id, row, (), form.cleaned.problems, duplicates, form.ignored)


def fields_of(payload: str) -> dict[str, Any]:
    """Return the fields of a kept submission, as far as they can be read; a form was kept as JSON."""
    try:
        content = json.loads(payload)
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    data = content.get("data")
    return dict(data) if isinstance(data, dict) and "type" in content else content


def told(problem: Problem) -> dict[str, Any]:
    """Return a problem as a submission keeps it."""
    return {"code": problem.code, "field": problem.field, "zh": problem.zh, "en": problem.en}


def _read(fields: Mapping[str, Any], now: datetime) -> _Form:
    named = {_ALSO_CALLED.get(name, name): value for name, value in fields.items() if not _is_empty(value)}
    values = {name: _typed(name, named[name]) for name in TAKEN if name in named}
    moments, found = _moments(named, now)
    found += problems_of("lead", values, now)
    fit = {name: value for name, value in values.items() if name not in {p.field for p in found}}
    cleaned = clean({name: value for name, value in fit.items() if isinstance(value, str)})
    whole = fit | cleaned.values
    found += [problem for problem in problems_of("lead", cleaned.values, now) if problem not in found]
    arrival = Arrival(moments.get("submitted_at", now), moments.get("contacted_at"), now)
    found += _stage_one(fit, cleaned, arrival, {p.field for p in found})
    ignored = tuple(sorted(str(name) for name in set(named) - set(TAKEN) - set(MOMENTS)))
    return _Form(whole, arrival, cleaned, tuple(found), ignored)


def _moments(named: Mapping[str, Any], now: datetime) -> tuple[dict[str, datetime], list[Problem]]:
    moments, found = {}, []
    for name in MOMENTS:
        if name not in named:
            continue
        at = as_moment(named[name])
        if at is None:
            found.append(problems.wrong_type(name, "moment"))
        else:
            moments[name] = at
    odd = Arrival(moments.get("submitted_at", now), moments.get("contacted_at"), now).out_of_order()
    if odd is not None and not found:
        found.append(_out_of_order(odd))
    return moments, found


def _stage_one(
    values: Mapping[str, Any], cleaned: Cleaned, arrival: Arrival, known: set[str | None]
) -> list[Problem]:
    """Return what stage 1 lacks: no more than the phone and the need where the exemption holds."""
    good = stage_one.good(values, cleaned)
    if state_of(good, arrival) is not None:
        return []
    return [stage_one.lacking(name, values, cleaned) for name in missing(good) if name not in known]


def _become_lead(
    session: Session, form: _Form, way: str, submission_id: str, actor: str, now: datetime
) -> tuple[dict[str, Any], Sequence[Candidate]]:
    lead_id = new_id("lead")
    good = stage_one.good(form.values, form.cleaned)
    state = state_of(good, form.arrival) or "complete"
    values = {
        **form.values,
        "source": way[: FIELDS["lead"]["source"].max_length],
        "external_id": submission_id,
        "submitted_at": form.arrival.submitted_at,
        "intake_state": state,
    }
    write_record(session, "lead", lead_id, values, actor=actor[:80], recorded_at=now, now=now)
    if state == "phone_only":
        stage_one.open_task(session, lead_id, None, missing(good), now)
    row = listing.by_id(session, "lead", lead_id) or {}
    return row, check_record(session, "lead", lead_id, row, now)


def _wait(
    session: Session,
    way: str,
    raw: str,
    found: tuple[Problem, ...],
    ignored: tuple[str, ...],
    now: datetime,
) -> Received:
    kept = submissions.add_submission(
        session,
        id=new_id("submission"),
        way=way,
        received_at=now,
        payload=_storable(raw),
        status="needs_correction",
        problems=[told(problem) for problem in found],
    )
    return Received(kept.id, None, found, (), (), ignored)


def _typed(name: str, value: Any) -> Any:
    """Read a number that a form sent as text; JSON sends numbers."""
    if FIELDS["lead"][name].kind != "float" or not isinstance(value, str):
        return value.strip() if isinstance(value, str) else value
    try:
        return float(value.strip().replace(",", ""))
    except ValueError:
        return value


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _storable(raw: str) -> str:
    """Return a text that both stores can keep: what they cannot is written out as an escape."""
    return raw.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()[:_LONGEST_RAW]


def _unreadable() -> Problem:
    zh, en = (
        "内容无法读取：不是有效的 JSON 或表单",
        "the content cannot be read: neither valid JSON nor a form",
    )
    return Problem("unreadable", None, zh, en)


def _out_of_order(name: str) -> Problem:
    zh = f"{name} 不合理：提交和首次联系都不能晚于现在，联系不能早于提交"
    en = f"{name} cannot be: neither moment lies in the future, and nobody is contacted before they submit"
    return Problem("out_of_order", name, zh, en)


def _unknown(submission_id: str) -> Problem:
    zh, en = f"没有提交记录 {submission_id}", f"there is no submission {submission_id}"
    return Problem("unknown_submission", "id", zh, en)


def _already_a_lead(kept: Submission) -> Problem:
    zh, en = f"该提交已成为线索 {kept.lead_id}", f"this submission has become lead {kept.lead_id}"
    return Problem("already_a_lead", "id", zh, en)
