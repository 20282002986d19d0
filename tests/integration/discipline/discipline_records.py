"""Writing records the short way, for the tests of discipline."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from crm_store.models import Activity
from crm_store.repositories.writes.records import get_record, write_record

T0 = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Monday 2 March 2026, 00:00 in Shanghai."""
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_NEEDED: dict[str, dict[str, Any]] = {
    "account": {"name": "云岭医院"},
    "contact": {"name": "周敏"},
    "team": {"name": "华东销售部"},
    "rep": {"name": "李强"},
    "opportunity": {"title": "骨科耗材采购", "stage": "need_confirmed"},
    "evidence": {"kind": "customer_quote"},
    "document": {"kind": "requirement", "title": "需求书"},
    "ticket": {"title": "读数跳变", "status": "open", "opened_at": T0},
    "device": {"name": "监护仪"},
    "task": {"kind": "call_back", "title": "回访"},
}


def put(session: Session, entity: str, record_id: str, at: datetime = T0, **values: Any) -> int:
    """Create or change a record at a moment, by ``user:li`` unless told otherwise."""
    actor, reason, role = (values.pop(name, None) for name in ("actor", "reason", "as_role"))
    if get_record(session, entity, record_id) is None:
        values = {"source": "crm", "external_id": record_id, **_NEEDED.get(entity, {}), **values}
    return write_record(
        session,
        entity,
        record_id,
        values,
        actor=actor or "user:li",
        reason=reason,
        recorded_at=at,
        now=at,
        role=role,
    )


def said(record_id: str, occurred_at: datetime, delay: timedelta, **more: Any) -> Activity:
    """Return a call about ``lea_1`` by ``rep_1``, entered a while after it happened."""
    given = {"lead_id": "lea_1", "rep_id": "rep_1", "channel": "call", "direction": "out", "scene": "other"}
    return Activity(
        id=record_id,
        source="crm",
        external_id=record_id,
        occurred_at=occurred_at,
        recorded_at=occurred_at + delay,
        **{**given, **more},
    )
