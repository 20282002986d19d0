"""A small company in memory, with every part that can be broken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import httpx

from crm_store.domain.scores import Reason, Score, band_of
from crm_store.repositories.candidates import Field, Standing
from serving.app import create_app
from serving.champions import Absent, Champion
from serving.deps import ServingDeps, ServingLimits
from serving.gate import GateLimits
from serving.ladder import LadderLimits, RuleSource
from serving.ports import CursorRefusedError, ListFilter, PastScore, RankedPage, Subject, Viewer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = "lp_both"
READ_KEY = "lp_read"
SCORE_KEY = "lp_score"
LEADS = tuple(f"lea_{n:03d}" for n in range(1, 8))
REPS = (
    Standing("rep_1", "甲", "tea_1", 3, None),
    Standing("rep_2", "乙", "tea_1", 5, None),
    Standing("rep_3", "丙", "tea_1", 5, NOW + timedelta(days=2)),
    Standing("rep_4", "丁", "tea_1", 500, None),
    Standing("rep_5", "戊", "tea_2", 0, None),
)
ACCOUNTS = ("acc_001", "acc_002")


class BrokenError(Exception):
    """What a broken part raises; its words must never reach a client."""


@dataclass
class FakeScorer:
    """Gives every row the value of its ``lead_chats_30d`` (or 40), and one reason for and one against."""

    source: str
    version: str
    broken: bool = False
    refuses: float | None = None
    held: Event | None = None
    rows: list[Mapping[str, object]] = field(default_factory=list)
    reasons: tuple[Reason, ...] = (
        Reason("lead_chats_30d", None, 12.342),
        Reason("lead_last_interaction_h", 80.0, -4.0, ("80 小时没有互动", "no interaction for 80 hours")),
        Reason("rule:base", None, 0.0, ("提示", "a note")),
    )

    def score(self, signals: Sequence[Mapping[str, object]], as_of: datetime) -> list[Score]:
        if self.broken:
            raise BrokenError("secret of the scorer")
        if self.held is not None:
            self.held.wait(20)
        self.rows.extend(signals)
        return [self._score(row, as_of) for row in signals]

    def compare(self, signals: Sequence[Mapping[str, object]], as_of: datetime) -> tuple[list[Score], float]:
        """Score, and say that the mean chance is the mean."""
        scores = self.score(signals, as_of)
        return scores, sum(score.probability or 0.0 for score in scores) / len(scores)

    def _score(self, row: Mapping[str, object], as_of: datetime) -> Score:
        chats = row.get("lead_chats_30d")
        if self.refuses is not None and chats == self.refuses:
            raise BrokenError("secret of the row")
        value = 40.0 if chats is None else float(str(chats))
        own = {"lead_chats_30d": chats if chats is None else value}
        reasons = tuple(replace(one, value=own.get(one.feature, one.value)) for one in self.reasons)
        return Score(value, band_of(value), value / 100, reasons, self.source, self.version, as_of)  # type: ignore[arg-type]


@dataclass
class Rows:
    values: list[dict[str, object] | None]
    as_of: list[datetime | None]


@dataclass
class FakeOnline:
    """An online store; ``held`` makes reads hang until it is set free."""

    rows: dict[str, tuple[dict[str, object], datetime]]
    broken: bool = False
    held: bool = False
    free: Event = field(default_factory=Event)
    reads: int = 0

    def online(self, entity: str, ids: Sequence[str], features: Sequence[str] | None = None) -> Rows:
        self.reads += 1
        if self.held:
            self.free.wait(20)
        if self.broken:
            raise BrokenError("secret of the online store")
        found = [self.rows.get(entity_id) for entity_id in ids]
        return Rows([row and row[0] for row in found], [row and row[1] for row in found])


@dataclass
class FakeRecords:
    """A record store; a name in ``broken`` is a method that raises, and ``all`` breaks every one."""

    broken: set[str] = field(default_factory=set)
    keys: dict[str, frozenset[str]] = field(
        default_factory=lambda: {
            KEY: frozenset({"score", "read"}),
            READ_KEY: frozenset({"read"}),
            SCORE_KEY: frozenset({"score"}),
        }
    )
    created_at: dict[str, datetime] = field(default_factory=dict)
    past: dict[str, PastScore] = field(default_factory=dict)
    given: dict[str, list[PastScore]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.broken or "all" in self.broken:
            raise BrokenError("secret of the store")

    def ping(self) -> None:
        self._call("ping")

    def viewer_of_key(self, key: str, now: datetime) -> Viewer | None:
        self._call("viewer_of_key")
        if key not in self.keys:
            return None
        return Viewer(None, key, "service", scopes=frozenset(self.keys[key]), way="api")

    def seen_by(self, viewer: Viewer) -> FakeRecords:
        """Everybody sees everything here; ``tests/integration/policy`` is about who sees what."""
        return self

    def scorable(self, entity: str, ids: Sequence[str]) -> set[str]:
        self._call("scorable")
        return set(ids)

    def visit_records(
        self, account_id: str, since: datetime, until: datetime, words: Sequence[str]
    ) -> dict[str, list[dict[str, Any]]]:
        self._call("visit_records")
        return {"service": [], "open_issues": [], "notes": []}

    def source_rows(self, source: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        self._call("source_rows")
        return [dict(row) for row in rows]

    def subjects(self, entity: str, ids: Sequence[str]) -> dict[str, Subject]:
        self._call("subjects")
        known = LEADS if entity == "lead" else ACCOUNTS
        money = None if entity == "lead" else 480_000.0
        day = NOW - timedelta(days=5)
        return {i: Subject(self.created_at.get(i, day), money) for i in ids if i in known}

    def record(self, entity: str, record_id: str) -> dict[str, Any] | None:
        self._call("record")
        known = LEADS if entity == "lead" else ACCOUNTS
        return {"company": "测试公司", "phone": "138****0000"} if record_id in known else None

    def latest(self, model: str, ids: Sequence[str]) -> dict[str, PastScore]:
        self._call("latest")
        return {i: self.past[i] for i in ids if i in self.past}

    def score_history(self, model: str, entity_id: str, limit: int) -> list[PastScore]:
        self._call("score_history")
        return [self.past[entity_id]] if entity_id in self.past else []

    def score_at(self, model: str, entity_id: str, moment: datetime) -> PastScore | None:
        self._call("score_at")
        known = [past for past in self.given.get(entity_id, []) if past.score.as_of <= moment]
        return max(known, key=lambda past: past.score.as_of, default=None)

    def ranked(self, model: str, wanted: ListFilter, limit: int, cursor: str | None) -> RankedPage:
        """Ids are the cursors; leads are ranked by id, and lea_001 and lea_002 are red."""
        self._call("ranked")
        ids = list(LEADS if model == "lead_health" else ACCOUNTS)
        rows = [ranked_row(i) for i in ids]
        rows = [row for row in rows if wanted.band in (None, row["band"])]
        rows = [row for row in rows if wanted.search is None or wanted.search in row["title"]]
        if cursor is not None:
            if cursor not in ids:
                raise CursorRefusedError
            rows = [row for row in rows if row["id"] > cursor]
        more = len(rows) > limit
        return RankedPage(
            rows[:limit], rows[limit - 1]["id"] if more else None, None if cursor else len(rows)
        )

    def candidates(self, lead_ids: Sequence[str], now: datetime) -> Field:
        self._call("candidates")
        return Field(REPS, {i: "浙江" for i in lead_ids if i in LEADS}, {"浙江": frozenset({"tea_1"})})

    def history(self, entity: str, entity_id: str, sources: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        self._call("history")
        return {name: rows for name, rows in history_of(entity_id).items() if name in sources}


def ranked_row(entity_id: str) -> dict[str, Any]:
    red = entity_id in ("lea_001", "lea_002")
    return {
        "id": entity_id,
        "title": f"公司 {entity_id}",
        "value": 20.0 if red else 95.0,
        "band": "red" if red else "green",
        "probability": 0.2,
        "source": "model",
        "owner_id": None,
        "region": "华东",
        "money": None,
        "scored_at": NOW,
    }


def history_of(lead_id: str) -> dict[str, list[dict[str, Any]]]:
    """Two chats of the lead, one of another lead, and its state."""
    state: dict[str, Any] = dict.fromkeys(
        (
            "status",
            "owner_id",
            "account_id",
            "channel",
            "campaign",
            "industry",
            "region",
            "city",
            "need",
            "title",
        )
    )
    at = NOW - timedelta(days=5)
    state |= {"lead_id": lead_id, "record_id": f"{lead_id}@1", "version": 1.0, "occurred_at": at}
    state |= {"recorded_at": at, "created_at": at, "closed_at": None, "expected_volume": None}
    state |= {"has_company": 1.0, "has_phone": 1.0, "has_contact_name": 1.0}
    return {
        "lead_states": [state],
        "activities": [chat("act_1", lead_id, 3), chat("act_2", lead_id, 1), chat("act_3", "lea_other", 1)],
    }


def chat(record_id: str, lead_id: str, days_ago: float) -> dict[str, Any]:
    at = NOW - timedelta(days=days_ago)
    keys = {"record_id": record_id, "lead_id": lead_id, "account_id": None, "rep_id": None}
    return keys | {
        "channel": "chat",
        "direction": "in",
        "duration_s": None,
        "text": "询价",
        "occurred_at": at,
        "recorded_at": at,
    }


@dataclass
class FakeChampions:
    standing: dict[str, Champion | Absent]

    def current(self, model: str) -> Champion | Absent:
        return self.standing[model]


class Ticks:
    """Monotonic seconds that only move when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """The parts, whole to begin with."""

    records: FakeRecords = field(default_factory=FakeRecords)
    online: FakeOnline = field(
        default_factory=lambda: FakeOnline(
            {i: ({"lead_chats_30d": float(10 * n)}, NOW) for n, i in enumerate((*LEADS, *ACCOUNTS), start=1)}
        )
    )
    online_loaded: bool = True
    model: FakeScorer = field(default_factory=lambda: FakeScorer("model", "model-1"))
    rules: FakeScorer = field(default_factory=lambda: FakeScorer("rules", "rules:1"))
    champions: FakeChampions = field(init=False)
    ticks: Ticks = field(default_factory=Ticks)
    request_timeout: float = 10.0

    def __post_init__(self) -> None:
        horizon = timedelta(days=30)
        self.champions = FakeChampions(
            {
                "lead_health": Champion(self.model, "model-1", horizon),
                "account_churn": Champion(self.model, "model-1"),
                "account_renewal": Absent("no_champion"),
                "lead_match": Champion(self.model, "model-1"),
            }
        )

    def absent(self, code: str) -> None:
        """Take the champions away."""
        self.champions.standing = dict.fromkeys(self.champions.standing, Absent(code))  # type: ignore[arg-type]

    def remember(self, entity_id: str, hours: float) -> None:
        """Put a score into the log, given some hours ago."""
        at = NOW - timedelta(hours=hours)
        score = self.model._score({"lead_chats_30d": 77.0}, at)
        self.records.past[entity_id] = PastScore(replace(score, version="model-0"), at)

    def deps(self) -> ServingDeps:
        rules = RuleSource(self.rules, ("lead_chats_30d", "lead_has_company"))
        return ServingDeps(
            records=self.records,
            champions=self.champions,
            online=lambda: self.online if self.online_loaded else None,
            rules={
                "lead_health": rules,
                "lead_match": rules,
                "account_churn": RuleSource(self.rules, ("account_chats_30d",)),
            },
            clock=lambda: NOW,
            monotonic=self.ticks,
            limits=ServingLimits(
                self.request_timeout,
                GateLimits(base=0.2, per_row=0.0, failures=2, rest=5.0),
                LadderLimits(fresh=timedelta(hours=48)),
            ),
        )

    def client(self) -> Caller:
        return Caller(self)


class Caller:
    """Calls one app in process, without sockets; each call runs to its end."""

    def __init__(self, world: World) -> None:
        self.app = create_app(world.deps())

    def __call__(self, method: str, path: str, *, key: str | None = KEY, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", None) or {})
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        return asyncio.run(self._call(method, path, headers, options))

    async def _call(self, method: str, path: str, headers: dict[str, str], options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self("GET", path, **options)

    def score(self, *ids: str, **options: Any) -> list[dict[str, Any]]:
        """Score leads and return the results; fails unless the request as a whole succeeded."""
        response = self("POST", "/v1/leads/score", json={"ids": list(ids)}, **options)
        assert response.status_code == 200, response.text
        results: list[dict[str, Any]] = response.json()["results"]
        return results

    def one(self, entity_id: str, **options: Any) -> dict[str, Any]:
        """Score one lead and return its score."""
        (result,) = self.score(entity_id, **options)
        assert result["error"] is None
        score: dict[str, Any] = result["score"]
        return score
