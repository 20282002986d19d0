"""A company in which every kind of row lies at every distance from one salesperson.

``own``: theirs. ``team``: a colleague's of their team. ``region``: of another team of their region.
``far``: of another region. What hangs on an account or a lead has no owner of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.domain.policy import Viewer
from crm_store.domain.scores import Reason, Score
from crm_store.models import Activity, OrderSnapshot
from crm_store.repositories.scores.log import ScoreRow, append_scores
from crm_store.repositories.writes.records import write_record

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
DISTANCES = ("own", "team", "region", "far")
EAST, SOUTH = "华东", "华南"

# A value in each sensitive field; a text carries some of them, as people write them.
PHONE, EMAIL, WECHAT = "13812345678", "wang.xm@hospital.example", "wangxiaoming88"
ADDRESS, BUDGET = "浙江省杭州市萧山区市心北路99号3幢2单元", 7_654_321.5
TEXT = f"王主任电话 {PHONE}，邮箱 {EMAIL}，微信：{WECHAT}"

VIEWERS: dict[str, Viewer] = {
    "rep": Viewer("use_rep", "小李", "rep", "rep_own", "tea_1"),
    "lead": Viewer("use_lead", "李队", "lead", "rep_own", "tea_1"),
    "manager": Viewer("use_manager", "王经理", "manager", region=EAST),
    "general": Viewer("use_general", "总经理", "manager"),
    "operations": Viewer("use_operations", "运营", "operations"),
    "scientist": Viewer("use_scientist", "数据", "scientist"),
    "service": Viewer(None, "crm", "service", way="api"),
    "admin": Viewer("use_admin", "管理员", "admin"),
}
NOBODIES: dict[str, Viewer] = {
    "a rep without a salesperson": Viewer("use_x", "x", "rep"),
    "a lead without a salesperson": Viewer("use_x", "x", "lead"),
    "an unknown role": Viewer("use_x", "x", "owner", "rep_own", "tea_1"),
    "a key without scopes": Viewer(None, "x", "service", scopes=frozenset(), way="api"),
    "a key that only scores": Viewer(None, "x", "service", scopes=frozenset({"score"}), way="api"),
}

# Kind → its values at a distance; ``{at}`` is the distance.
ROWS: dict[str, dict[str, Any]] = {
    "account": {
        "name": "{at}医院",
        "owner_id": "rep_{at}",
        "phone": PHONE,
        "address": ADDRESS,
        "expected_margin": BUDGET,
    },
    "lead": {
        "company": "{at}公司",
        "contact_name": "王小明",
        "owner_id": "rep_{at}",
        "phone": PHONE,
        "email": EMAIL,
        "address": ADDRESS,
        "budget": BUDGET,
    },
    "contact": {
        "name": "王小明",
        "account_id": "acc_{at}",
        "phone": PHONE,
        "email": EMAIL,
        "wechat": WECHAT,
    },
    "opportunity": {
        "title": "设备",
        "account_id": "acc_{at}",
        "stage": "need_confirmed",
        "budget": BUDGET,
    },
    "evidence": {"opportunity_id": "opp_{at}", "kind": "customer_quote", "text": TEXT},
    "task": {"kind": "call", "title": TEXT, "lead_id": "lea_{at}"},
    "ticket": {"title": "漏液", "text": TEXT, "status": "open", "opened_at": NOW, "account_id": "acc_{at}"},
    "contract": {
        "title": "年度",
        "account_id": "acc_{at}",
        "amount": 10.0,
        "start_at": NOW,
        "end_at": NOW.replace(year=2027),
        "status": "active",
    },
    "delivery": {"account_id": "acc_{at}"},
    "document": {"account_id": "acc_{at}", "kind": "license", "title": "执照"},
    "device": {"account_id": "acc_{at}", "name": "CT"},
    "role_change": {
        "account_id": "acc_{at}",
        "person": "王小明",
        "kind": "promoted",
        "sentence": TEXT,
        "confidence": 0.9,
    },
}
BUSINESS = (*ROWS, "contact_relation", "activity", "order_snapshot")
SETUP = {
    "product": {"name": "试剂"},
    "campaign": {"name": "春季", "budget": BUDGET},
    "territory": {"name": "浙江", "region": "浙江", "team_id": "tea_1"},
}


@dataclass(frozen=True)
class Company:
    """The company's store."""

    sessions: sessionmaker[Session]

    def write(self, entity: str, record_id: str, values: Mapping[str, Any]) -> None:
        with transaction(self.sessions) as session:
            write(session, entity, record_id, values)


def row_id(entity: str, at: str) -> str:
    return f"{entity[:3]}_{at}" if entity != "contact_relation" else f"edge_{at}"


def write(session: Session, entity: str, record_id: str, values: Mapping[str, Any]) -> None:
    origin = {"source": "test", "external_id": record_id}
    write_record(session, entity, record_id, origin | values, actor="user:test", recorded_at=NOW, now=NOW)


def fill(session: Session) -> None:
    """Write the whole company."""
    for team, region in (("tea_1", EAST), ("tea_2", EAST), ("tea_3", SOUTH)):
        write(session, "team", team, {"name": team, "region": region})
    teams = {"own": "tea_1", "team": "tea_1", "region": "tea_2", "far": "tea_3"}
    for at, team in teams.items():
        write(session, "rep", f"rep_{at}", {"name": f"{at}销售", "team_id": team})
        write(session, "leave", f"lea_ve_{at}", {"rep_id": f"rep_{at}", "kind": "sick"} | _TERM)
    for entity, values in SETUP.items():
        write(session, entity, f"{entity}_1", values)
    for viewer in VIEWERS.values():
        if viewer.user_id:
            account = {"name": viewer.name, "role": viewer.role, "email": f"{viewer.user_id}@crm.example"}
            write(session, "user", viewer.user_id, account)
    for at in DISTANCES:
        _at_distance(session, at)


_TERM = {"start_at": NOW, "end_at": NOW.replace(month=4)}


def _at_distance(session: Session, at: str) -> None:
    for entity, template in ROWS.items():
        values = {
            name: value.replace("{at}", at) if isinstance(value, str) else value
            for name, value in template.items()
        }
        write(session, entity, row_id(entity, at), values)
    write(session, "contact", f"con_{at}_b", {"name": "张三", "account_id": f"acc_{at}"})
    edge = {"account_id": f"acc_{at}", "from_id": f"con_{at}", "to_id": f"con_{at}_b", "kind": "influence"}
    write(session, "contact_relation", row_id("contact_relation", at), edge)
    origin = {"source": "test", "occurred_at": NOW, "recorded_at": NOW}
    session.add(
        Activity(
            id=f"act_{at}",
            external_id=f"act_{at}",
            lead_id=f"lea_{at}",
            channel="chat",
            direction="in",
            text=TEXT,
            **origin,
        )
    )
    order = OrderSnapshot(id=f"ord_{at}", external_id=at, account_id=f"acc_{at}", amount=9.0, **origin)
    session.add(order)
    session.flush()
    for model, entity_id in (("lead_health", f"lea_{at}"), ("account_churn", f"acc_{at}")):
        reasons = (Reason("lead_chats_30d", 1.0, 2.0, ("一", "one")),)
        score = Score(20.0, "red", None, reasons, "rules", "rules:1", NOW)
        append_scores(session, model, [ScoreRow(entity_id, score, 20.0, f"rep_{at}")], scored_at=NOW)
