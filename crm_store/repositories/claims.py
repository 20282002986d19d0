"""Claiming a lead: it is taken once, and nobody takes more than they can work on, however many try at once.

Every path that gives a rep a lead of the rep's own asking goes through here.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm_store.models import Lead, Rep
from crm_store.repositories.problems import Problem, StoreError, unknown_reference
from crm_store.repositories.writes.records import write_record

CLOSED_STATUSES = ("won", "lost")


def claim_lead(
    session: Session,
    lead_id: str,
    rep_id: str,
    *,
    expected_version: int,
    capacity: int,
    actor: str,
    reason: str | None = None,
    recorded_at: datetime,
    now: datetime,
) -> int:
    """Make a rep the owner of the lead that they saw in ``expected_version``; return its new version.

    ``capacity`` is the number of open leads that the rep may have afterwards. Raises Conflict when the lead
    has changed since, someone else's claim included; StoreError ``at_capacity`` or ``unknown_reference``.
    """
    _queue_for(session, rep_id)
    if open_leads(session, rep_id, besides=lead_id) >= capacity:
        raise StoreError(_at_capacity(rep_id, capacity))
    return write_record(
        session,
        "lead",
        lead_id,
        {"owner_id": rep_id},
        actor=actor,
        reason=reason,
        recorded_at=recorded_at,
        now=now,
        expected_version=expected_version,
    )


def open_leads(session: Session, rep_id: str, besides: str | None = None) -> int:
    """Return how many open leads a rep has, not counting ``besides``."""
    query = select(func.count()).where(
        Lead.owner_id == rep_id,
        Lead.deleted_at.is_(None),
        Lead.merged_into.is_(None),
        Lead.status.not_in(CLOSED_STATUSES),
        Lead.id != (besides or ""),
    )
    return session.scalar(query) or 0


def _queue_for(session: Session, rep_id: str) -> None:
    """Let one claim of a rep at a time go on, so that each counts what the one before it took.

    The lock is one that leads pointing at the rep do not wait for. SQLite has one writer at a time anyway.
    """
    lock = select(Rep.id).where(Rep.id == rep_id).with_for_update(key_share=True)
    if session.scalar(lock) is None:
        raise StoreError(unknown_reference("rep_id", "rep"))


def _at_capacity(rep_id: str, capacity: int) -> Problem:
    return Problem(
        "at_capacity",
        "owner_id",
        f"{rep_id} 的在跟线索已达上限 {capacity} 条，请先处理或转出已有线索",
        f"{rep_id} already has {capacity} open leads, the most allowed: close or hand over some first",
    )
