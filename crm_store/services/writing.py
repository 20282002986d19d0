"""One way to write for use cases of people and jobs alike: within a viewer's permits when there is one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.repositories.sight.narrowing import SightSession
from crm_store.repositories.sight.permits import write_as
from crm_store.repositories.writes.records import write_record

_REASON_LENGTH = 200


def write(
    session: Session,
    entity: str,
    record_id: str,
    values: Mapping[str, Any],
    *,
    actor: str,
    reason: str | None,
    now: datetime,
) -> int:
    """Write a record now and return its version; a reason longer than the log keeps is cut.

    In a viewer's session the viewer is the actor and must be allowed to (``permits.can_write``). Raises
    StoreError.
    """
    short = reason if reason is None or len(reason) <= _REASON_LENGTH else reason[: _REASON_LENGTH - 1] + "…"
    if isinstance(session, SightSession):
        return write_as(session, entity, record_id, values, reason=short, recorded_at=now, now=now)
    return write_record(
        session, entity, record_id, values, actor=actor, reason=short, recorded_at=now, now=now
    )
