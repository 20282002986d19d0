"""A workbench in a process of its own, over made-up records, and Chromium to look at it with."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import open_engine, session_factory, transaction
from crm_store.services.access import sign_in as open_session
from tests.e2e.workbench_store import NOW, PASSWORD, USERS, add_many_scores, build_store

COOKIE = "leadpulse"
WAIT_MS = 20_000
_START_TRIES = 7  # connection attempts, each after twice the wait of the one before
_QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@dataclass(frozen=True)
class Workbench:
    """A running workbench: its address, and its store to act on behind its back."""

    origin: str
    sessions: sessionmaker[Session]


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """200 leads and 60 accounts."""
    folder = tmp_path_factory.mktemp("workbench")
    url = f"sqlite:///{folder / 'store.db'}"
    build_store(url)
    with serving(url, folder) as running:
        yield running


@pytest.fixture(scope="session")
def long_workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """100,000 leads in the list, and next to no records."""
    folder = tmp_path_factory.mktemp("long-workbench")
    url = f"sqlite:///{folder / 'store.db'}"
    build_store(url, leads=2, accounts=1)
    add_many_scores(url, 100_000)
    with serving(url, folder) as running:
        yield running


@pytest.fixture(scope="module")
def chromium(require: Callable[[str], str]) -> Iterator[Browser]:
    """Debian's browser, for one module: while it is open, no test of this process can run an event loop."""
    path = require("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_QUIET)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh Chinese browser window, nobody signed in. A problem in a page's script fails the test."""
    opened = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    opened.set_default_timeout(WAIT_MS)
    broken: list[str] = []
    opened.on("weberror", lambda error: broken.append(str(error.error)))
    yield opened
    opened.close()
    assert not broken, broken


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab of the fresh window."""
    return context.new_page()


@pytest.fixture
def manager(page: Page, workbench: Workbench) -> Page:
    """The sales manager's tab, signed in, on the list of leads."""
    with transaction(workbench.sessions) as session:
        token = open_session(session, USERS[0], PASSWORD, NOW)
    assert isinstance(token, str)
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": workbench.origin, "httpOnly": True}])
    page.goto(f"{workbench.origin}/leads")
    wait_alive(page)
    return page


def sign_in(page: Page, at: Workbench, name: str) -> Page:
    """Sign in and wait for the leads."""
    page.goto(f"{at.origin}/leads")
    give_password(page, name, PASSWORD)
    page.wait_for_url(f"{at.origin}/leads")
    wait_alive(page)
    return page


def give_password(page: Page, name: str, password: str) -> None:
    """Fill in the sign-in form and send it."""
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("form button")


def wait_alive(page: Page) -> None:
    """Wait until the page's socket stands, so that what is clicked reaches the server."""
    page.wait_for_function("window.did_handshake === true")


@contextmanager
def serving(url: str, folder: Path) -> Iterator[Workbench]:
    """Run the workbench over a store until the block ends."""
    origin = f"http://127.0.0.1:{(port := _free_port())}"
    command = [sys.executable, "-m", "tests.e2e.workbench_server", url, str(port)]
    engine = open_engine(url)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TZ": "UTC"},
            cwd=Path(__file__).parents[2],
        )
        try:
            _wait_ready(origin, folder / "server.log")
            yield Workbench(origin, session_factory(engine))
        finally:
            process.terminate()
            process.wait(timeout=20)
            engine.dispose()


def _wait_ready(origin: str, log: Path) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=_START_TRIES), timeout=60) as client:
        try:
            client.get(f"{origin}/livez").raise_for_status()
        except httpx.HTTPError as error:
            pytest.fail(f"the workbench did not start ({error}): {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
