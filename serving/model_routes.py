"""``GET /v1/models``: which models answer, by what map, on how many rows, with which segments."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response

from crm_store.domain.scores import DEFAULT_BANDS
from serving.access import Door, policy_of
from serving.champions import Champion, Champions
from serving.examples import answer_response, error_responses
from serving.kinds import KINDS, LEAD, Entity
from serving.read_routes import ERRORS, as_json, refuse_unknown
from serving.schemas_explained import ModelsOut
from serving.score_routes import SECURITY


def model_router(champions: Champions, door: Door) -> APIRouter:
    """Return the operation; who may read leads may read what scores them."""
    router = APIRouter()

    async def models(request: Request) -> Response:
        await door.admit(request, LEAD.entity, "read")
        refuse_unknown(request, set())
        told = {
            "bands": asdict(DEFAULT_BANDS),
            "models": [_told(kind.entity, model, champions) for kind in KINDS for model in kind.models],
        }
        return as_json(told)

    router.add_api_route(
        "/v1/models",
        models,
        methods=["GET"],
        operation_id="list_models",
        summary="Models: map, samples, segments 模型：映射、样本、分段",
        responses=answer_response(ModelsOut) | error_responses(*ERRORS, "parameter_unknown"),
        response_class=Response,
        tags=["scores 评分"],
        openapi_extra={"security": SECURITY} | policy_of(LEAD.entity, "read"),
    )
    return router


def _told(entity: Entity, model: str, champions: Champions) -> dict[str, Any]:
    standing = champions.current(model)
    told: dict[str, Any] = {"model": model, "entity": entity}
    if not isinstance(standing, Champion):
        return told | {"state": standing.code, "version": None, "about": None}
    return told | {"state": "champion", "version": standing.version, "about": standing.about or None}
