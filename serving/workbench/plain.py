"""Pages without scripts: signing in, and what went wrong. They are rendered here, not by NiceGUI."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from serving.language import Language, language_of
from serving.workbench.headers import PLAIN_POLICY
from serving.workbench.templating import render

LANGUAGE_COOKIE: Final = "leadpulse_language"
_LANGUAGES: Final[dict[str, Language]] = {"zh": "zh", "en": "en"}
_NO_STORE: Final = {"cache-control": "no-store", "content-security-policy": PLAIN_POLICY}

# Problem → HTTP status. Its words are ``problem.<name>`` and ``problem.<name>.hint`` of ``translations``.
PROBLEMS: Final[dict[str, int]] = {"bad_request": 400, "forbidden": 403, "not_found": 404, "internal": 500}


def reader_language(connection: HTTPConnection) -> Language:
    """Return the language chosen in this browser session, else the browser's own wish, else Chinese."""
    chosen = _LANGUAGES.get(connection.cookies.get(LANGUAGE_COOKIE, ""))
    return chosen or language_of(connection.headers.get("accept-language"))


def cookie(connection: HTTPConnection, name: str) -> str | None:
    """Return a cookie only if it was sent once: two of a name mean that somebody planted one."""
    pairs = [part.partition("=") for part in "; ".join(connection.headers.getlist("cookie")).split(";")]
    given = [value.strip() for key, _, value in pairs if key.strip() == name]
    return given[0] if len(given) == 1 else None


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
