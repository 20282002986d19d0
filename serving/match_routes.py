"""``POST /v1/leads/match``: whom each lead should go to, with reasons, and who was excluded and why."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from crm_store.domain.scores import Reason
from features.catalog import CATALOG
from features.composed import COMPOSED
from features.declare import Feature, written
from features.meanings import meaning_of
from serving.access import Door, policy_of
from serving.errors import ServingError, error_of, why_of
from serving.examples import answer_response, error_responses, ids_example
from serving.explain import moment
from serving.kinds import LEAD
from serving.ladder import NoAnswer
from serving.language import Language, language_of
from serving.matching import Candidate, Match, Matcher
from serving.parsing import ids_of
from serving.schemas import MatchResults
from serving.score_routes import ACCEPT_LANGUAGE, SECURITY, language_headers

_ERRORS = (
    *("body_empty", "json_invalid", "body_too_large", "type_invalid", "field_missing", "field_unknown"),
    *("ids_empty", "too_many_ids", "internal", "store_unavailable", "timeout"),
)
# Threads of its own: a store that hangs takes those that are shared, and a match is made without it.
_THREADS: Final = 4
EXCLUDED: Final[dict[str, tuple[str, str]]] = {
    "other_region": ("不在其负责的地区", "The lead is outside their team's region"),
    "on_leave": ("正在休假", "On leave"),
    "at_capacity": ("在跟线索已满", "At capacity: too many open leads"),
}


def match_router(door: Door, matcher: Matcher) -> APIRouter:
    """Return the matching operation."""
    router = APIRouter(tags=["scores 评分"])
    pool = ThreadPoolExecutor(_THREADS, "match")

    async def endpoint(request: Request) -> Response:
        viewer = await door.admit(request, LEAD.entity, "score")
        ids = ids_of(await request.body())
        seen = await door.within_sight(viewer, LEAD.entity, ids)
        language = language_of(request.headers.get("accept-language"))
        try:
            wanted = [one for one in ids if one in seen]
            matches = await asyncio.get_running_loop().run_in_executor(pool, matcher.answer, wanted)
        except Exception as error:
            raise ServingError("store_unavailable") from error
        content = orjson.dumps(
            {"results": told(ids, matches, matcher.limits.seed, language)}, option=orjson.OPT_SERIALIZE_NUMPY
        )
        return Response(content, media_type="application/json", headers=language_headers(language))

    router.add_api_route(
        "/v1/leads/match",
        endpoint,
        methods=["POST"],
        summary="Match leads with reps 线索匹配销售",
        operation_id="match_leads",
        description=_DESCRIPTION,
        response_class=Response,
        responses=answer_response(MatchResults)
        | error_responses("api_key_missing", "api_key_invalid", "scope_missing", *_ERRORS),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {"$ref": "#/components/schemas/Ids"},
                        "example": ids_example(LEAD),
                    }
                },
            },
            "security": SECURITY,
            "parameters": [ACCEPT_LANGUAGE],
            **policy_of(LEAD.entity, "score"),
        },
    )
    return router


def told(
    ids: Sequence[str], matches: Mapping[str, Match | NoAnswer], seed: int, language: Language
) -> list[dict[str, Any]]:
    """Return one item per id, in the order asked: either a match or an error."""
    told: list[dict[str, Any]] = []
    for one in ids:
        given = matches.get(one, NoAnswer(LEAD.not_found))
        if isinstance(given, Match):
            told.append({"id": one, "match": _match(given, seed, language), "error": None})
        else:
            told.append({"id": one, "match": None, "error": error_of(given.code, "ids")})
    return told


def _match(match: Match, seed: int, language: Language) -> dict[str, Any]:
    return {
        "rung": match.rung,
        "why": why_of(match.why) if match.why else None,
        "version": match.version,
        "as_of": moment(match.as_of),
        "age_s": None if match.age is None else round(match.age.total_seconds()),
        "mean": None if match.mean is None else round(match.mean, 6),
        "seed": seed if match.rung == "rules" else None,
        "reps": [_candidate(place, one, match, language) for place, one in enumerate(match.ranked, 1)],
        "excluded": [
            {
                "rep_id": rep.rep_id,
                "name": rep.name,
                "code": code,
                "message": {"zh": EXCLUDED[code][0], "en": EXCLUDED[code][1]},
                "until": rep.away_until.astimezone(UTC) if code == "on_leave" and rep.away_until else None,
            }
            for rep, code in match.excluded
        ],
    }


def _candidate(place: int, one: Candidate, match: Match, language: Language) -> dict[str, Any]:
    score = one.score
    told: dict[str, list[dict[str, Any]]] = {"for": [], "against": [], "notes": []}
    for reason in score.reasons if score else ():
        side = "for" if reason.effect > 0 else "against" if reason.effect < 0 else "notes"
        told[side].append(_reason(reason, match, language))
    chance = None if score is None or score.probability is None else round(score.probability, 6)
    return {
        "rank": place,
        "rep_id": one.rep.rep_id,
        "name": one.rep.name,
        "team_id": one.rep.team_id,
        "open_leads": one.rep.open_leads,
        "probability": chance,
        "reasons": told,
    }


def _reason(reason: Reason, match: Match, language: Language) -> dict[str, Any]:
    feature = CATALOG.get(reason.feature) or COMPOSED.get(reason.feature)
    return {
        "feature": reason.feature,
        "meaning": meaning_of(reason.feature),
        "sentence": _sentence(reason, feature, match.typical.get(reason.feature), language),
        "value": reason.value,
        "unit": feature.unit if feature else None,
        "effect": round(reason.effect, 2),
        "trace": None,
    }


def _sentence(reason: Reason, feature: Feature | None, mean: float | None, language: Language) -> str:
    """Say what a rep has, and what the candidates have on average."""
    if reason.sentence:
        return reason.sentence[0 if language == "zh" else 1]
    if feature is None:
        return reason.feature
    own = feature.say(reason.value, language)
    if mean is None:
        return own
    if feature.unit == "flag":
        return f"{own}（候选人中 {mean:.0%} 为是）" if language == "zh" else f"{own} (of all, {mean:.0%})"
    told = written(mean, feature.unit, language)
    return f"{own}（候选人平均 {told}）" if language == "zh" else f"{own} (candidates' mean {told})"


_DESCRIPTION = (
    "1–1000 ids; for each lead the reps who may have it, best first, with the chance of winning it, what "
    "sets each apart from the other candidates (`effect` in percentage points, adding up to the chance over "
    "`mean`, that of the mean candidate), and who was excluded and why. `rung` says who ranked: the model or "
    "the rules' weighted round-robin by past wins, whose `seed` makes it repeatable. While the record store "
    "is away, the candidates are those of at most 15 minutes ago: `age_s` tells.\n\n"
    "1–1000 个编号；逐条返回可接手的销售（按赢单概率排序）、与其他候选人相比的正反理由"
    "（`effect` 为百分点，合计等于该概率与平均候选人概率 `mean` 之差）、被排除的人及原因。"
    "`rung` 说明由模型还是规则（按过往赢单加权轮转，`seed` 可复现）排序。"
    "记录库不可用时，候选人取自最近 15 分钟内的名单，`age_s` 为其秒数。"
)
