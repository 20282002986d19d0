"""A small company with every kind of history, written through the same doors as real data."""

from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity, OrderSnapshot
from crm_store.repositories.writes.bulk import load_facts
from crm_store.repositories.writes.records import write_record
from tests.integration.read_store.clock import HOUR, T0, Write


@pytest.fixture
def write(sessions: sessionmaker[Session]) -> Write:
    """Write a record ``hours`` after T0, in a transaction of its own."""

    def _write(entity: str, record_id: str, values: dict[str, Any], hours: float = 0) -> int:
        origin = {"source": "crm", "external_id": record_id}
        moment = T0 + hours * HOUR
        with transaction(sessions) as session:
            return write_record(
                session,
                entity,
                record_id,
                origin | values,
                actor="user:li",
                reason="测试",
                recorded_at=moment,
                now=moment,
            )

    return _write


@pytest.fixture
def company(store_engine: Engine, write: Write) -> None:
    """Two reps, three accounts, four leads and what happened with them; each is noise to the others."""
    write("rep", "rep_1", {"name": "王芳", "region": "华东"})
    write("rep", "rep_2", {"name": "李强", "region": "华南"})
    write(
        "account",
        "acc_1",
        {"name": "甲医院", "owner_id": "rep_1", "region": "华东", "employees": 800, "tier": "A"},
    )
    write("account", "acc_1", {"annual_amount": 120_000.5, "tier": "S"}, 30)
    write("account", "acc_2", {"name": "乙医院", "owner_id": "rep_2", "region": "华南"})
    write("account", "acc_3", {"name": "已删", "region": "华北"})
    write("account", "acc_3", {"deleted_at": T0 + HOUR}, 1)
    _leads(write)
    _tickets_and_contracts(write)
    load_facts(store_engine, Activity, pa.Table.from_pylist(_activities()))
    load_facts(store_engine, OrderSnapshot, pa.Table.from_pylist(_orders()))


def _leads(write: Write) -> None:
    first = {"phone": "13812341234", "channel": "site", "campaign": "春季", "created_at": T0 - HOUR}
    write("lead", "lea_1", first)
    write(
        "lead",
        "lea_1",
        {"company": "甲医院", "owner_id": "rep_1", "account_id": "acc_1", "region": "华东"},
        2,
    )
    write("lead", "lea_1", {"status": "won", "closed_at": T0 + 40 * HOUR}, 41)
    write("lead", "lea_1", {"status": "lost"}, 42)
    write("lead", "lea_2", {"channel": "call", "expected_volume": 7.25, "created_at": T0})
    write("lead", "lea_3", {"company": "丙公司", "campaign": "春季"}, 3)
    write("lead", "lea_3", {"deleted_at": T0 + 4 * HOUR}, 4)
    write("lead", "lea_4", {"company": "%_丁"}, 5)


def _tickets_and_contracts(write: Write) -> None:
    write("ticket", "tic_1", {"title": "漏液", "status": "open", "opened_at": T0, "account_id": "acc_2"})
    write("ticket", "tic_1", {"first_response_at": T0 + HOUR, "status": "answered"}, 2)
    write("ticket", "tic_1", {"account_id": "acc_1"}, 3)
    write("ticket", "tic_1", {"resolved_at": T0 + 5 * HOUR, "status": "resolved", "satisfaction": 4}, 6)
    write("ticket", "tic_2", {"title": "无客户", "status": "open", "opened_at": T0 + 7 * HOUR})
    write(
        "ticket",
        "tic_3",
        {"title": "已删", "status": "open", "opened_at": T0 + 8 * HOUR, "account_id": "acc_1"},
        8,
    )
    write("ticket", "tic_3", {"deleted_at": T0 + 9 * HOUR}, 9)
    terms = {
        "title": "年度",
        "amount": 10_000.0,
        "start_at": T0,
        "end_at": T0 + 9000 * HOUR,
        "status": "active",
    }
    write("contract", "con_1", terms | {"account_id": "acc_1", "created_at": T0 - 2 * HOUR}, 1)
    write("contract", "con_1", {"status": "renewed", "closed_at": T0 + 50 * HOUR}, 51)
    write("contract", "con_2", terms | {"account_id": "acc_2", "product_line": "骨科"}, 1)


def _activities() -> list[dict[str, Any]]:
    return [
        {
            "id": f"act_{number}",
            "source": "crm",
            "external_id": str(number),
            "occurred_at": T0 + (number % 7) * HOUR,
            "recorded_at": T0 + (number % 7 + 1) * HOUR,
            "lead_id": lead_id,
            "account_id": account_id,
            "rep_id": "rep_1" if number % 3 else None,
            "channel": "chat",
            "direction": "in",
            "duration_s": None if number % 4 else 12.5 * number,
            "text": None if number < 15 else "考虑更换供应商，\n“下周”再谈",
        }
        for number in range(20)
        for lead_id, account_id in [
            [("lea_1", None), (None, "acc_1"), ("lea_2", "acc_2"), ("lea_1", "acc_1")][number % 4]
        ]
    ]


def _orders() -> list[dict[str, Any]]:
    return [
        {
            "id": f"ord_{number}",
            "source": "erp",
            "external_id": str(number),
            "occurred_at": T0 + number * HOUR,
            "recorded_at": T0 + number * HOUR,
            "account_id": "acc_1" if number % 2 else "acc_2",
            "amount": 0.1 * number,
            "quantity": 1.0 if number > 3 else None,
            "freight": 9.9,
            "product": "试剂" if number > 2 else None,
            "delivery_state": None,
        }
        for number in range(6)
    ]
