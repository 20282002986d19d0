"""An account with people to draw chains of, for the tests of this folder."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.repositories.writes.records import write_record

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ACTOR = "user:li"


def write(session: Session, entity: str, record_id: str, now: datetime = T0, **values: Any) -> None:
    values = {"source": "crm", "external_id": record_id} | values
    write_record(session, entity, record_id, values, actor=ACTOR, recorded_at=now, now=now)


def hospital(sessions: sessionmaker[Session]) -> None:
    """acc: 王 (80), 李 (40), 赵 (100); another account with a 王 of its own as noise."""
    with transaction(sessions) as session:
        write(session, "rep", "rep_1", name="孙小明")
        write(session, "rep", "rep_2", name="钱多多")
        write(session, "account", "acc", name="萧山第一人民医院", owner_id="rep_1")
        write(session, "account", "other", name="乙医院")
        for one, name, role, department, weight in (
            ("wang", "王建国", "设备科主任", "设备科", 80),
            ("li", "李强", "设备科副主任", "设备科", 40),
            ("zhao", "赵德明", "院长", None, 100),
        ):
            write(
                session,
                "contact",
                one,
                account_id="acc",
                name=name,
                role=role,
                department=department,
                weight=weight,
            )
        write(session, "contact", "noise", account_id="other", name="王建国", role="设备科主任", weight=90)
