"""The outermost layer of the app: request ids, size and time limits, metrics, the last line for errors."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Callable
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import Limit, ServingError, body_of
from serving.metrics import Metrics

log = logging.getLogger("leadpulse.serving")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_\-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What the metrics say of a request whose client left before the answer; no such status is ever sent.
CLIENT_LEFT = 499
_FIXED_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


class Edge:
    """ASGI middleware around everything else. Whatever happens inside, the client gets a body with a code."""

    def __init__(self, app: ASGIApp, metrics: Metrics, limit: Callable[[str, str], Limit]) -> None:
        self._app = app
        self._metrics = metrics
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["method"], scope["path"])
        exchange = _Exchange(scope, receive, send, limit.body)
        started = time.perf_counter()
        try:
            exchange.check_length()
            async with asyncio.timeout(limit.seconds):
                await self._app(scope, exchange.receive, exchange.send)
        except ServingError as error:
            await exchange.fail(error)
        except TimeoutError:
            await exchange.fail(ServingError("timeout"))
        except ClientDisconnect:
            exchange.status = CLIENT_LEFT
        except Exception as error:
            log_unexpected(error, exchange.request_id, route_of(scope))
            await exchange.fail(ServingError("internal"))
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            seconds = time.perf_counter() - started
            self._metrics.request(method, route_of(scope), exchange.status, seconds)


class _Exchange:
    """One request and its response, counted and labelled as they pass."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        self._most = most
        self._receive = receive
        self._send = send
        self._headers = Headers(scope=scope)
        self._received = 0
        given = self._headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        self.status = CLIENT_LEFT
        self._started = False
        scope.setdefault("state", {})["request_id"] = self.request_id

    def check_length(self) -> None:
        """Refuse a body that announces itself as too large, before any of it is read."""
        length = self._headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._most:
            raise self._too_large()

    async def receive(self) -> Message:
        """Pass on the body, up to the limit: a chunked one has no length to check."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._most:
                raise self._too_large()
        return message

    def _too_large(self) -> ServingError:
        return ServingError("body_too_large", detail=f"{self._most >> 20} MiB")

    async def send(self, message: Message) -> None:
        """Pass on the response with our headers."""
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            headers = message["headers"] = list(message.get("headers", ()))
            headers.append((b"x-request-id", self.request_id.encode()))
            present = {name.lower() for name, _ in headers}
            headers.extend(pair for pair in _FIXED_HEADERS if pair[0] not in present)
        await self._send(message)

    async def fail(self, error: ServingError) -> None:
        """Send an error, unless the response has begun."""
        if self._started:
            self.status = error.problem.status
            return
        body = orjson.dumps(body_of(error, self.request_id))
        headers = [(name.encode(), value.encode()) for name, value in error.headers.items()]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": error.problem.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def route_of(scope: Scope) -> str:
    """Return the route's pattern, so that ids never become labels."""
    path = getattr(scope.get("route"), "path", None)
    return str(path) if path else "unmatched"


def log_unexpected(error: BaseException, request_id: str, route: str) -> None:
    """Log an error nobody planned for as one line of JSON.

    The first line of the message only: the others may hold the values of a statement.
    """
    frames = [
        f"{f.filename.rpartition('/')[2]}:{f.lineno} {f.name}"
        for f in traceback.extract_tb(error.__traceback__)
    ]
    line: dict[str, Any] = {
        "event": "unexpected_error",
        "request_id": request_id,
        "route": route,
        "type": type(error).__name__,
        "message": (str(error).splitlines() or [""])[0][:200],
        "frames": frames[-12:],
    }
    log.error(json.dumps(line, ensure_ascii=False))
