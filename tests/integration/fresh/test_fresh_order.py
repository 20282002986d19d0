"""Late, shuffled and repeated events end in the same features and score as events in order."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from crm_store.database import transaction
from crm_store.models import FeedConsumer, OrderSnapshot
from crm_store.repositories.scores import log as scores
from pipelines.fresh.worker import Pace, Worker
from tests.integration.fresh.fresh_home import MINUTE, T0, Home, activity
from tests.sizes import full

LEADS, ACCOUNTS = ("lea_1", "lea_2"), ("acc_1", "acc_2")
END = T0 + timedelta(hours=1)
CHANNELS = ("chat", "call", "site", "download", "search")


@settings(max_examples=full(4, 200), deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_any_order_of_events_ends_in_the_same(migrated_sqlite: Path, data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 10**6), "seed")
    events = _events(Random(seed), data.draw(st.integers(1, 30), "size"))
    shuffled = list(events)
    data.draw(st.randoms(use_true_random=False), "order").shuffle(shuffled)
    pieces = data.draw(st.integers(1, 7), "pieces")

    in_order = _told(migrated_sqlite, events, len(events), batch=1_000)
    out_of_order = _told(migrated_sqlite, shuffled, pieces, batch=data.draw(st.integers(1, 5), "batch"))
    assert out_of_order == in_order


def _told(migrated_sqlite: Path, events: list[dict[str, Any]], piece: int, batch: int) -> dict[str, Any]:
    """Return what stands in the end: rows and scores, and the rows as the plain engine has them."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copyfile(migrated_sqlite, folder / "crm.db")
        home = Home(folder, f"sqlite:///{folder / 'crm.db'}")
        home.worker = Worker(home.runtime, home.clock, Pace(batch=batch))
        try:
            return _run(home, events, piece)
        finally:
            home.close()


def _run(home: Home, events: list[dict[str, Any]], piece: int) -> dict[str, Any]:
    for one in LEADS:
        home.write(
            "lead", one, {"created_at": T0 - timedelta(days=9), "company": one, "campaign": "展会"}, T0
        )
    for one in ACCOUNTS:
        home.write("account", one, {"created_at": T0 - timedelta(days=99), "name": one}, T0)
    home.clock.now = T0 + timedelta(minutes=1)
    for start in range(0, len(events), piece):
        home.add(_fact(**event) for event in events[start : start + piece])
        home.catch_up()
    _repeat_everything(home)
    home.clock.now = END
    home.add([activity(9_000 + n, END, lead_id=one) for n, one in enumerate(LEADS)])
    home.add([activity(9_100 + n, END, account_id=one) for n, one in enumerate(ACCOUNTS)])
    home.clock.now = END + timedelta(seconds=1) - timedelta(milliseconds=1)
    still = home.clock.now

    home.worker._recompute._clock = lambda: still + timedelta(seconds=1)  # type: ignore[union-attr]
    home.catch_up()
    told: dict[str, Any] = {}
    for entity, ids in (("lead", LEADS), ("account", ACCOUNTS)):
        for one in ids:
            values, as_of = home.online(entity, one)
            assert as_of is not None
            assert values == pytest.approx(home.recomputed(entity, one, as_of)), one
            told[one] = values, as_of
    with home.runtime.sessions() as session:
        found = scores.latest(session, "lead_health", LEADS)
    return told | {f"{one} score": (kept.score.value, kept.score.band) for one, kept in found.items()}


def _repeat_everything(home: Home) -> None:
    """Let the worker find a cursor from before its first event, as after a kill."""
    home.worker.leave()
    with transaction(home.runtime.sessions) as session:
        session.execute(update(FeedConsumer).values(cursor=None))
    home.catch_up()


def _events(random: Random, size: int) -> list[dict[str, Any]]:
    """Facts known at one moment that happened at any time before, some twice corrected."""
    events = []
    for number in range(size):
        lead, account = random.choice([*LEADS, None]), random.choice(ACCOUNTS)
        events.append(
            {
                "number": number,
                "at": T0 - random.choice((1, 5, 29, 31, 200)) * timedelta(days=1) + number * MINUTE,
                "order": lead is None and random.random() < 0.5,
                "lead_id": lead,
                "account_id": account if lead is None else None,
                "channel": random.choice(CHANNELS),
                "text": random.choice(("预算不足", "竞品对比", None)),
            }
        )
    return events


def _fact(number: int, at: datetime, order: bool, **values: Any) -> Any:
    if not order:
        return activity(number, at, recorded_at=T0, **values)
    return OrderSnapshot(
        id=f"ord_{number}",
        source="erp",
        external_id=f"ord_{number}",
        account_id=values["account_id"],
        occurred_at=at,
        recorded_at=T0,
        amount=100.0 + number,
    )
