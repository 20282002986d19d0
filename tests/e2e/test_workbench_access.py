"""Nobody gets past the door of the workbench, and nobody stays who must not."""

import http.client
import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from crm_store.database import transaction
from crm_store.repositories.access import users
from crm_store.repositories.writes.records import write_record
from crm_store.services.access import (
    LOCK_AFTER,
    change_account,
    disable_user,
    revoke_sessions,
    user_id_of,
)
from tests.e2e.workbench_fixtures import COOKIE, WAIT_MS, Workbench, give_password, sign_in, wait_alive
from tests.e2e.workbench_store import NOW, PASSWORD, USERS, lead_id

pytestmark = [pytest.mark.chromium, pytest.mark.xdist_group("workbench")]
expect.set_options(timeout=WAIT_MS)

MOMENT = timedelta(seconds=1)
PUT_OUT_MS = 5_000  # an open page may outlive its session by five seconds


def test_signing_in_leads_to_where_one_wanted_to_go(page: Page, workbench: Workbench) -> None:
    wanted = f"{workbench.origin}/leads?band=red"
    page.goto(wanted)
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    give_password(page, USERS[0], "not the password")
    expect(page.get_by_role("alert")).to_have_attribute("data-code", "sign_in_refused")
    expect(page.locator("#name")).to_have_value(USERS[0])
    give_password(page, USERS[0], PASSWORD)
    page.wait_for_url(wanted)


