"""Made-up records for the browser tests: companies, people and everything they did are invented."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from crm_store.database import migrate, open_engine, session_factory, transaction
from crm_store.domain.ids import stable_id
from crm_store.domain.scores import Reason, Score, band_of
from crm_store.models import Activity, OrderSnapshot
from crm_store.repositories.scores.log import ScoreRow, append_scores
from crm_store.repositories.sources.event_log import entity_history
from crm_store.repositories.writes.bulk import load_facts, load_history
from crm_store.repositories.writes.records import get_record
from crm_store.services.access import create_user
from features.engines.python_engine import evaluate

NOW = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)  # 08:30 in Shanghai
SOURCE = "made-up"
PASSWORD = "pulse-of-the-lead-2026"
USERS = ("周经理", "locked-out", "put-out", "demoted", "moved", "promoted")

_REGIONS = ("华东", "华南", "华北", "西南", "华中")
_CITIES = {"华东": "苏州", "华南": "佛山", "华北": "保定", "西南": "绵阳", "华中": "襄阳"}
_REPS = ("林远山", "贺知秋", "罗一帆", "沈清和", "顾南乔", "唐一诺", "韩小满", "陆景明")
_FIRST = ("云栎", "晨禾", "启衡", "澄岳", "若木", "海砚", "星砾", "明溪", "松禾", "岚汀", "拓野", "青阙")
_LAST = ("骨科医院", "医疗器械有限公司", "康复中心", "检验所", "医药供应链有限公司", "口腔门诊部")
_NEEDS = ("骨科耗材", "检验试剂", "手术器械", "影像设备", "康复设备")
_CHANNELS = ("官网表单", "展会", "转介绍", "公众号", "电话营销")
_CHATS = ("请发一份报价单", "交期能不能提前两周", "我们在走招标流程", "预算还没有批下来", "样品收到了，谢谢")
_LEAD_FEATURES = (
    "lead_last_interaction_h", "lead_chats_30d", "lead_downloads_30d", "lead_dwell_max_30d_s",
    "lead_competitor_searches_30d", "lead_long_visits_30d", "lead_has_company",
)  # fmt: skip
_ACCOUNT_FEATURES = (
    "account_days_since_order", "account_order_recency_ratio", "account_tickets_open",
    "account_satisfaction_mean_180d", "account_risk_words_90d", "account_days_to_expiry", "account_chats_30d",
)  # fmt: skip


def build_store(url: str, leads: int = 200, accounts: int = 60) -> None:
    """Create a store with reps, leads, accounts, what happened to them, four rounds of scores, and users."""
    migrate(url)
    engine = open_engine(url)
    draw = random.Random(20260305)
    _records(engine, "rep", [_created("rep", n, {"name": name}, days=700) for n, name in enumerate(_REPS)])
    _records(engine, "account", [_created("account", n, _account(draw), days=500) for n in range(accounts)])
    _records(engine, "lead", list(_lead_versions(draw, leads)))
    _records(engine, "contract", [_contract(draw, n) for n in range(accounts)])
    _records(engine, "ticket", list(_ticket_versions(draw, accounts)))
    load_facts(engine, Activity, pa.Table.from_pylist(list(_activities(draw, leads, accounts))))
    load_facts(engine, OrderSnapshot, pa.Table.from_pylist(list(_orders(draw, accounts))))
    factory = session_factory(engine)
    with transaction(factory) as session:
        for name in USERS:
            create_user(session, name, PASSWORD, "manager", NOW - timedelta(days=30))
        scored_leads = [_subject(session, "lead", lead_id(n)) for n in range(leads)]
        scored_accounts = [_subject(session, "account", account_id(n)) for n in range(accounts)]
        for weeks_ago in (3, 2, 1, 0):
            at = NOW - timedelta(weeks=weeks_ago, hours=1)
            append_scores(session, "lead_health", [_lead_score(it, at) for it in scored_leads], scored_at=at)
            append_scores(
                session, "account_churn", [_account_score(it, at) for it in scored_accounts], scored_at=at
            )
    engine.dispose()


def add_many_scores(url: str, count: int) -> None:
    """Add current scores of ``count`` leads that have no records: what a list of that length is read from."""
    engine = open_engine(url)
    draw = random.Random(1)
    with transaction(session_factory(engine)) as session:
        rows = []
        for n in range(count):
            value = round(draw.triangular(2, 99, 62), 3)
            title = f"{draw.choice(_FIRST)}{draw.choice(_LAST)}{n:06d}"
            reason = Reason("lead_last_interaction_h", 48.0, value - 70)
            score = Score(value, band_of(value), value / 200, (reason,), "model", "v1", NOW)
            owner = stable_id("rep", SOURCE, str(n % len(_REPS)))
            rows.append(ScoreRow(f"many_{n:06d}", score, value, owner, draw.choice(_REGIONS), title))
        append_scores(session, "lead_health", rows, scored_at=NOW)
    engine.dispose()


def lead_id(number: int) -> str:
    """The id of the numbered lead."""
    return stable_id("lead", SOURCE, str(number))


def account_id(number: int) -> str:
    """The id of the numbered account."""
    return stable_id("account", SOURCE, str(number))


def _records(engine: Engine, entity: str, rows: list[dict[str, Any]]) -> None:
    load_history(engine, entity, rows, actor="import:made-up", reason="made up for a test", now=NOW)


def _created(entity: str, number: int, fields: dict[str, Any], days: float) -> dict[str, Any]:
    at = NOW - timedelta(days=days)
    key = str(number)
    return {
        "id": stable_id(entity, SOURCE, key),
        "source": SOURCE,
        "external_id": key,
        "recorded_at": at,
        "fields": {"created_at": at} | fields,
    }


def _name(draw: random.Random) -> str:
    return draw.choice(_FIRST) + draw.choice(_LAST)


def _account(draw: random.Random) -> dict[str, Any]:
    region = draw.choice(_REGIONS)
    return {
        "name": _name(draw),
        "owner_id": stable_id("rep", SOURCE, str(draw.randrange(len(_REPS)))),
        "industry": "医疗器械",
        "region": region,
        "city": _CITIES[region],
        "tier": draw.choice("SAB"),
        "employees": draw.randint(20, 1800),
        "annual_amount": round(draw.lognormvariate(13, 1), 2),
    }


def _lead_versions(draw: random.Random, leads: int) -> Iterator[dict[str, Any]]:
    for number in range(leads):
        region = draw.choice(_REGIONS)
        age = draw.uniform(24, 45)
        first = _created(
            "lead",
            number,
            {
                "company": None if draw.random() < 0.15 else _name(draw),
                "contact_name": draw.choice("赵钱孙李周吴郑王") + draw.choice(("主任", "科长", "经理")),
                "title": draw.choice(("设备科主任", "采购经理", "院长助理")),
                "phone": f"138{draw.randint(10_000_000, 99_999_999)}",
                "need": draw.choice(_NEEDS),
                "expected_volume": float(draw.randint(1, 60) * 10),
                "channel": draw.choice(_CHANNELS),
                "region": region,
                "city": _CITIES[region],
                "status": "new",
            },
            days=age,
        )
        owner = stable_id("rep", SOURCE, str(draw.randrange(len(_REPS))))
        changes = [{"owner_id": owner}, {"status": "contacted"}]
        if draw.random() < 0.4:
            changes.append({"status": "qualified", "expected_volume": float(draw.randint(5, 90) * 10)})
        yield first
        for step, change in enumerate(changes, 1):
            at = NOW - timedelta(days=age * (1 - step / 5))
            yield {**first, "recorded_at": at, "fields": change}


def _contract(draw: random.Random, number: int) -> dict[str, Any]:
    need = draw.choice(_NEEDS)
    return _created(
        "contract",
        number,
        {
            "account_id": account_id(number),
            "title": f"{need}年度供货合同",
            "product_line": need,
            "amount": round(draw.lognormvariate(13, 0.8), 2),
            "start_at": NOW - timedelta(days=300),
            "end_at": NOW + timedelta(days=draw.uniform(5, 120)),
            "status": "active",
        },
        days=300,
    )


def _ticket_versions(draw: random.Random, accounts: int) -> Iterator[dict[str, Any]]:
    for number in range(accounts * 2):
        days = draw.uniform(3, 150)
        opened = NOW - timedelta(days=days)
        answered = opened + timedelta(hours=draw.uniform(0.2, 30))
        first = _created(
            "ticket",
            number,
            {
                "account_id": account_id(number // 2),
                "title": draw.choice(("设备无法开机", "耗材批次有误", "发票抬头更改", "校准报告缺页")),
                "category": draw.choice(("售后", "物流", "开票")),
                "status": "open",
                "opened_at": opened,
            },
            days=days,
        )
        yield first
        if draw.random() < 0.7:
            answer = {"first_response_at": answered, "resolved_at": answered, "satisfaction": 4}
            done = {"status": "resolved"} | answer
            yield {**first, "recorded_at": answered, "fields": done}


def _activities(draw: random.Random, leads: int, accounts: int) -> Iterator[dict[str, Any]]:
    for number in range(leads * 12 + accounts * 40):
        of_lead = number < leads * 12
        channel = draw.choice(
            ("chat", "chat", "call", "email", "site", "site", "download", "search", "meeting")
        )
        at = NOW - timedelta(hours=2) - timedelta(days=draw.uniform(0, 24 if of_lead else 200))
        ours = channel in ("call", "email", "meeting")
        yield {
            "id": stable_id("activity", SOURCE, str(number)),
            "source": SOURCE,
            "external_id": str(number),
            "occurred_at": at,
            "recorded_at": at + timedelta(minutes=draw.randint(1, 90)),
            "lead_id": lead_id(number % leads) if of_lead else None,
            "account_id": None if of_lead else account_id(number % accounts),
            "rep_id": stable_id("rep", SOURCE, str(draw.randrange(len(_REPS)))) if ours else None,
            "channel": channel,
            "direction": "out" if ours else "in",
            "duration_s": float(draw.randint(20, 900)) if channel in ("site", "call") else None,
            "text": _text(draw, channel),
        }


def _text(draw: random.Random, channel: str) -> str | None:
    if channel == "chat":
        return draw.choice(_CHATS)
    return draw.choice(("骨科耗材 竞品 对比", "检验试剂 报价")) if channel == "search" else None


def _orders(draw: random.Random, accounts: int) -> Iterator[dict[str, Any]]:
    for number in range(accounts * 8):
        at = NOW - timedelta(days=draw.uniform(4, 360))
        yield {
            "id": stable_id("order", SOURCE, str(number)),
            "source": SOURCE,
            "external_id": str(number),
            "occurred_at": at,
            "recorded_at": at + timedelta(hours=4),
            "account_id": account_id(number % accounts),
            "amount": round(draw.lognormvariate(10, 0.7), 2),
            "quantity": float(draw.randint(1, 40)),
            "product": draw.choice(_NEEDS),
        }


@dataclass(frozen=True)
class _Subject:
    record: Any
    history: Any

    def values(self, at: datetime, features: tuple[str, ...]) -> dict[str, Any]:
        entity = "lead" if "lead_states" in self.history else "account"
        return evaluate(entity, self.history, self.record.id, at, features)

    def row(self, score: Score, rank: float, money: float | None = None) -> ScoreRow:
        title = self.record.name if money is not None else self.record.company
        return ScoreRow(self.record.id, score, rank, self.record.owner_id, self.record.region, title, money)


def _subject(session: Session, entity: Literal["lead", "account"], entity_id: str) -> _Subject:
    sources = ["lead_states", "activities"] if entity == "lead" else None
    record = get_record(session, entity, entity_id)
    return _Subject(record, entity_history(session, entity, entity_id, sources))


def _lead_score(subject: _Subject, at: datetime) -> ScoreRow:
    """Score by a made-up formula; the values of the reasons are true, so that they open true records."""
    values = subject.values(at, _LEAD_FEATURES)
    effects = {
        "lead_last_interaction_h": 14 - 0.35 * (values["lead_last_interaction_h"] or 120),
        "lead_chats_30d": 5 * values["lead_chats_30d"] - 4,
        "lead_downloads_30d": 9 * values["lead_downloads_30d"] - 5,
        "lead_competitor_searches_30d": -11 * values["lead_competitor_searches_30d"],
        "lead_has_company": 6 if values["lead_has_company"] else -26,
    }
    by_rules = int(subject.record.external_id) % 9 == 0
    score = _score(values, effects, 55, at, by_rules, lambda value: value / 200)
    return subject.row(score, score.value)


def _account_score(subject: _Subject, at: datetime) -> ScoreRow:
    values = subject.values(at, _ACCOUNT_FEATURES)
    effects = {
        "account_days_since_order": 12 - 0.4 * (values["account_days_since_order"] or 90),
        "account_tickets_open": 4 - 13 * values["account_tickets_open"],
        "account_risk_words_90d": 6 - 5 * values["account_risk_words_90d"],
        "account_satisfaction_mean_180d": 7 * ((values["account_satisfaction_mean_180d"] or 2.5) - 3),
        "account_days_to_expiry": 0.16 * (values["account_days_to_expiry"] or 0) - 9,
    }
    score = _score(values, effects, 78, at, False, lambda value: (1 - value / 100) * 0.9)
    ends_in = min(25, max(0, round((values["account_days_to_expiry"] or 0) / 7)))
    weekly = tuple((score.probability or 0.0) * (0.8 if week == ends_in else 0.008) for week in range(26))
    score = replace(score, weekly=weekly)
    money = subject.record.annual_amount
    return subject.row(score, -(score.probability or 0.0) * money, money)


def _score(
    values: dict[str, Any],
    effects: dict[str, float],
    base: float,
    at: datetime,
    by_rules: bool,
    chance: Callable[[float], float],
) -> Score:
    value = min(99.0, max(3.0, base + sum(effects.values())))
    reasons = [Reason(name, values[name], round(effect, 2)) for name, effect in effects.items()]
    reasons.sort(key=lambda reason: -abs(reason.effect))
    band, told = band_of(value), tuple(reasons)
    if by_rules:
        return Score(value, band, None, told, "rules", "lead_health@1", at, "past_horizon")
    return Score(value, band, round(chance(value), 4), told, "model", "2026-03-01.1", at)
