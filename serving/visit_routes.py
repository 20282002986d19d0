"""``GET /v1/accounts/{id}/visit-pack``: what to take along when the composite advises a senior visit."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Depends, Request, Response

from serving.access import Door, policy_of
from serving.examples import answer_response, error_responses
from serving.kinds import ACCOUNT
from serving.language import language_of
from serving.ports import Viewer
from serving.read_routes import RecordId, refuse_unknown
from serving.schemas import VisitPackOut
from serving.score_routes import ACCEPT_LANGUAGE, SECURITY, language_headers
from serving.visit_pack import VisitPacks

_ERRORS = (
    *("api_key_missing", "api_key_invalid", "scope_missing", "account_not_found"),
    *("parameter_invalid", "parameter_unknown", "store_unavailable", "internal", "timeout"),
)


def visit_router(packs: VisitPacks, door: Door) -> APIRouter:
    """Return the operation; the door asks for a key that may read accounts."""

    async def caller(request: Request) -> Viewer:
        return await door.admit(request, ACCOUNT.entity, "read")

    who = Depends(caller)

    def visit_pack(
        request: Request,
        id: RecordId,  # noqa: A002 - the path's name for it
        viewer: Viewer = who,
    ) -> Response:
        refuse_unknown(request, set())
        language = language_of(request.headers.get("accept-language"))
        content = orjson.dumps(packs.pack(viewer, id, language))
        return Response(content, media_type="application/json", headers=language_headers(language))

    router = APIRouter(tags=["records 记录"])
    router.add_api_route(
        f"{ACCOUNT.path}/{{id}}/visit-pack",
        visit_pack,
        methods=["GET"],
        operation_id="get_account_visit_pack",
        summary="Pack for a senior visit 高层拜访资料包",
        response_class=Response,
        responses=answer_response(VisitPackOut) | error_responses(*_ERRORS),
        openapi_extra={"security": SECURITY, "parameters": [ACCEPT_LANGUAGE]}
        | policy_of(ACCOUNT.entity, "read"),
    )
    return router
