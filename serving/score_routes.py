"""``POST /v1/leads/score`` and ``POST /v1/accounts/risk``: the hot path.

The body is parsed and the answer written by hand; the schemas document both, and tests hold them to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from serving import render
from serving.access import Door, policy_of
from serving.examples import answer_response, error_responses, ids_example
from serving.kinds import ACCOUNT, LEAD, Kind
from serving.ladder import Ladder, NoAnswer, Outcomes
from serving.lanes import SHORT, Lane
from serving.language import language_of
from serving.metrics import Metrics
from serving.parsing import ids_of
from serving.schemas import AccountResults, LeadResults

_BODY_ERRORS = (
    *("body_empty", "json_invalid", "body_too_large", "type_invalid", "field_missing", "field_unknown"),
    *("ids_empty", "too_many_ids", "internal", "store_unavailable", "timeout"),
)


class Scoring:
    """The two lanes of one kind: short requests, and long ones apart."""

    def __init__(self, kind: Kind, ladder: Ladder, metrics: Metrics, timeout: float) -> None:
        self._kind = kind
        self._metrics = metrics
        self._short = Lane(ladder.answer, f"{kind.model}-short", timeout)
        self._long = Lane(ladder.answer, f"{kind.model}-long", timeout)

    async def answer(self, ids: Sequence[str]) -> Outcomes:
        """Score ids and count what became of them."""
        wanted = list(dict.fromkeys(ids))
        outcomes = await (self._short if len(wanted) <= SHORT else self._long).submit(wanted)
        self._metrics.outcomes(self._kind.model, (outcomes[entity_id] for entity_id in wanted))
        return outcomes

    def close(self) -> None:
        """Let both threads end."""
        self._short.close()
        self._long.close()


def score_router(door: Door, scoring: dict[str, Scoring]) -> APIRouter:
    """Return the two scoring operations."""
    router = APIRouter(tags=["scores 评分"])
    router.add_api_route(
        "/v1/leads/score",
        _endpoint(LEAD, door, scoring[LEAD.model]),
        **_documented(LEAD, LeadResults, "Score leads 线索评分", "score_leads"),
    )
    router.add_api_route(
        "/v1/accounts/risk",
        _endpoint(ACCOUNT, door, scoring[ACCOUNT.model]),
        **_documented(ACCOUNT, AccountResults, "Score accounts 客户风险评分", "score_accounts"),
    )
    return router


def _endpoint(kind: Kind, door: Door, scoring: Scoring) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        viewer = await door.admit(request, kind.entity, "score")
        ids = ids_of(await request.body())
        seen = await door.within_sight(viewer, kind.entity, ids)
        language = language_of(request.headers.get("accept-language"))
        unseen: Outcomes = {record: NoAnswer(kind.not_found) for record in ids if record not in seen}
        if len(unseen) < len(ids):
            outcomes = unseen | await scoring.answer([record for record in ids if record in seen])
        else:
            outcomes = unseen
        content = orjson.dumps(
            render.results(kind, ids, outcomes, language), option=orjson.OPT_SERIALIZE_NUMPY
        )
        return Response(content, media_type="application/json", headers=language_headers(language))

    return endpoint


def language_headers(language: str) -> dict[str, str]:
    """Return the headers of an answer whose sentences depend on the reader's language."""
    return {"content-language": language, "vary": "accept-language"}


def _documented(kind: Kind, model: type, summary: str, name: str) -> dict[str, Any]:
    body = {"schema": {"$ref": "#/components/schemas/Ids"}, "example": ids_example(kind)}
    return {
        "methods": ["POST"],
        "summary": summary,
        "operation_id": name,
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": answer_response(model) | error_responses(*_AUTH, *_BODY_ERRORS),
        "openapi_extra": {
            "requestBody": {"required": True, "content": {"application/json": body}},
            "security": SECURITY,
            "parameters": [ACCEPT_LANGUAGE],
            **policy_of(kind.entity, "score"),
        },
    }


SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]
ACCEPT_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "default": "zh"},
    "example": "en",
    "description": "zh or en, for the sentences 理由的语言",
}
_AUTH = ("api_key_missing", "api_key_invalid", "scope_missing")
_DESCRIPTION = (
    "1–1000 ids; one item per id in the order asked, each either a score or an error. "
    "`source`, `rung` and `why` say who answered: model, rules, or the last known score.\n\n"
    "1–1000 个编号；按请求顺序逐项返回，每项是评分或错误。`source`、`rung`、`why` 说明由谁作答。"
)
