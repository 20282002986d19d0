"""The way out, the language switch, and liveness: the routes that work without a page, and all their kin."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from serving.attempts import Attempts
from serving.workbench import plain
from serving.workbench.addresses import HOME, own_path, sign_in_address
from serving.workbench.assets import asset
from serving.workbench.second_factor_door import SecondFactorDoor
from serving.workbench.sign_in_door import SignInDoor
from serving.workbench.visitors import Visitors

_LANGUAGES: Final = ("zh", "en")


class Doors:
    """The routes; ``cookie`` is the session cookie's name, ``secure`` whether browsers come by HTTPS only."""

    def __init__(self, visitors: Visitors, cookie: str, *, secure: bool, attempts: Attempts) -> None:
        self._visitors = visitors
        self._secure = secure
        self._cookies = plain.Cookies(cookie, secure=secure)
        self._sign_in = SignInDoor(visitors, self._cookies, attempts)
        self._second_factor = SecondFactorDoor(visitors)

    def routes(self) -> list[Route]:
        """Return every route that is no page."""
        return [
            Route("/", self.home, methods=["GET"]),
            *self._sign_in.routes(),
            *self._second_factor.routes(),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/language", self.language, methods=["GET"]),
            Route("/livez", self.alive, methods=["GET"]),
            Route("/favicon.ico", self.icon, methods=["GET"]),
        ]

    async def home(self, _request: Request) -> Response:
        """Go to the leads."""
        return RedirectResponse(HOME, 303)

    async def sign_out(self, request: Request) -> Response:
        """Revoke the session and forget its cookie."""
        await self._sign_in.end(request)
        answer = RedirectResponse(sign_in_address(), 303)
        self._cookies.forget(answer)
        return answer

    async def language(self, request: Request) -> Response:
        """Remember a language until the browser closes, and go back; the sign-in page is said apart."""
        wanted = request.query_params.get("to")
        back_to = own_path(request.query_params.get("next"))
        signing_in = "signing_in" in request.query_params
        answer = RedirectResponse(sign_in_address(back_to) if signing_in else back_to, 303)
        if wanted in _LANGUAGES and request.headers.get("sec-fetch-site") != "cross-site":
            answer.set_cookie(
                plain.LANGUAGE_COOKIE, wanted, httponly=True, samesite="lax", secure=self._secure, path="/"
            )
        return answer

    async def alive(self, _request: Request) -> Response:
        """Say that the process answers."""
        return PlainTextResponse("ok", headers={"cache-control": "no-store"})

    async def icon(self, _request: Request) -> Response:
        """Point the browsers that ask here to the wordmark's picture."""
        return RedirectResponse(asset("pulse.svg"), 308)
