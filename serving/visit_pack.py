"""The pack for a senior visit: where the account stands, half a year of service, what is open, rivals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from crm_store.domain.policy import Viewer
from crm_store.domain.scores import Score
from features.account_voice import COMPETITOR_WORDS
from serving.assessment import Assessment, Assessor
from serving.errors import ServingError
from serving.explain import moment, reasons_told
from serving.kinds import ACCOUNT
from serving.language import Language
from serving.ports import Records
from serving.when import when_told

LOOKED_BACK: Final = timedelta(days=182)
_TICKET: Final = (
    *("id", "title", "category", "priority", "status"),
    *("opened_at", "first_response_at", "resolved_at", "satisfaction"),
)
_NOTE: Final = ("id", "channel", "direction", "occurred_at", "text")
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class VisitPacks:
    """Makes packs in the eyes of a caller; every failure of the store has a code."""

    records: Records
    assessor: Assessor
    clock: Callable[[], datetime]

    def pack(self, viewer: Viewer, account_id: str, language: Language) -> dict[str, Any]:
        """Return the pack of an account; raise ServingError ``account_not_found`` for one out of sight."""
        now = self.clock()
        seen = self.records.seen_by(viewer)
        try:
            if seen.record(ACCOUNT.entity, account_id) is None:
                raise ServingError(ACCOUNT.not_found, "id")
            history = self.records.history(ACCOUNT.entity, account_id, self.assessor.sources)
            assessment = self.assessor.assess(history, account_id, now)
            latest = seen.latest(ACCOUNT.model, [account_id]).get(account_id)
            found = seen.visit_records(account_id, now - LOOKED_BACK, now, COMPETITOR_WORDS)
        except ServingError:
            raise
        except Exception as error:
            raise ServingError("store_unavailable") from error
        return {
            "id": account_id,
            "as_of": moment(now),
            **assessment_told(assessment, account_id, language),
            "when": when_told(latest.score.weekly) if latest else None,
            "service": service_told(found["service"]),
            "open_issues": [_picked(row, _TICKET) for row in found["open_issues"]],
            "competitor_notes": [_picked(row, _NOTE) for row in found["notes"]],
        }


def assessment_told(assessment: Assessment, account_id: str, language: Language) -> dict[str, Any]:
    """Return the composite, its advice and the parts, with their reasons."""
    advice = assessment.advice
    return {
        "composite": _points(assessment.composite, account_id, language),
        "advice": None if advice is None else {"zh": advice[0], "en": advice[1]},
        "parts": [
            {"part": part.name, "title": {"zh": part.title[0], "en": part.title[1]}}
            | _points(part.score, account_id, language)
            for part in assessment.parts
        ],
    }


def service_told(tickets: Rows) -> dict[str, Any]:
    """Return tickets with what they sum up to: mean hours to the first response, mean satisfaction."""
    waits = [
        (row["first_response_at"] - row["opened_at"]).total_seconds() / 3600
        for row in tickets
        if row.get("first_response_at") is not None
    ]
    marks = [row["satisfaction"] for row in tickets if row.get("satisfaction") is not None]
    return {
        "tickets": [_picked(row, _TICKET) for row in tickets],
        "first_response_mean_h": _mean(waits),
        "satisfaction_mean": _mean(marks),
    }


def _points(score: Score, account_id: str, language: Language) -> dict[str, Any]:
    reasons = reasons_told(ACCOUNT, account_id, score.as_of, score.reasons, language)
    return {
        "value": round(score.value, 1),
        "band": score.band,
        "version": score.version,
        "reasons": reasons,
    }


def _picked(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    values = {name: row.get(name) for name in names}
    return {name: moment(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None
