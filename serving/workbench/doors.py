"""Signing in and out, the language switch, and liveness: the routes that work without a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from crm_store.services.access import SignInRefused
from serving.workbench import plain
from serving.workbench.addresses import HOME, own_path, sign_in_address
from serving.workbench.assets import asset
from serving.workbench.translations import say
from serving.workbench.visitors import Visitors

_LONGEST_FORM: Final = 8_192
_REFUSED: Final = 401


class Doors:
    """The routes; ``cookie`` is the session cookie's name, ``secure`` whether browsers come by HTTPS only."""

    def __init__(self, visitors: Visitors, cookie: str, *, secure: bool) -> None:
        self._visitors = visitors
        self._cookie = cookie
        self._secure = secure

    def routes(self) -> list[Route]:
        """Return every route of this module."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/sign-in", self.ask, methods=["GET"]),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/language", self.language, methods=["GET"]),
            Route("/livez", self.alive, methods=["GET"]),
            Route("/favicon.ico", self.icon, methods=["GET"]),
        ]

    async def home(self, _request: Request) -> Response:
        """Go to the leads."""
        return RedirectResponse(HOME, 303)

    async def ask(self, request: Request) -> Response:
        """Show the sign-in page, or go on if there is a session already."""
        back_to = own_path(request.query_params.get("next"))
        if await self._visitors.of(plain.cookie(request, self._cookie)):
            return RedirectResponse(back_to, 303)
        return self._form(request, back_to, ended="ended" in request.query_params)

    async def sign_in(self, request: Request) -> Response:
        """Check the password, start a fresh session, and go where the person wanted to go."""
        given = await _form(request)
        if given is None:
            return plain.problem(request, "bad_request")
        back_to, name, password = (
            own_path(given.get("next")),
            given.get("name", "").strip(),
            given.get("password", ""),
        )
        if not name or not password:
            return self._form(request, back_to, name=name, code="empty")
        outcome = await self._visitors.sign_in(name, password)
        if isinstance(outcome, SignInRefused):
            return self._form(request, back_to, name=name, code=outcome.code, refused=outcome)
        await self._end(request)
        answer = RedirectResponse(back_to, 303)
        answer.set_cookie(
            self._cookie, outcome, httponly=True, samesite="strict", secure=self._secure, path="/"
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Revoke the session and forget its cookie."""
        await self._end(request)
        answer = RedirectResponse(sign_in_address(), 303)
        answer.delete_cookie(self._cookie, httponly=True, samesite="strict", secure=self._secure, path="/")
        return answer

    async def language(self, request: Request) -> Response:
        """Remember a language until the browser closes, and go back; the sign-in page is said apart."""
        wanted = request.query_params.get("to")
        back_to = own_path(request.query_params.get("next"))
        signing_in = "signing_in" in request.query_params
        answer = RedirectResponse(sign_in_address(back_to) if signing_in else back_to, 303)
        if wanted in ("zh", "en") and request.headers.get("sec-fetch-site") != "cross-site":
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

    async def _end(self, request: Request) -> None:
        token = plain.cookie(request, self._cookie)
        if token and await self._visitors.of(token):
            await self._visitors.sign_out(token)

    def _form(
        self,
        request: Request,
        back_to: str,
        *,
        name: str = "",
        code: str | None = None,
        refused: SignInRefused | None = None,
        ended: bool = False,
    ) -> Response:
        language = plain.reader_language(request)
        message = None
        if refused is not None:
            message = refused.zh if language == "zh" else refused.en
        elif code is not None:
            message = say(f"sign_in.{code}", language)
        return plain.page(
            "sign_in.html",
            language,
            _REFUSED if code else 200,
            next=back_to,
            name=name,
            code=code,
            message=message,
            notice=say("sign_in.ended", language) if ended else None,
            other_language=language_address("en" if language == "zh" else "zh", back_to) + "&signing_in=1",
        )


def language_address(to: str, back_to: str) -> str:
    """Return the address that switches the language and comes back."""
    return f"/language?{urlencode({'to': to, 'next': back_to})}"


async def _form(request: Request) -> Mapping[str, str] | None:
    """Read a small URL-encoded form; None for anything else."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            return None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=10, errors="strict"))
    except ValueError:
        return None
