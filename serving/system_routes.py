"""Is it alive, is it ready, how is it doing; and the documentation page, without any other machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse, HTMLResponse

from serving.champions import Champion, Champions
from serving.errors import ServingError
from serving.examples import answer_response
from serving.kinds import KINDS
from serving.metrics import CONTENT_TYPE_LATEST, Feed, Metrics
from serving.online import OnlineGate
from serving.ports import Records
from serving.schemas import Alive, Readiness

# BentoML ships Swagger UI for its own page; ours serves the same files, so that nothing comes from a CDN.
_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
_PAGE: Final = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>LeadPulse API</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="swagger-ui"><p style="font-family:sans-serif;margin:2em">
LeadPulse API: <a href="openapi.json">openapi.json</a></p></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script></body></html>
"""
_START: Final = (
    'SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, '
    "presets: [SwaggerUIBundle.presets.apis]});\n"
)
_DOCS_POLICY: Final = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


@dataclass(frozen=True)
class Health:
    """What answers depend on, looked at now."""

    records: Records
    champions: Champions
    gate: OnlineGate

    def report(self) -> dict[str, Any]:
        """Return the readiness report: ``down`` only when no rung but a memory of scores is left."""
        parts = {"store": self._store(), "online_features": _part(self.gate.state)}
        for kind in KINDS:
            standing = self.champions.current(kind.model)
            ready = isinstance(standing, Champion)
            detail = standing.version if isinstance(standing, Champion) else standing.code
            if kind.timing is not None:
                self.champions.current(kind.timing)  # a look loads it; answers are whole without it
            parts[f"champion:{kind.model}"] = {"state": "ok" if ready else "degraded", "detail": detail}
        states = {part["state"] for part in parts.values()}
        status = "down" if "down" in states else "degraded" if "degraded" in states else "ready"
        return {"status": status, "parts": parts}

    def _store(self) -> dict[str, str]:
        try:
            self.records.ping()
        except Exception as error:
            return {"state": "down", "detail": type(error).__name__}
        return {"state": "ok", "detail": "ok"}


def _part(state: str) -> dict[str, str]:
    return {"state": "ok" if state == "ok" else "degraded", "detail": state}


def system_router(
    health: Health, metrics: Metrics, feed: Callable[[], Feed | None] = lambda: None
) -> APIRouter:
    """Return the operations that need no key. ``feed`` tells how fresh scores are."""
    router = APIRouter(tags=["system 系统"])

    async def livez() -> Response:
        return Response(b'{"status":"alive"}', media_type="application/json")

    def readyz() -> Response:
        report = health.report()
        status = 503 if report["status"] == "down" else 200
        return Response(orjson.dumps(report), status, media_type="application/json")

    def exposition() -> Response:
        return Response(metrics.exposition(feed()), media_type=CONTENT_TYPE_LATEST)

    down = {503: {"model": Readiness, "description": "不可用 Down"}}
    ready = answer_response(Readiness) | down
    _get(router, "/livez", livez, "The process answers 存活", answer_response(Alive))
    _get(router, "/readyz", readyz, "Scores can be given 就绪", ready)
    text = {"text/plain": {"example": "leadpulse_scores_total{…} 1.0\n", "schema": {"type": "string"}}}
    _get(
        router,
        "/metrics",
        exposition,
        "Prometheus metrics 指标",
        {200: {"description": "OK", "content": text}},
    )
    return router


def docs_router() -> APIRouter:
    """Return the documentation page and its files."""
    router = APIRouter(include_in_schema=False)

    async def page() -> Response:
        return HTMLResponse(_PAGE, headers={"content-security-policy": _DOCS_POLICY})

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "start.js":
            return Response(_START, media_type="text/javascript")
        file = _asset(name)
        if file is None:
            raise ServingError("not_found")
        return FileResponse(file, media_type=_ASSETS[name], headers={"cache-control": "max-age=86400"})

    router.add_api_route("/docs", page, methods=["GET"])
    router.add_api_route("/docs/{name}", asset, methods=["GET"])
    return router


def _asset(name: str) -> Path | None:
    """Return one of the listed files, None where the package that has them doesn't."""
    package = find_spec("bentoml")
    if name not in _ASSETS or package is None or package.origin is None:
        return None
    file = Path(package.origin).parent / "_internal" / "server" / "static_content" / name
    return file if file.is_file() else None


def _get(
    router: APIRouter, path: str, endpoint: Callable[..., Any], summary: str, responses: dict[int | str, Any]
) -> None:
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        summary=summary,
        operation_id=path[1:],
        responses=responses,
        response_class=Response,
    )
