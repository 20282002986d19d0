"""Setting up a second factor: a QR code for the telephone, a code back from it, the recovery codes once."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crm_store.repositories.problems import StoreError
from serving.workbench import plain
from serving.workbench.addresses import SECOND_FACTOR
from serving.workbench.translations import say
from serving.workbench.visitors import Visitor, Visitors, visitor_of


class SecondFactorDoor:
    """The routes; both need a session, as the gate sees to."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors

    def routes(self) -> list[Route]:
        """Return every route of this module."""
        return [
            Route(SECOND_FACTOR, self.offer, methods=["GET"]),
            Route(SECOND_FACTOR, self.take_up, methods=["POST"]),
        ]

    async def offer(self, request: Request) -> Response:
        """Show a new second factor, or that there is one."""
        return await self._offer(request, _visitor(request))

    async def take_up(self, request: Request) -> Response:
        """Keep the second factor when the code is right, and show the recovery codes."""
        visitor, given = _visitor(request), await plain.form(request)
        if given is None:
            return plain.problem(request, "bad_request")
        language = plain.reader_language(request)
        try:
            codes = await self._visitors.take_up(
                visitor, given.get("password", ""), given.get("sealed", ""), given.get("code", "")
            )
        except StoreError as error:
            problem = error.problem
            return await self._offer(
                request, visitor, problem.code, problem.zh if language == "zh" else problem.en
            )
        except KeyError:
            return plain.problem(request, "not_found")
        if codes is None:
            wrong = say("second_factor.wrong_password", language)
            return await self._offer(request, visitor, "wrong_password", wrong)
        return plain.page("second_factor_kept.html", language, codes=codes)

    async def _offer(
        self, request: Request, visitor: Visitor, code: str | None = None, message: str | None = None
    ) -> Response:
        try:
            offered = await self._visitors.second_factor_of(visitor)
        except KeyError:
            return plain.problem(request, "not_found")
        language, status = plain.reader_language(request), 422 if code else 200
        if offered is None:
            return plain.page("second_factor_there.html", language, status)
        return plain.page(
            "second_factor.html",
            language,
            status,
            secret=" ".join(offered.secret[at : at + 4] for at in range(0, len(offered.secret), 4)),
            picture=offered.picture,
            sealed=offered.sealed,
            code=code,
            message=message,
        )


def _visitor(request: Request) -> Visitor:
    visitor = visitor_of(request.scope)
    if visitor is None:
        raise PermissionError("a second factor was asked for without a session")
    return visitor
