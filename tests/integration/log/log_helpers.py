"""What tests of the log share: writing leads and adding facts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from crm_store.repositories.writes.records import write_record

T0 = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

Together = Callable[[int, Callable[[int], object]], None]


def write_lead(session: Session, lead_id: str, values: dict[str, Any], hours: float = 0, **more: Any) -> int:
    """Write a lead of the outside system ``crm``, known ``hours`` after T0 and written an hour later."""
    moment = T0 + hours * HOUR
    born = {"source": "crm", "external_id": lead_id} if more.pop("new", False) else {}
    return write_record(
        session,
        "lead",
        lead_id,
        born | values,
        actor="job:test",
        recorded_at=moment,
        now=moment + HOUR,
        **more,
    )


def a_fact(fact_id: str, lead_id: str, hours: float = 0) -> dict[str, Any]:
    """The columns of a call about a lead."""
    return {
        "id": fact_id,
        "source": "crm",
        "external_id": fact_id,
        "occurred_at": T0 + hours * HOUR,
        "recorded_at": T0 + hours * HOUR,
        "lead_id": lead_id,
        "channel": "call",
        "direction": "out",
    }
