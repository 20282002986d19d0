"""The gate: who passes, what is answered instead, and which headers every answer carries."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from crm_store.domain.policy import Viewer
from serving.workbench.gate import Gate
from serving.workbench.visitors import Visitor, Visitors, visitor_of

OWN = "https://crm.example:8443"


class FakeVisitors(Visitors):
    """Knows one session."""

    def __init__(self) -> None:
        pass

    async def of(self, token: str | None) -> Visitor | None:
        return Visitor("good", Viewer("user_1", "周经理", "manager")) if token == "good" else None


async def inside(scope: Scope, receive: Receive, send: Send) -> None:
    """What lies behind the gate: says who came, and breaks when asked to."""
    if scope["path"] == "/leads/break":
        raise RuntimeError("secret detail")
    visitor = visitor_of(scope)
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await PlainTextResponse(visitor.name if visitor else "nobody")(scope, receive, send)


def ask(
    method: str, path: str, headers: Mapping[str, str] | None = None, origins: tuple[str, ...] = (OWN,)
) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(Gate(inside, FakeVisitors(), origins))
        async with httpx.AsyncClient(transport=transport, base_url=origins[0]) as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(run())


def shake(path: str, headers: Mapping[str, str]) -> Message:
    """Offer a WebSocket and return the first thing the server says."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": query.encode(),
        "headers": raw,
        "scheme": "wss",
    }
    asyncio.run(Gate(inside, FakeVisitors(), (OWN,))(scope, receive, send))
    return sent[0]


SESSION = {"cookie": "__Host-leadpulse=good"}
SOCKET = "/_nicegui_ws/socket.io/?transport=websocket&client_id=abc"
POLLING = "/_nicegui_ws/socket.io/?transport=polling&client_id=abc"


def test_a_session_passes_and_is_known_inside() -> None:
    assert ask("GET", "/leads", SESSION).text == "周经理"


@pytest.mark.parametrize("path", ["/leads", "/accounts/x?y=1", "/", "/whatever"])
def test_without_one_pages_lead_to_sign_in_and_back(path: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")


def test_an_ended_session_is_told_so() -> None:
    answer = ask("GET", "/leads", {"cookie": "__Host-leadpulse=old"})
    assert answer.headers["location"] == "/sign-in?next=%2Fleads&ended=1"


@pytest.mark.parametrize("path", ["/_nicegui/3/static/x.js", "/_nicegui/auto/x", "/_nicegui/client/x"])
def test_what_pages_are_made_of_is_not_public(path: str) -> None:
    assert ask("GET", path).status_code == 401
    assert ask("GET", path, SESSION).status_code == 200


@pytest.mark.parametrize("path", ["/sign-in", "/static/workbench.css", "/livez", "/language"])
def test_the_door_is_public(path: str) -> None:
    assert ask("GET", path).text == "nobody"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/leads"])
@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://crm.example:8443", OWN + ".evil"]
)
def test_forms_from_elsewhere_are_refused(path: str, origin: str | None) -> None:
    headers = SESSION | ({"origin": origin} if origin else {})
    answer = ask("POST", path, headers)
    assert answer.status_code == 403
    assert "forbidden" in answer.text


def test_own_forms_pass_whatever_the_case_of_the_origin() -> None:
    assert ask("POST", "/sign-out", SESSION | {"origin": OWN.upper()}).status_code == 200


@pytest.mark.parametrize(
    ("given", "sent"), [("http://crm:80/", "http://crm"), ("https://crm:443", "https://crm")]
)
def test_a_port_that_goes_without_saying_need_not_be_said(given: str, sent: str) -> None:
    assert ask("POST", "/sign-in", {"origin": sent}, origins=(given,)).status_code == 200


def test_a_cookie_sent_twice_counts_for_nothing() -> None:
    twice = {"cookie": "__Host-leadpulse=good; __Host-leadpulse=good"}
    assert ask("GET", "/leads", twice).status_code == 303


def test_a_session_by_another_cookie_name_counts_for_nothing() -> None:
    assert ask("GET", "/leads", {"cookie": "leadpulse=good"}).status_code == 303
    assert (
        ask("GET", "/leads", {"cookie": "leadpulse=good"}, origins=("http://crm.example",)).status_code == 200
    )


def test_a_link_from_another_site_steps_on_from_our_own_side() -> None:
    answer = ask("GET", '/leads?q="><b>', {"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (SOCKET, SESSION),
        (SOCKET, SESSION | {"origin": "https://evil.example"}),
        (SOCKET, SESSION | {"origin": "null"}),
        (SOCKET, {"origin": OWN}),
        (SOCKET, {"origin": OWN, "cookie": "__Host-leadpulse=old"}),
        ("/_nicegui_ws/socket.io/?transport=websocket", SESSION | {"origin": OWN}),
        (SOCKET + "&client_id=def", SESSION | {"origin": OWN}),
        ("/elsewhere?client_id=abc", SESSION | {"origin": OWN}),
    ],
)
def test_sockets_are_refused_before_they_are_accepted(path: str, headers: dict[str, str]) -> None:
    assert shake(path, headers)["type"] == "websocket.close"


def test_a_socket_of_an_own_page_is_accepted() -> None:
    assert shake(SOCKET, SESSION | {"origin": OWN})["type"] == "websocket.accept"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (SESSION, 403),
        (SESSION | {"origin": "https://evil.example"}, 403),
        (SESSION | {"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 403),
        (SESSION | {"sec-fetch-site": "same-origin"}, 200),
        (SESSION | {"origin": OWN}, 200),
    ],
)
def test_long_polling_is_held_to_the_same(headers: dict[str, str], status: int) -> None:
    assert ask("GET", POLLING, headers).status_code == status


def test_what_breaks_is_a_page_with_a_number_and_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    answer = ask("GET", "/leads/break", SESSION | {"accept-language": "en"})
    assert answer.status_code == 500
    assert "internal" in answer.text
    assert "Something went wrong" in answer.text
    assert "secret detail" not in answer.text
    incident = caplog.records[0].getMessage().split()[1].rstrip(":")
    assert incident in answer.text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("path", ["/leads", "/sign-in", "/break", "/nothing"])
def test_every_answer_carries_the_security_headers(path: str) -> None:
    for headers in ({}, SESSION):
        answer = ask("GET", path, headers).headers
        policy = answer["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer["x-frame-options"] == "DENY"
        assert answer["x-content-type-options"] == "nosniff"
        assert answer["referrer-policy"] == "same-origin"
        assert "max-age" in answer["strict-transport-security"]


def test_scripts_run_by_this_answers_nonce_only() -> None:
    first, second = (ask("GET", "/leads", SESSION).headers["content-security-policy"] for _ in range(2))
    assert "'nonce-" in first
    assert first != second
    scripts = next(part for part in first.split(";") if "script-src" in part)
    assert "unsafe-inline" not in scripts
    assert "strict-transport-security" not in ask("GET", "/sign-in", origins=("http://crm.example",)).headers
