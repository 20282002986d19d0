"""All operations of the CRM interface on one router."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Request, Response

from serving.crm.deps import CrmDeps
from serving.crm.desk import Desk
from serving.crm.documented import document
from serving.crm.operation import Operation
from serving.crm.operations import OPERATIONS


def crm_router(deps: CrmDeps, operations: Sequence[Operation] = OPERATIONS) -> APIRouter:
    """Return the router of ``/crm/v1``."""
    router, desk = APIRouter(), Desk(deps)
    for operation in operations:
        router.add_api_route(
            operation.path,
            _endpoint(desk, operation),
            methods=[operation.method],
            operation_id=operation.name,
            summary=operation.summary,
            status_code=operation.status,
            tags=[operation.tag],
            response_class=Response,
            openapi_extra=document(operation),
        )
    return router


def _endpoint(desk: Desk, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await desk.serve(operation, request)

    return endpoint