def test_five_wrong_passwords_lock_the_account(page: Page, workbench: Workbench) -> None:
    page.goto(f"{workbench.origin}/sign-in")
    for _ in range(LOCK_AFTER):
        give_password(page, "locked-out", "not the password")
        expect(page.get_by_role("alert")).to_contain_text("锁定")
    give_password(page, "locked-out", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("锁定")
    assert page.url == f"{workbench.origin}/sign-in"


def test_the_session_is_out_of_reach_of_scripts_and_other_sites(
    page: Page, context: BrowserContext, workbench: Workbench
) -> None:
    sign_in(page, workbench, USERS[0])
    cookie = next(cookie for cookie in context.cookies() if cookie.get("name") == COOKIE)
    assert cookie.get("httpOnly") is True
    assert cookie.get("sameSite") == "Strict"
    assert COOKIE not in page.evaluate("document.cookie")


def test_signing_out_ends_the_session_for_good(
    manager: Page, context: BrowserContext, workbench: Workbench
) -> None:
    kept = _cookies(context)
    assert httpx.get(f"{workbench.origin}/leads", cookies=kept).status_code == 200
    manager.get_by_role("button", name="退出").click()
    manager.wait_for_url("**/sign-in")
    answer = httpx.get(f"{workbench.origin}/leads", cookies=kept)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_a_revoked_session_is_put_out_of_an_open_page(page: Page, workbench: Workbench) -> None:
    sign_in(page, workbench, "put-out")
    with transaction(workbench.sessions) as session:
        user = next(user for user in users(session) if user.name == "put-out")
        revoke_sessions(session, user.id, NOW)
    page.wait_for_url(re.compile(r"/sign-in\?next=.*ended=1"), timeout=PUT_OUT_MS)
    expect(page.get_by_text("会话已结束")).to_be_visible()


def test_an_ended_session_gets_no_answer_from_a_click(
    page: Page, workbench: Workbench, context: BrowserContext
) -> None:
    sign_in(page, workbench, "put-out")
    page.goto(f"{workbench.origin}/leads/{lead_id(0)}")
    wait_alive(page)
    with transaction(workbench.sessions) as session:
        user = next(user for user in users(session) if user.name == "put-out")
        disable_user(session, user.id, NOW + timedelta(seconds=1))
    # At once, without waiting for the button: the watch over ended sessions may have closed the page already.
    page.evaluate("document.querySelector('button.lp-reason')?.click()")
    page.wait_for_url(re.compile("/sign-in"), timeout=PUT_OUT_MS)
    assert page.locator(".lp-evidence").count() == 0
    assert httpx.get(f"{workbench.origin}/leads", cookies=_cookies(context)).status_code == 303


def test_a_new_role_signs_an_open_page_out(page: Page, workbench: Workbench) -> None:
    sign_in(page, workbench, "demoted")
    with transaction(workbench.sessions) as session:
        change_account(session, user_id_of(session, "demoted"), {"role": "scientist"}, NOW + MOMENT)
    page.wait_for_url(re.compile(r"/sign-in\?next=.*ended=1"), timeout=PUT_OUT_MS)
    give_password(page, "demoted", PASSWORD)
    page.wait_for_url(f"{workbench.origin}/leads")


def test_an_open_page_does_not_outlive_the_role_that_opened_it(page: Page, workbench: Workbench) -> None:
    """Whoever changes the role, and though the session goes on: who is no salesperson sees no leads."""
    sign_in(page, workbench, "moved")
    expect(page.locator(".lp-table")).to_be_visible()
    _write_role(workbench, "moved", "rep")
    expect(page.locator(".lp-table")).to_have_count(0, timeout=PUT_OUT_MS)
    assert page.goto(f"{workbench.origin}/leads").status == 403  # type: ignore[union-attr]


def test_a_click_after_the_role_has_changed_gets_no_answer(page: Page, workbench: Workbench) -> None:
    sign_in(page, workbench, "promoted")
    page.goto(f"{workbench.origin}/leads/{lead_id(0)}")
    wait_alive(page)
    page.evaluate("window.opened = 'by a manager'")
    _write_role(workbench, "promoted", "rep")
    # At once: the watch over changed roles may have closed the page already.
    page.evaluate("document.querySelector('button.lp-reason')?.click()")
    page.wait_for_function("window.opened === undefined", timeout=PUT_OUT_MS)
    assert page.locator(".lp-evidence").count() == 0


def test_sockets_open_only_for_own_pages_with_a_session(
    manager: Page, context: BrowserContext, workbench: Workbench
) -> None:
    own, cookies = workbench.origin, _cookies(context)
    page_id = manager.evaluate("window.clientId")
    assert _upgrade(own, page_id, {"Origin": own, "Cookie": _header(cookies)}) == 101
    assert _upgrade(own, page_id, {"Origin": "https://evil.example", "Cookie": _header(cookies)}) == 403
    assert _upgrade(own, page_id, {"Origin": "null", "Cookie": _header(cookies)}) == 403
    assert _upgrade(own, page_id, {"Cookie": _header(cookies)}) == 403
    assert _upgrade(own, page_id, {"Origin": own}) == 403
    assert _upgrade(own, page_id, {"Origin": own, "Cookie": f"{COOKIE}=made-up"}) == 403
    assert _upgrade(own, None, {"Origin": own, "Cookie": _header(cookies)}) == 403


def test_a_socket_cannot_speak_for_another_persons_page(
    manager: Page, workbench: Workbench, chromium: Browser
) -> None:
    """Someone with a session of their own, who has learnt the id of the manager's page, gets nowhere."""
    page_id = manager.evaluate("window.clientId")
    with chromium.new_context(locale="zh-CN") as stranger_context:
        stranger = stranger_context.new_page()
        sign_in(stranger, workbench, USERS[0])
        answer = stranger.evaluate(_SPEAK_FOR, page_id)
    assert answer == {"own": "refused", "claimed": "refused"}
    wait_alive(manager)
    expect(manager.locator("#popup")).to_have_attribute("aria-hidden", "true")


def test_a_page_from_elsewhere_cannot_post(
    workbench: Workbench, context: BrowserContext, manager: Page
) -> None:
    cookies = _cookies(context)
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = httpx.post(f"{workbench.origin}/sign-out", cookies=cookies, headers=headers)
        assert answer.status_code == 403
    assert httpx.get(f"{workbench.origin}/leads", cookies=cookies).status_code == 200


def test_nothing_is_public_but_the_door(workbench: Workbench) -> None:
    static = httpx.get(f"{workbench.origin}/sign-in").text
    assert re.search(r"/static/workbench\.css\?v=[0-9a-f]{12}", static)
    for path in ("/sign-in", "/livez", "/static/workbench.css"):
        assert httpx.get(workbench.origin + path).status_code == 200
    for path in ("/", "/leads", "/accounts", "/accounts/x", "/nothing"):
        assert httpx.get(workbench.origin + path).status_code == 303
    for path in ("/_nicegui/3/static/nicegui.js", "/_nicegui/auto/static/x/y"):
        assert httpx.get(workbench.origin + path).status_code == 401


def test_a_link_from_a_message_finds_the_session(manager: Page, workbench: Workbench) -> None:
    """The cookie stays behind when another site links here: the first answer steps on from our own side."""
    link = f"{workbench.origin}/leads?band=red"
    manager.route(
        "https://chat.example/**",
        lambda route: route.fulfill(body=f'<a href="{link}">go</a>', content_type="text/html"),
    )
    manager.goto("https://chat.example/message")
    manager.click("a")
    manager.wait_for_url(link)
    expect(manager.locator(".lp-table")).to_be_visible()


def _write_role(workbench: Workbench, name: str, role: str) -> None:
    with transaction(workbench.sessions) as session:
        user_id, at = user_id_of(session, name), NOW + MOMENT
        write_record(session, "user", user_id, {"role": role}, actor="job:hr", recorded_at=at, now=at)


def _cookies(context: BrowserContext) -> dict[str, str]:
    return {str(cookie.get("name")): str(cookie.get("value")) for cookie in context.cookies()}


def _header(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _upgrade(origin: str, page_id: str | None, headers: Mapping[str, str]) -> int:
    """Ask for a WebSocket as a client of one's own making would, and return the HTTP status."""
    address = urlsplit(origin)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=20)
    query = "EIO=4&transport=websocket" + (f"&client_id={page_id}" if page_id else "")
    opening = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    try:
        connection.request("GET", f"/_nicegui_ws/socket.io/?{query}", headers=opening | dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


_SPEAK_FOR = """async (pageId) => {
  const speak = (query, shake) => new Promise((done) => {
    const socket = io(location.origin.replace("http", "ws"), {
      path: "/_nicegui_ws/socket.io", query, transports: ["websocket"], forceNew: true, reconnection: false,
    });
    socket.on("connect_error", () => { socket.close(); done("refused"); });
    socket.on("connect", () => {
      if (!shake) { socket.close(); return done("accepted"); }
      socket.emit("handshake", { client_id: pageId, tab_id: "t", document_id: "d" }, (ok) => {
        socket.close();
        done(ok ? "accepted" : "refused");
      });
    });
  });
  const mine = { client_id: window.clientId, tab_id: "t2", document_id: "d2" };
  return {
    own: await speak({ client_id: pageId, implicit_handshake: false }, false),
    claimed: await speak({ ...mine, implicit_handshake: false }, true),
  };
}"""
