"""Pages without scripts: signing in, and what went wrong. They are rendered here, not by NiceGUI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response

from serving.language import Language, language_of
from serving.workbench.headers import PLAIN_POLICY
from serving.workbench.templating import render

LANGUAGE_COOKIE: Final = "leadpulse_language"
_LANGUAGES: Final[dict[str, Language]] = {"zh": "zh", "en": "en"}
_LONGEST_FORM: Final = 8_192
_SSO_SECONDS: Final = 600
_NO_STORE: Final = {"cache-control": "no-store", "content-security-policy": PLAIN_POLICY}

# Problem → HTTP status. Its words are ``problem.<name>`` and ``problem.<name>.hint`` of ``translations``.
PROBLEMS: Final[dict[str, int]] = {
    "bad_request": 400,
    "forbidden": 403,
    "not_allowed": 403,
    "not_found": 404,
    "internal": 500,
}


def reader_language(connection: HTTPConnection) -> Language:
    """Return the language chosen in this browser session, else the browser's own wish, else Chinese."""
    chosen = _LANGUAGES.get(connection.cookies.get(LANGUAGE_COOKIE, ""))
    return chosen or language_of(connection.headers.get("accept-language"))


def cookie(connection: HTTPConnection, name: str) -> str | None:
    """Return a cookie only if it was sent once: two of a name mean that somebody planted one."""
    pairs = [part.partition("=") for part in "; ".join(connection.headers.getlist("cookie")).split(";")]
    given = [value.strip() for key, _, value in pairs if key.strip() == name]
    return given[0] if len(given) == 1 else None


class Cookies:
    """The cookies of signing in: the session, and what single sign-on keeps while the browser is away."""

    def __init__(self, session: str, *, secure: bool) -> None:
        self._session = session
        # The provider sends the browser back from its own site: a strict cookie would stay behind.
        self._sso = f"{session}-sso"
        self._secure = secure

    def session(self, connection: HTTPConnection) -> str | None:
        """Return the session's token."""
        return cookie(connection, self._session)

    def keep_session(self, answer: Response, token: str) -> None:
        """Give the browser a session, until it closes."""
        answer.set_cookie(
            self._session, token, httponly=True, samesite="strict", secure=self._secure, path="/"
        )

    def forget(self, answer: Response) -> None:
        """Take the session from the browser."""
        answer.delete_cookie(self._session, httponly=True, samesite="strict", secure=self._secure, path="/")

    def sso(self, connection: HTTPConnection) -> str | None:
        """Return what single sign-on kept."""
        return cookie(connection, self._sso)

    def keep_sso(self, answer: Response, kept: str) -> None:
        """Have the browser bring something back from the provider."""
        answer.set_cookie(
            self._sso,
            kept,
            max_age=_SSO_SECONDS,
            httponly=True,
            samesite="lax",
            secure=self._secure,
            path="/",
        )

    def forget_sso(self, answer: Response) -> None:
        """Take what single sign-on kept from the browser."""
        answer.delete_cookie(self._sso, httponly=True, samesite="lax", secure=self._secure, path="/")


async def form(request: Request) -> Mapping[str, str] | None:
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


def query(**values: str) -> str:
    """Return a query string."""
    return urlencode(values)


def page(template: str, language: Language, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template; every value is escaped."""
    body = render(template, language, **values)
    return HTMLResponse(body, status_code=status, headers=_NO_STORE)


def problem(connection: HTTPConnection, name: str, incident: str | None = None) -> Response:
    """Return the page for something that went wrong: its code, what to do, and the number in the log."""
    return page("problem.html", reader_language(connection), PROBLEMS[name], problem=name, incident=incident)


def continue_here(connection: HTTPConnection, address: str) -> Response:
    """Return a page that moves on to ``address`` of this site at once.

    A link in a message arrives without the session's cookie, because the cookie is kept from other sites.
    The step from this page is our own, so the browser sends it along.
    """
    return page("continue.html", reader_language(connection), address=address)
