"""Single sign-on as a browser meets it: through the workbench's gate, to the provider and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyotp
import pytest
from sqlalchemy.orm import Session, sessionmaker
from starlette.applications import Starlette

from crm_store.database import transaction
from crm_store.services import identity_provider, second_factor
from crm_store.services.access import create_user, user_id_of
from crm_store.services.single_sign_on import SingleSignOn
from serving.attempts import Attempts
from serving.workbench.doors import Doors
from serving.workbench.gate import Gate, cookie_name
from serving.workbench.visitors import Visitors
from tests.integration.sign_in.local_provider import DISCOVERY, NOW, VAULT, LocalProvider

OURS = "https://crm.example"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def browser(sqlite_sessions: sessionmaker[Session], sso: SingleSignOn) -> Ask:
    """A browser that keeps its cookies, at the doors behind the gate."""
    with transaction(sqlite_sessions) as session:
        create_user(session, "wang", None, "manager", NOW, email="wang@crm.example")
        create_user(session, "noise", None, "rep", NOW, email="noise@crm.example")
    cookies = httpx.Cookies()
    visitors = Visitors(sqlite_sessions, lambda: NOW + timedelta(seconds=1), VAULT, sso)
    attempts = Attempts(lambda: 0.0)
    doors = Doors(visitors, cookie_name(secure=True), secure=True, attempts=attempts)
    gate = Gate(Starlette(routes=doors.routes()), visitors, [OURS])

    def ask(method: str, path: str, **more: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(gate)
            async with httpx.AsyncClient(transport=transport, base_url=OURS, cookies=cookies) as client:
                answer = await client.request(method, path, headers={"origin": OURS}, **more)
                cookies.clear()
                cookies.update(client.cookies)
                return answer

        return asyncio.run(run())

    return ask


def test_a_browser_goes_to_the_provider_and_comes_back_signed_in(browser: Ask) -> None:
    back = returned(browser, "/leads?band=red")
    answer = browser("GET", back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/leads?band=red")
    assert browser("GET", "/").headers["location"] == "/leads"
    again = browser("GET", back)
    assert again.status_code == 401
    assert 'data-code="sso_refused"' in again.text


def test_what_waits_for_the_way_back_is_out_of_reach_of_scripts(browser: Ask) -> None:
    cookie = browser("GET", "/sign-in/sso").headers["set-cookie"]
    assert cookie.startswith("__Host-leadpulse-sso=")
    for part in ("HttpOnly", "SameSite=lax", "Secure", "Path=/"):
        assert part in cookie


def test_the_way_back_does_not_lead_elsewhere(browser: Ask) -> None:
    assert browser("GET", returned(browser, "https://evil.example/")).headers["location"].startswith("/")
    assert browser("GET", returned(browser, "//evil.example/")).headers["location"].startswith("/leads")


def test_who_is_nobody_here_stays_outside(browser: Ask, provider: LocalProvider) -> None:
    provider.person = {"sub": "p-7", "email": "stranger@crm.example", "email_verified": True}
    answer = browser("GET", returned(browser))
    assert answer.status_code == 401
    assert 'data-code="sso_unknown"' in answer.text
    assert browser("GET", "/").headers["location"].startswith("/sign-in")


def test_another_browser_cannot_use_the_answer(browser: Ask) -> None:
    back = returned(browser)
    browser("GET", "/sign-in/sso")  # a sign-in of its own
    assert 'data-code="sso_refused"' in browser("GET", back).text


def test_who_has_a_second_factor_is_asked_for_it(
    browser: Ask, sqlite_sessions: sessionmaker[Session]
) -> None:
    with transaction(sqlite_sessions) as session:
        user_id = user_id_of(session, "wang")
        offered = second_factor.offer(user_id, "wang", NOW, VAULT)
        codes = second_factor.take_up(
            session, user_id, offered.sealed, pyotp.TOTP(offered.secret).at(NOW), NOW, VAULT
        )
    assert browser("GET", returned(browser)).headers["location"].startswith("/sign-in")
    assert browser("GET", "/").headers["location"].startswith("/sign-in")
    assert browser("POST", "/sign-in/code", data={"code": codes[0], "next": "/leads"}).status_code == 303
    assert browser("GET", "/").headers["location"] == "/leads"


@pytest.mark.parametrize("fault", ["down", "hangs"])
def test_a_provider_that_fails_leaves_the_password_to_sign_in_by(
    browser: Ask, provider: LocalProvider, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(identity_provider, "_TIMEOUT_SECONDS", 0.2)
    down = provider.hang if fault == "hangs" else lambda asked: asked.send(502, {})
    provider.misbehaviour[DISCOVERY] = down
    answer = browser("GET", "/sign-in/sso")
    assert 'data-code="sso_unavailable"' in answer.text
    assert 'name="password"' in answer.text


def returned(browser: Ask, back_to: str = "/leads") -> str:
    """Go to the provider, sign in there, and return the address that it sends the browser back to."""
    there = browser("GET", "/sign-in/sso", params={"next": back_to}).headers["location"]
    back = urlsplit(httpx.get(there).headers["location"])
    assert f"{back.scheme}://{back.netloc}" == OURS
    return f"{back.path}?{back.query}"
