"""The public HTTP interface: builds the FastAPI app from its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Thread
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from crm_store.intake.cleaning.clean import warm
from serving.access import Door
from serving.change_routes import change_router
from serving.crm.limits import limit_of
from serving.crm.operations import OPERATIONS
from serving.crm.resources import PREFIX
from serving.crm.router import crm_router
from serving.deps import ServingDeps
from serving.edge import Edge
from serving.errors import MAX_BODY, Limit, ServingError, body_of
from serving.kinds import KINDS
from serving.match_routes import match_router
from serving.metrics import Metrics
from serving.model_routes import model_router
from serving.openapi import describe
from serving.part_routes import Parts, part_router
from serving.read_routes import Reading, read_router
from serving.score_routes import Scoring, score_router
from serving.system_routes import Health, docs_router, system_router
from serving.visit_pack import VisitPacks
from serving.visit_routes import visit_router


def create_app(deps: ServingDeps) -> FastAPI:
    """Return the scoring API and, where it has its parts, the CRM interface. What is slow loads behind it."""
    gate = deps.gate()
    metrics = Metrics()
    door = Door(deps.records, deps.wall or deps.clock, deps.monotonic)
    ladders = deps.ladders(gate)
    health = Health(deps.guarded("health"), deps.champions, gate)
    scoring = {k.model: Scoring(k, ladders[k.model], metrics, deps.limits.request) for k in KINDS}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        health.report()  # the first look makes what is slow load in the background
        if deps.crm is not None:
            Thread(target=warm, name="cleaning", daemon=True).start()
        yield
        for lanes in scoring.values():
            lanes.close()

    app = FastAPI(
        title="LeadPulse 线索脉搏",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(score_router(door, scoring))
    app.include_router(match_router(door, deps.matcher(gate)))
    reading = Reading(deps.records, deps.clock)
    app.include_router(read_router(reading, door))
    app.include_router(change_router(reading, door))
    app.include_router(part_router(Parts(reading, deps.rule_book()), door))
    app.include_router(visit_router(VisitPacks(deps.records, deps.assessor, deps.clock), door))
    app.include_router(model_router(deps.champions, door))
    app.include_router(system_router(health, metrics, deps.feed))
    app.include_router(docs_router())
    if deps.crm is not None:
        app.include_router(crm_router(deps.crm))
    app.add_middleware(Edge, metrics=metrics, limit=_limits(deps))
    _add_error_handlers(app)
    describe(app, OPERATIONS if deps.crm is not None else ())
    return app


def _limits(deps: ServingDeps) -> Callable[[str, str], Limit]:
    """Return how much an address takes and how long it may."""
    ordinary = Limit(MAX_BODY, deps.limits.request)
    if deps.crm is None:
        return lambda method, path: ordinary
    crm = deps.crm.limits
    return lambda method, path: limit_of(method, path, crm) if path.startswith(PREFIX) else ordinary


def _add_error_handlers(app: FastAPI) -> None:
    async def known(request: Request, error: Exception) -> Response:
        assert isinstance(error, ServingError)  # noqa: S101 - registered for this type
        return _failure(request, error)

    async def from_starlette(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 500)
        code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(status, "internal")
        headers = dict(getattr(error, "headers", None) or {}) if code == "method_not_allowed" else {}
        return _failure(request, ServingError(code, headers=headers))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type
        return _failure(request, _invalid(error.errors()[0]))

    app.add_exception_handler(ServingError, known)
    app.add_exception_handler(HTTPException, from_starlette)
    app.add_exception_handler(RequestValidationError, invalid)


def _invalid(fault: dict[str, Any]) -> ServingError:
    """Name the parameter and what is wrong with it; an impossible id is an id that nobody has."""
    where, name = fault["loc"][0], str(fault["loc"][-1])
    return ServingError("parameter_invalid", name, f"{name} ({where}): {fault['msg']}")


def _failure(request: Request, error: ServingError) -> Response:
    body = orjson.dumps(body_of(error, request.scope["state"]["request_id"]))
    return Response(body, error.problem.status, error.headers, media_type="application/json")
