"""``GET …/{id}/change``: why a score changed between two moments, in parts that add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from crm_store.domain.policy import Viewer
from crm_store.domain.scores import Reason
from features.catalog import CATALOG
from features.meanings import title_of
from serving.access import Door
from serving.change import Change, Part, change
from serving.errors import ServingError
from serving.examples import answer_response, error_responses
from serving.explain import moment
from serving.kinds import KINDS, Kind
from serving.language import Language, language_of
from serving.ports import PastScore, SeenRecords
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
from serving.schemas_explained import ChangeOut
from serving.score_routes import ACCEPT_LANGUAGE, language_headers

_SUMMARY: Final = {
    "lead": "Why a lead's score changed 评分为何变化",
    "account": "Why an account's score changed 评分为何变化",
}


@dataclass(frozen=True)
class Span:
    """Two moments; a score is of the latest data that is no later than its moment."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Raise ServingError unless both have a time zone and the first is not the later one."""
        for name, at in (("from", self.start), ("to", self.end)):
            if at.tzinfo is None:
                raise ServingError("parameter_invalid", name, f"{name}: time zone")
        if self.start > self.end:
            raise ServingError("parameter_invalid", "from", "from > to")


def told(
    reading: Reading, viewer: Viewer, kind: Kind, record_id: str, span: Span, language: Language
) -> dict[str, Any]:
    """Return the change of a record's score as clients read it."""
    seen = reading.records.seen_by(viewer)
    record_of(seen, kind, record_id)
    then, now = (_score(seen, kind, record_id, at) for at in (span.start, span.end))
    found = change(then.score, now.score)
    return {
        "id": record_id,
        "from": _standing(then),
        "to": _standing(now),
        "points": found.points,
        "parts": [_part(kind, record_id, found, part, language) for part in found.parts],
        "base": {
            "cause": found.cause,
            "sentence": found.base_sentence(language),
            "points": found.base,
        },
    }


def _score(seen: SeenRecords, kind: Kind, record_id: str, at: datetime) -> PastScore:
    try:
        found = seen.score_at(kind.model, record_id, at)
    except Exception as error:
        raise ServingError("store_unavailable") from error
    if found is None:
        raise ServingError("no_score_then", "from", moment(at))
    return found


def _standing(past: PastScore) -> dict[str, Any]:
    score = past.score
    return {
        "value": round(score.value, 2),
        "band": score.band,
        "source": score.source,
        "version": score.version,
        "as_of": moment(score.as_of),
        "scored_at": moment(past.scored_at),
    }


def _part(kind: Kind, record_id: str, found: Change, part: Part, language: Language) -> dict[str, Any]:
    title = title_of(part.meaning)
    return {
        "meaning": part.meaning,
        "title": {"zh": title[0], "en": title[1]},
        "sentence": part.sentence(language),
        "then": part.points_then,
        "now": part.points_now,
        "points": part.points,
        "trace_then": _trace(kind, record_id, part.then, found.then.as_of),
        "trace_now": _trace(kind, record_id, part.now, found.now.as_of),
    }


def _trace(kind: Kind, record_id: str, reason: Reason | None, as_of: datetime) -> str | None:
    if reason is None or reason.feature not in CATALOG:
        return None
    return f"{kind.path}/{record_id}/trace/{reason.feature}?as_of={moment(as_of)}"


def change_router(reading: Reading, door: Door) -> APIRouter:
    """Return the operation for both kinds."""
    router = APIRouter()
    for kind in KINDS:
        _add_change(router, kind, reading, Depends(caller_of(kind, door)))
    return router


def _add_change(router: APIRouter, kind: Kind, reading: Reading, caller: Any) -> None:
    def changed(
        request: Request,
        id: RecordId,  # noqa: A002 - the path's name for it
        start: Annotated[datetime, Query(alias="from", description="moment with time zone 起始时刻")],
        viewer: Viewer = caller,
        to: Annotated[
            datetime | None, Query(description="moment with time zone, default now 截止时刻")
        ] = None,
    ) -> Response:
        refuse_unknown(request, {"from", "to"})
        span = Span(start, reading.clock() if to is None else to)
        language = language_of(request.headers.get("accept-language"))
        return as_json(told(reading, viewer, kind, id, span, language), language_headers(language))

    codes = (kind.not_found, "no_score_then", "parameter_invalid", "parameter_unknown")
    responses = answer_response(ChangeOut) | error_responses(*ERRORS, *codes)
    path, summary = f"{kind.path}/{{id}}/change", _SUMMARY[kind.entity]
    add_read(router, path, changed, kind, f"change_{kind.entity}", summary, responses, [ACCEPT_LANGUAGE])
