"""A worker that is killed in the middle of its work loses nothing."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest

from crm_store.repositories.history.consumers import FRESH, standing
from tests.integration.fresh.fresh_home import Home, activity
from tests.sizes import full

LEADS = tuple(f"lea_{n}" for n in range(5))
KILLS, EVENTS = full(3, 20), 30
DEADLINE = 60.0


def test_nothing_is_lost_through_kills_under_load(sqlite_home: Home) -> None:
    home, born = sqlite_home, datetime.now(UTC) - timedelta(days=2)
    for one in LEADS:
        home.write("lead", one, {"created_at": born, "company": one}, born)
    random, number = Random(5), 0
    home.runtime.features.rows.close()
    for _ in range(KILLS):
        with _worker(home) as process:
            before = _events(home)
            for _ in range(EVENTS):
                number += 1
                now = datetime.now(UTC)
                home.add([activity(number, now, lead_id=random.choice(LEADS))])
            least = before + random.randrange(1, EVENTS)
            _wait_until(partial(_reached, home, least))
            process.kill()
    with _worker(home):
        _wait_until(partial(_reached, home, number + len(LEADS)))
    total = 0.0
    for one in LEADS:
        values, as_of = home.online("lead", one)
        assert as_of is not None
        assert values == pytest.approx(home.recomputed("lead", one, as_of))
        total += float((values or {})["lead_chats_all"])
    assert total == number


@contextmanager
def _worker(home: Home) -> Iterator["subprocess.Popen[bytes]"]:
    settings = home.runtime.settings
    own = {"LEADPULSE_HOME": str(settings.folder), "LEADPULSE_DATABASE_URL": settings.database_url}
    command = [sys.executable, "-m", "tests.integration.fresh.killed_worker"]
    with subprocess.Popen(command, env=os.environ | own | {"TZ": "UTC"}) as process:
        try:
            yield process
        finally:
            process.kill()


def _events(home: Home) -> int:
    with home.runtime.sessions() as session:
        found = standing(session, FRESH)
    return found.events if found else 0


def _reached(home: Home, events: int) -> bool:
    return _events(home) >= events


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < deadline, "the worker does not come"
        time.sleep(0.01)
