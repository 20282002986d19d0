"""``GET …/{id}/scores``: the part scores of a record, each with its rule version, label and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from crm_store.domain.policy import Viewer
from crm_store.rules.engine import RuleBook
from features.part_signals import declared
from serving.access import Door
from serving.errors import ServingError
from serving.examples import answer_response, error_responses
from serving.explain import moment
from serving.kinds import KINDS, Kind
from serving.language import Language, language_of
from serving.part_scores import PartReason, PartScore, part_scores
from serving.read_routes import (
    ERRORS,
    Reading,
    RecordId,
    add_read,
    as_json,
    caller_of,
    record_of,
    refuse_unknown,
)
from serving.schemas_explained import PartScoresOut
from serving.score_routes import ACCEPT_LANGUAGE, language_headers

_SUMMARY: Final = {
    "lead": "Activity, pool and fit, with reasons 活跃度、线索池与匹配度",
    "account": "Customer tier, with reasons 客户等级",
}


@dataclass(frozen=True)
class Parts:
    """Works out part scores with the published rule documents."""

    reading: Reading
    book: RuleBook

    def told(
        self, viewer: Viewer, kind: Kind, record_id: str, at: datetime, language: Language
    ) -> dict[str, Any]:
        """Return the part scores as clients read them."""
        records = self.reading.records
        seen = records.seen_by(viewer)
        record = record_of(seen, kind, record_id)
        try:
            found = part_scores(self.book, records.history, kind, record_id, record, at)
        except Exception as error:
            raise ServingError("store_unavailable") from error
        return {
            "id": record_id,
            "as_of": moment(at),
            "scores": [_score(kind, record_id, one, at, language) for one in found],
        }


def _score(kind: Kind, record_id: str, one: PartScore, at: datetime, language: Language) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": {"zh": one.title[0], "en": one.title[1]},
        "version": one.version,
        "value": round(one.value, 2),
        "base": round(one.base, 2),
        "label": one.label,
        "label_title": {"zh": one.label_title[0], "en": one.label_title[1]},
        "reasons": [_reason(kind, record_id, reason, at, language) for reason in one.reasons],
    }


def _reason(
    kind: Kind, record_id: str, reason: PartReason, at: datetime, language: Language
) -> dict[str, Any]:
    trace = f"{kind.path}/{record_id}/trace/{reason.signal}?as_of={moment(at)}"
    feature = declared(reason.signal)
    return {
        "signal": reason.signal,
        "sentence": reason.sentence[0 if language == "zh" else 1],
        "value": reason.value,
        "unit": feature.unit if feature else None,
        "points": round(reason.points, 2),
        "trace": trace if feature else None,
    }


def part_router(parts: Parts, door: Door) -> APIRouter:
    """Return the operation for both kinds."""
    router = APIRouter()
    for kind in KINDS:
        _add_parts(router, kind, parts, Depends(caller_of(kind, door)))
    return router


def _add_parts(router: APIRouter, kind: Kind, parts: Parts, caller: Any) -> None:
    def scores(
        request: Request,
        id: RecordId,  # noqa: A002 - the path's name for it
        viewer: Viewer = caller,
        as_of: Annotated[
            datetime | None, Query(description="moment with time zone, default now 截至时刻")
        ] = None,
    ) -> Response:
        refuse_unknown(request, {"as_of"})
        if as_of is not None and as_of.tzinfo is None:
            raise ServingError("parameter_invalid", "as_of", "as_of: time zone")
        language = language_of(request.headers.get("accept-language"))
        told = parts.told(viewer, kind, id, as_of or parts.reading.clock(), language)
        return as_json(told, language_headers(language))

    codes = (kind.not_found, "parameter_invalid", "parameter_unknown")
    responses = answer_response(PartScoresOut) | error_responses(*ERRORS, *codes)
    path, summary = f"{kind.path}/{{id}}/scores", _SUMMARY[kind.entity]
    name = f"part_scores_{kind.entity}"
    add_read(router, path, scores, kind, name, summary, responses, [ACCEPT_LANGUAGE])
