"""Leads that can be scored by every rung, and a client that times the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import open_engine, session_factory, transaction
from crm_store.repositories.scores.log import ScoreRow, append_scores
from crm_store.repositories.scores.shadows import append_pairs
from crm_store.repositories.writes.records import write_record
from crm_store.rules.engine import RuleBook
from crm_store.services.access import create_api_key
from features import online
from features.catalog import entity_named, features_of
from features.online_rows.redis_rows import RedisRows
from features.online_rows.rows import Rows
from features.online_rows.sqlite_rows import SqliteRows
from features.store import OnlineRows
from serving.app import create_app
from serving.champions import FileChampions, bundle_loader
from serving.deps import ServingDeps
from serving.ladder import RuleSource
from serving.records import StoreRecords
from serving.shadow import Pair, Shadow
from serving.workers import Worker
from tests.unit.serving.fakes import FakeScorer
from training.bundle import SHADOW, promote
from training.bundle.champions import cast_shadow

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
RULES = {"lead_health": "lead_health", "account_churn": "account_risk", "lead_match": "lead_match"}
MODELS = (*RULES, "account_renewal")
# One lead with online features, and one whose features have to be computed from its records.
SEEN, NEW = "lea_seen", "lea_new"
ACCOUNT, REP = "acc_seen", "rep_seen"


class Clock:
    """Monotonic seconds that also go on when told."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@dataclass(frozen=True)
class Reader:
    """Online features as they are read for requests."""

    rows: Rows

    def online(self, entity: str, ids: Sequence[str]) -> OnlineRows:
        names = [feature.name for feature in features_of(entity)]
        found = online.read(self.rows, entity_named(entity), ids, names)
        return OnlineRows([values for values, _ in found], [at for _, at in found])


@dataclass
class Told:
    """One answer: how long it took, and what it says of each lead."""

    seconds: float
    results: list[dict[str, Any]]

    @property
    def rungs(self) -> list[str | None]:
        """Return who answered for each lead; None for a lead without a score."""
        return [result["score"] and result["score"]["rung"] for result in self.results]

    def score(self, place: int = 0) -> dict[str, Any]:
        result = self.results[place]
        assert result["error"] is None, result["error"]
        return dict(result["score"])

    def match(self) -> dict[str, Any]:
        """Return whom the one lead should go to."""
        (result,) = self.results
        assert result["error"] is None, result["error"]
        return dict(result["match"])


@dataclass
class Company:
    """An app over its stores; ``keep_pairs`` is where the challenger's scores go."""

    engine: Engine
    sessions: sessionmaker[Session]
    reader: Reader
    models: Path
    key: str
    clock: Clock = field(default_factory=Clock)
    loading: Worker = field(default_factory=lambda: Worker("loading"))
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    @classmethod
    @contextmanager
    def opened(cls, url: str, rows: Rows, models: Path) -> Iterator[Self]:
        """Fill the stores, promote a champion and a challenger, and answer once."""
        engine = open_engine(url)
        sessions = session_factory(engine)
        with transaction(sessions) as session:
            _fill(session)
            key = create_api_key(session, "dependencies", {"score"}, NOW - timedelta(days=1))
        for entity, one, known in (
            ("lead", SEEN, {"lead_chats_30d": 3.0, "lead_channel": "官网", "lead_region": "浙江"}),
            ("account", ACCOUNT, {"account_chats_30d": 2.0, "account_days_to_expiry": 60.0}),
            ("rep", REP, {"rep_team": "tea_1", "rep_open_leads": 4.0, "rep_wins_90d": 2.0}),
        ):
            values = dict.fromkeys(feature.name for feature in features_of(entity)) | known
            online.push(rows, entity_named(entity), {one: (values, NOW - timedelta(hours=1))})
        first, second = sorted(folder.name for folder in (models / "lead_health").iterdir())
        promote(models, "lead_health", first)
        for model in set(MODELS) - {"lead_health"}:
            (only,) = (models / model).iterdir()
            promote(models, model, only.name)
        cast_shadow(models, "lead_health", second)
        company = cls(engine, sessions, Reader(rows), models, key)
        try:
            company.start()
            yield company
        finally:
            company.close()
            rows.close()

    def close(self) -> None:
        """End what runs."""
        self.shadow.close()
        self.runner.close()
        self.loading.close()
        self.engine.dispose()

    def start(self) -> None:
        """Build the app, and let what is slow load."""
        load = bundle_loader(self.models, {})
        self.champions = FileChampions(self.models, load, MODELS, self.loading, self.clock)
        shadow_load = bundle_loader(self.models, {}, SHADOW)
        challengers = FileChampions(
            self.models, shadow_load, tuple(RULES), self.loading, self.clock, pointer=SHADOW
        )
        self.shadow = Shadow(challengers, self.keep_pairs)
        self.champions.refresh()
        self.app: FastAPI = create_app(self._deps())
        self.ask(SEEN)
        self.ask_risk()
        self.ask_match()

    def keep_pairs(self, model: str, pairs: Sequence[Pair]) -> None:
        with transaction(self.sessions) as session:
            append_pairs(session, model, [(one.entity_id, one.live, one.shadow) for one in pairs], NOW)

    def ask(self, *ids: str) -> Told:
        """Score leads over HTTP, in process."""
        return self.runner.run(self._ask("/v1/leads/score", ids))

    def ask_risk(self) -> Told:
        """Ask whether the account will be lost, and when."""
        return self.runner.run(self._ask("/v1/accounts/risk", [ACCOUNT]))

    def ask_match(self) -> Told:
        """Ask whom the lead should go to."""
        return self.runner.run(self._ask("/v1/leads/match", [SEEN]))

    async def _ask(self, path: str, ids: Sequence[str]) -> Told:
        headers = {"Authorization": f"Bearer {self.key}"}
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            started = time.perf_counter()
            response = await client.post(path, json={"ids": list(ids)})
            seconds = time.perf_counter() - started
        assert response.status_code == 200, response.text
        return Told(seconds, response.json()["results"])

    def _deps(self) -> ServingDeps:
        book = RuleBook.shipped()
        scorers = {model: book.scorer(name) for model, name in RULES.items()}
        return ServingDeps(
            records=StoreRecords(self.sessions),
            champions=self.champions,
            online=lambda: self.reader,
            rules={model: RuleSource(scorer, scorer.document.signals) for model, scorer in scorers.items()},
            clock=lambda: NOW,
            monotonic=self.clock,
            observe=self.shadow,
        )


def file_rows(folder: Path) -> Rows:
    """Online features in a file."""
    return SqliteRows(folder / "online.db")


def redis_rows(url: str) -> Rows:
    """Online features in Redis."""
    return RedisRows(url)


def _fill(session: Session) -> None:
    for lead in (SEEN, NEW):
        values = {"company": "测试公司", "channel": "官网", "created_at": NOW - timedelta(days=5)}
        origin = {"source": "crm", "external_id": lead}
        at = NOW - timedelta(days=5)
        write_record(
            session, "lead", lead, origin | values, actor="job:test", reason="test", recorded_at=at, now=at
        )
    for entity, one in (("account", ACCOUNT), ("rep", REP)):
        named = {"source": "crm", "external_id": one, "name": "测试"}
        write_record(session, entity, one, named, actor="job:test", reason="test", recorded_at=at, now=at)
    last = FakeScorer("model", "before").score([{"lead_chats_30d": 77.0}], NOW - timedelta(hours=3))[0]
    rows = [ScoreRow(lead, last, 1.0) for lead in (SEEN, NEW)]
    append_scores(session, "lead_health", rows, scored_at=NOW - timedelta(hours=3))
