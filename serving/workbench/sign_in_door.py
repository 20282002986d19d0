"""Signing in: password, then the second factor of who has one; or single sign-on."""

from __future__ import annotations

import math
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from crm_store.repositories.problems import StoreError
from crm_store.services.access import SecondFactorNeeded, SignInRefused
from serving.attempts import Attempts
from serving.workbench import plain
from serving.workbench.addresses import (
    SIGN_IN,
    SIGN_IN_CODE,
    SSO,
    SSO_BACK,
    language_address,
    own_path,
    sign_in_address,
)
from serving.workbench.translations import say
from serving.workbench.visitors import Outcome, Visitors

_REFUSED: Final = 401
_TOO_MANY: Final = 429
# What a provider may send back; anything longer is not from one.
_LONGEST_ANSWER: Final = 4_096


class SignInDoor:
    """The routes of signing in."""

    def __init__(self, visitors: Visitors, cookies: plain.Cookies, attempts: Attempts) -> None:
        self._visitors = visitors
        self._cookies = cookies
        self._attempts = attempts

    def routes(self) -> list[Route]:
        """Return every route of signing in."""
        return [
            Route(SIGN_IN, self.ask, methods=["GET"]),
            Route(SIGN_IN, self.sign_in, methods=["POST"]),
            Route(SIGN_IN_CODE, self.confirm, methods=["POST"]),
            Route(SSO, self.begin_sso, methods=["GET"]),
            Route(SSO_BACK, self.finish_sso, methods=["GET"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show the sign-in page or that of the code, or go on if there is a session already."""
        back_to = own_path(request.query_params.get("next"))
        token = self._cookies.session(request)
        if await self._visitors.of(token):
            return RedirectResponse(back_to, 303)
        if "again" not in request.query_params and await self._visitors.waits_for_code(token):
            return self._code_form(request, back_to)
        return self._form(request, back_to, ended="ended" in request.query_params)

    async def sign_in(self, request: Request) -> Response:
        """Check the password, start a fresh session, and go where the person wanted to go."""
        given = await plain.form(request)
        if given is None:
            return plain.problem(request, "bad_request")
        back_to = own_path(given.get("next"))
        name, password = given.get("name", "").strip(), given.get("password", "")
        if wait := self._attempts.wait_of(_address(request)):
            return self._form(request, back_to, name=name, code="too_many", wait=wait)
        if not name or not password:
            return self._form(request, back_to, name=name, code="empty")
        outcome = await self._visitors.sign_in(name, password)
        if isinstance(outcome, SignInRefused):
            self._attempts.failed(_address(request))
            return self._form(request, back_to, name=name, refused=outcome)
        return await self._enter(request, outcome, back_to)

    async def confirm(self, request: Request) -> Response:
        """Check the code of who gave the password."""
        given = await plain.form(request)
        token = self._cookies.session(request)
        if given is None:
            return plain.problem(request, "bad_request")
        back_to, code = own_path(given.get("next")), given.get("code", "").strip()
        if wait := self._attempts.wait_of(_address(request)):
            return self._code_form(request, back_to, code="too_many", wait=wait)
        if not await self._visitors.waits_for_code(token) or token is None:
            return RedirectResponse(sign_in_address(back_to, ended=True), 303)
        outcome = await self._visitors.confirm(token, code) if code else None
        if outcome is None:
            return self._code_form(request, back_to, code="code_empty")
        if isinstance(outcome, SignInRefused):
            self._attempts.failed(_address(request))
            if await self._visitors.waits_for_code(token):
                return self._code_form(request, back_to, refused=outcome)
            return self._form(request, back_to, refused=outcome)
        return await self._enter(request, outcome, back_to)

    async def begin_sso(self, request: Request) -> Response:
        """Send the browser to the identity provider."""
        back_to = own_path(request.query_params.get("next"))
        if not self._visitors.has_sso:
            return plain.problem(request, "not_found")
        if wait := self._attempts.wait_of(_address(request)):
            return self._form(request, back_to, code="too_many", wait=wait)
        try:
            begun = await self._visitors.begin_sso(back_to)
        except StoreError as error:
            return self._form(request, back_to, refused=_told(error))
        answer = RedirectResponse(begun.address, 303)
        self._cookies.keep_sso(answer, begun.kept)
        return answer

    async def finish_sso(self, request: Request) -> Response:
        """Take back who comes from the identity provider."""
        if not self._visitors.has_sso:
            return plain.problem(request, "not_found")
        kept = self._cookies.sso(request) or ""
        said = dict(request.query_params)
        if wait := self._attempts.wait_of(_address(request)):
            return self._form(request, own_path(None), code="too_many", wait=wait)
        if sum(len(name) + len(value) for name, value in said.items()) > _LONGEST_ANSWER:
            return plain.problem(request, "bad_request")
        try:
            outcome, back_to = await self._visitors.finish_sso(kept, said)
        except StoreError as error:
            self._attempts.failed(_address(request))
            answer = self._form(request, own_path(None), refused=_told(error))
        else:
            if isinstance(outcome, SignInRefused):
                answer = self._form(request, own_path(back_to), refused=outcome)
            else:
                answer = await self._enter(request, outcome, own_path(back_to))
        self._cookies.forget_sso(answer)
        return answer

    async def end(self, request: Request) -> None:
        """Revoke the session that the browser comes with."""
        token = self._cookies.session(request)
        if token and (await self._visitors.of(token) or await self._visitors.waits_for_code(token)):
            await self._visitors.sign_out(token)

    async def _enter(self, request: Request, outcome: Outcome, back_to: str) -> Response:
        """Give the browser its new session, full or waiting for the code, in place of any other."""
        await self.end(request)
        waiting = isinstance(outcome, SecondFactorNeeded)
        token = outcome.token if isinstance(outcome, SecondFactorNeeded) else str(outcome)
        answer = RedirectResponse(sign_in_address(back_to) if waiting else back_to, 303)
        self._cookies.keep_session(answer, token)
        return answer

    def _form(
        self,
        request: Request,
        back_to: str,
        *,
        name: str = "",
        code: str | None = None,
        refused: SignInRefused | None = None,
        ended: bool = False,
        wait: float = 0.0,
    ) -> Response:
        language = plain.reader_language(request)
        return self._page(
            request,
            "sign_in.html",
            back_to,
            code,
            refused,
            wait,
            name=name,
            notice=say("sign_in.ended", language) if ended else None,
            sso=f"{SSO}?{plain.query(next=back_to)}" if self._visitors.has_sso else None,
        )

    def _code_form(
        self,
        request: Request,
        back_to: str,
        *,
        code: str | None = None,
        refused: SignInRefused | None = None,
        wait: float = 0.0,
    ) -> Response:
        again = f"{SIGN_IN}?{plain.query(next=back_to, again='1')}"
        return self._page(request, "sign_in_code.html", back_to, code, refused, wait, again=again)

    def _page(
        self,
        request: Request,
        template: str,
        back_to: str,
        code: str | None,
        refused: SignInRefused | None,
        wait: float,
        **values: object,
    ) -> Response:
        language = plain.reader_language(request)
        message = None
        if refused is not None:
            code, message = refused.code, refused.zh if language == "zh" else refused.en
        elif code is not None:
            message = say(f"sign_in.{code}", language, minutes=math.ceil(wait / 60))
        status = _TOO_MANY if wait else _REFUSED if code else 200
        other = language_address("en" if language == "zh" else "zh", back_to) + "&signing_in=1"
        answer = plain.page(
            template,
            language,
            status,
            next=back_to,
            code=code,
            message=message,
            other_language=other,
            **values,
        )
        if wait:
            answer.headers["retry-after"] = str(math.ceil(wait))
        return answer


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


def _told(error: StoreError) -> SignInRefused:
    return SignInRefused(error.problem.code, error.problem.zh, error.problem.en)
