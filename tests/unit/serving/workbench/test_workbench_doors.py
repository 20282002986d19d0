"""Signing in and out over HTTP, on a real store: cookies, redirects, lock-out and the language."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.applications import Starlette

from crm_store.database import transaction
from crm_store.services.access import LOCK_AFTER, create_user, disable_user
from serving.attempts import Attempts
from serving.workbench.cards import card_route
from serving.workbench.doors import Doors
from serving.workbench.gate import Gate, cookie_name
from serving.workbench.visitors import Visitors

NOW = datetime(2026, 3, 5, tzinfo=UTC)
PASSWORD = "a long enough password"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def site(sqlite_sessions: sessionmaker[Session]) -> Ask:
    """The doors behind the gate, for https; each call is a browser with the cookies it is given."""
    with transaction(sqlite_sessions) as session:
        create_user(session, "周经理", PASSWORD, "manager", NOW)
        create_user(session, "noise", PASSWORD, "rep", NOW)

    def ask(method: str, path: str, cookies: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            visitors = Visitors(sqlite_sessions, lambda: NOW + timedelta(minutes=1))
            doors = Doors(visitors, cookie_name(secure=True), secure=True, attempts=Attempts(lambda: 0.0))
            routes = [*doors.routes(), card_route({"lead_health": b"<h1>card</h1>"}.get)]
            gate = Gate(Starlette(routes=routes), visitors, ["https://crm.example"])
            transport = httpx.ASGITransport(gate)
            origin = "https://crm.example"
            async with httpx.AsyncClient(transport=transport, base_url=origin, cookies=cookies) as client:
                return await client.request(method, path, headers={"origin": origin}, **more)

        return asyncio.run(run())

    return ask


def sign_in(site: Ask, name: str = "周经理", password: str = PASSWORD, **fields: str) -> httpx.Response:
    return site("POST", "/sign-in", data={"name": name, "password": password, **fields})


def test_a_right_password_sets_a_cookie_no_script_and_no_other_site_can_use(site: Ask) -> None:
    answer = sign_in(site, next="/accounts?band=red")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/accounts?band=red"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-leadpulse=")
    for part in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


def test_a_session_opens_the_pages_until_it_is_signed_out(site: Ask) -> None:
    cookies = dict(sign_in(site).cookies)
    assert site("GET", "/", cookies=cookies).headers["location"] == "/leads"
    assert site("GET", "/sign-in", cookies=cookies).headers["location"] == "/leads"
    out = site("POST", "/sign-out", cookies=cookies)
    assert 'leadpulse=""' in out.headers["set-cookie"]
    assert site("GET", "/", cookies=cookies).headers["location"].startswith("/sign-in")


def test_signing_in_again_ends_the_session_before(site: Ask) -> None:
    first = dict(sign_in(site).cookies)
    second = site("POST", "/sign-in", cookies=first, data={"name": "周经理", "password": PASSWORD})
    assert site("GET", "/", cookies=first).headers["location"].startswith("/sign-in")
    assert site("GET", "/", cookies=dict(second.cookies)).headers["location"] == "/leads"


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_signing_in_never_leads_elsewhere(site: Ask, wanted: str) -> None:
    assert sign_in(site, next=wanted).headers["location"] == "/leads"


@pytest.mark.parametrize(
    ("name", "password"), [("周经理", "wrong"), ("nobody", PASSWORD), ("周经理'--", PASSWORD), ("\x00", "x")]
)
def test_a_refusal_says_the_same_to_everyone(site: Ask, name: str, password: str) -> None:
    answer = sign_in(site, name, password)
    assert answer.status_code == 401
    assert 'data-code="sign_in_refused"' in answer.text
    assert "set-cookie" not in answer.headers


def test_what_was_typed_comes_back_escaped_and_without_the_password(site: Ask) -> None:
    answer = sign_in(site, "<script>alert(1)</script>", "my-secret-word")
    assert "<script>" not in answer.text
    assert "my-secret-word" not in answer.text


def test_too_many_failures_lock_even_the_right_password_out(site: Ask) -> None:
    for _ in range(LOCK_AFTER):
        sign_in(site, password="wrong")
    assert sign_in(site).status_code == 401
    assert sign_in(site, "noise").status_code == 303


def test_a_disabled_account_loses_its_session(site: Ask, sqlite_sessions: sessionmaker[Session]) -> None:
    cookies = dict(sign_in(site).cookies)
    with transaction(sqlite_sessions) as session:
        from crm_store.repositories.access import user_named

        user = user_named(session, "周经理")
        assert user is not None
        disable_user(session, user.id, NOW)
    assert site("GET", "/", cookies=cookies).headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "sent",
    [
        {"data": {"name": "x" * 20_000}},
        {"json": {"name": "周经理", "password": PASSWORD}},
        {"data": {f"f{n}": "x" for n in range(50)}},
    ],
    ids=["too long", "not a form", "too many fields"],
)
def test_anything_but_a_small_form_is_a_bad_request(site: Ask, sent: dict[str, Any]) -> None:
    assert site("POST", "/sign-in", **sent).status_code == 400


def test_an_empty_field_is_asked_for_in_the_readers_language(site: Ask) -> None:
    zh = sign_in(site, "周经理", "")
    assert "请输入用户名和密码" in zh.text
    en = site("POST", "/sign-in", data={"name": "", "password": ""}, cookies={"leadpulse_language": "en"})
    assert "Enter your user name and password" in en.text


def test_the_language_is_remembered_and_leads_back(site: Ask) -> None:
    answer = site("GET", "/language?to=en&next=/leads%3Fband%3Dred")
    assert answer.headers["location"] == "/leads?band=red"
    assert "leadpulse_language=en" in answer.headers["set-cookie"]
    assert "Max-Age" not in answer.headers["set-cookie"]
    at_the_door = site("GET", "/language?to=en&next=/accounts&signing_in=1").headers["location"]
    assert parse_qs(urlsplit(at_the_door).query) == {"next": ["/accounts"]}


@pytest.mark.parametrize("query", ["to=fr&next=/leads", "next=/leads"])
def test_an_unknown_language_changes_nothing(site: Ask, query: str) -> None:
    assert "set-cookie" not in site("GET", f"/language?{query}").headers


def test_a_model_card_is_for_those_who_are_signed_in_and_runs_nothing(site: Ask) -> None:
    session = dict(sign_in(site).cookies)
    assert site("GET", "/cards/lead_health").status_code == 303
    card = site("GET", "/cards/lead_health", session)
    assert (card.status_code, card.text) == (200, "<h1>card</h1>")
    policy = card.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for path in ("/cards/account_churn", "/cards/..%2fsecret.key", "/cards/x"):
        assert site("GET", path, session).status_code == 404
