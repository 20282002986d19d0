"""How an account stands, read for its page: by the rules, by the weeks ahead, and what a visit would need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from crm_store.domain.policy import Viewer
from crm_store.repositories import visits
from crm_store.repositories.scores.log import StoredScore
from crm_store.repositories.sight import sight
from crm_store.repositories.sources import event_log
from features.account_voice import COMPETITOR_WORDS
from serving.assessment import Assessment, Assessor
from serving.visit_pack import LOOKED_BACK, service_told


@dataclass(frozen=True)
class Standing:
    """The standing as of the score's data. The pack's rows are there where a visit is advised."""

    as_of: datetime
    assessment: Assessment
    weekly: tuple[float, ...] | None
    service: Mapping[str, Any]
    open_issues: Sequence[Mapping[str, Any]]
    notes: Sequence[Mapping[str, Any]]

    @property
    def decided_after_the_weeks(self) -> datetime | None:
        """When the contract ends that the risk is about, if that is after the weeks of the curve."""
        ends_at = self.assessment.contract_ends_at
        if ends_at is None or self.weekly is None:
            return None
        return ends_at if ends_at > self.as_of + timedelta(weeks=len(self.weekly)) else None


def read_standing(
    factory: sessionmaker[Session], viewer: Viewer, assessor: Assessor, account_id: str, stored: StoredScore
) -> Standing:
    """Return how an account stood when it was scored. Points are of the whole record, rows as one may see."""
    as_of = stored.score.as_of
    with factory() as whole:
        history = event_log.entity_history(whole, "account", account_id, assessor.sources)
    assessment = assessor.assess(history, account_id, as_of)
    found: Mapping[str, Sequence[Mapping[str, Any]]] = {"service": (), "open_issues": (), "notes": ()}
    if assessment.advice is not None:
        with sight.viewer_session(factory, viewer) as session:
            found = visits.shown_visit_records(
                session, account_id, as_of - LOOKED_BACK, as_of, COMPETITOR_WORDS
            )
    return Standing(
        as_of,
        assessment,
        stored.score.weekly,
        service_told(found["service"]),
        found["open_issues"],
        found["notes"],
    )
