"""The gate in front of every page and socket: origin, session, headers, and a page for what breaks.

Denied by default: whatever is not listed as public needs a session, and a page that no line of
``PAGE_POLICY`` names is shown to nobody.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_store.domain.policy import rows_for
from serving.workbench import plain
from serving.workbench.addresses import SECOND_FACTOR, SIGN_IN, SIGN_IN_CODE, SSO, SSO_BACK, sign_in_address
from serving.workbench.cards import CARD
from serving.workbench.headers import COMMON, HTTPS_ONLY, live_policy
from serving.workbench.visitors import SCOPE_KEY, Visitors, visitor_of

NONCE_KEY: Final = "leadpulse.nonce"
PUBLIC: Final = frozenset({SIGN_IN, SIGN_IN_CODE, SSO, SSO_BACK, "/language", "/livez", "/favicon.ico"})
# Page → the resource it shows; to whom, the policy says. None: everybody who is signed in, about themselves.
PAGE_POLICY: Final[dict[str, str | None]] = {
    "/": None,
    "/sign-out": None,
    SECOND_FACTOR: None,
    "/leads": "lead",
    "/leads/{id}": "lead",
    "/accounts": "account",
    "/accounts/{id}": "account",
    CARD: "report",
}
PUBLIC_FOLDER: Final = "/static/"
SOCKET_FOLDER: Final = "/_nicegui_ws/"
_NICEGUI_FOLDER: Final = "/_nicegui/"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_LOG = logging.getLogger(__name__)


def cookie_name(secure: bool) -> str:
    """Return the name of the session's cookie; the ``__Host-`` prefix ties it to this very host."""
    return "__Host-leadpulse" if secure else "leadpulse"


class Gate:
    """ASGI middleware around the whole workbench. ``origins`` are as browsers send them."""

    def __init__(self, app: ASGIApp, visitors: Visitors, origins: Iterable[str]) -> None:
        self.app = app
        self._visitors = visitors
        self._origins = frozenset(_as_sent(origin) for origin in origins)
        self.secure = bool(self._origins) and all(origin.startswith("https://") for origin in self._origins)
        self._cookie = cookie_name(self.secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        nonce = scope[NONCE_KEY] = secrets.token_urlsafe(16)
        # Nothing of ours is mounted below a prefix; NiceGUI would repeat this header in redirects and pages.
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"x-forwarded-prefix"]
        request = HTTPConnection(scope)
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._add_headers(MutableHeaders(scope=message), nonce)
            await send(message)

        try:
            answer = await self._refusal(request)
            await (answer or self.app)(scope, receive, guarded_send)
        except Exception:
            incident = secrets.token_hex(4)
            _LOG.exception("incident %s: %s %s", incident, scope["method"], scope["path"])
            if not started:
                await plain.problem(request, "internal", incident)(scope, receive, guarded_send)

    async def _refusal(self, request: HTTPConnection) -> Response | None:
        """Return the answer to a request that may not pass, or None and the visitor in its scope."""
        scope = request.scope
        path: str = scope["path"]
        if path.startswith(SOCKET_FOLDER):
            return await self._socket_refusal(request)
        if scope["method"] not in _SAFE_METHODS and not self._own_origin(request):
            return plain.problem(request, "forbidden")
        if path in PUBLIC or path.startswith(PUBLIC_FOLDER):
            return None
        if await self._admit(request):
            return _page_refusal(request, path)
        if scope["method"] not in _SAFE_METHODS:
            return RedirectResponse(sign_in_address(), 303)
        address = path + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        if path.startswith("/_nicegui"):
            return PlainTextResponse("401", 401)
        if request.headers.get("sec-fetch-site") == "cross-site" and not plain.cookie(request, self._cookie):
            return plain.continue_here(request, quote(address, safe="/?&=%+~-._:,;@!$'()*"))
        ended = plain.cookie(request, self._cookie) is not None
        return RedirectResponse(sign_in_address(address, ended=ended), 303)

    async def _socket_refusal(self, request: HTTPConnection) -> Response | None:
        """Check a socket's long-polling form, which comes as plain requests."""
        if (
            self._own_origin(request, same_site_get=True)
            and _names_a_page(request)
            and await self._admit(request)
        ):
            return None
        return PlainTextResponse("403", 403)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HTTPConnection(scope)
        known = (
            scope["path"].startswith(SOCKET_FOLDER) and self._own_origin(request) and _names_a_page(request)
        )
        if known and await self._admit(request):
            await self.app(scope, receive, send)
            return
        await receive()
        # Closing before accepting is how a server answers the handshake with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": ""})

    async def _admit(self, request: HTTPConnection) -> bool:
        visitor = await self._visitors.of(plain.cookie(request, self._cookie))
        request.scope[SCOPE_KEY] = visitor
        return visitor is not None

    def _own_origin(self, request: HTTPConnection, *, same_site_get: bool = False) -> bool:
        origins = request.headers.getlist("origin")
        if not origins and same_site_get:
            return request.headers.get("sec-fetch-site") == "same-origin"
        return len(origins) == 1 and origins[0].lower() in self._origins

    def _add_headers(self, headers: MutableHeaders, nonce: str) -> None:
        for name, value in (COMMON | (HTTPS_ONLY if self.secure else {})).items():
            headers[name] = value
        if "content-security-policy" not in headers:
            headers["content-security-policy"] = live_policy(nonce)


def _as_sent(origin: str) -> str:
    """Return an origin as browsers write it: lower case, and without a port that goes without saying."""
    parts = urlsplit(origin.rstrip("/").lower())
    host = parts.netloc.removesuffix({"http": ":80", "https": ":443"}.get(parts.scheme, ":"))
    return f"{parts.scheme}://{host}"


def _page_refusal(request: HTTPConnection, path: str) -> Response | None:
    """Return the answer to a signed-in visitor whose role does not open this page, or None."""
    if path.startswith(_NICEGUI_FOLDER):
        return None
    folder, _, rest = path.removeprefix("/").partition("/")
    page = f"/{folder}/{{id}}" if rest and "/" not in rest else path
    visitor = visitor_of(request.scope)
    if page not in PAGE_POLICY or visitor is None:
        return plain.problem(request, "not_found")
    resource = PAGE_POLICY[page]
    if resource is not None and rows_for(visitor.viewer, resource, "read") == "none":
        return plain.problem(request, "not_allowed")
    return None


def _names_a_page(request: HTTPConnection) -> bool:
    """Whether a socket says which page it belongs to: without that NiceGUI would let it claim any later."""
    return len(request.query_params.getlist("client_id")) == 1
