"""Versions of what hangs on an account: decision chains, papers, devices, deliveries, evidence of deals."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from pipelines.demo_company import Version
from pipelines.demo_company.account_life.accounts import Accounts
from pipelines.demo_company.account_life.orders import Orders
from pipelines.demo_company.records.keys import outside_id, record_id
from pipelines.demo_company.records.versions import Book
from pipelines.demo_company.world.arrays import Rng, Words
from pipelines.demo_company.world.clock import Clock
from pipelines.demo_company.world.market import LINES

_DEVICE_LINES = ("影像设备", "监护设备", "康复器械")
_RELATIONS = ("influence", "reports_to", "technical")
# Deliveries of the latest orders only: older ones are closed business.
_DELIVERY_DAYS = 45.0
_SCHEDULED, _MADE, _ARRIVED = 2.0, 5.0, 9.0
_QUOTES = (
    "客户：{line}每月大约要用两百件，现在的供应商经常断货",
    "客户：如果{line}能在两周内到货，我们可以先签一批",
    "客户：{line}要能和现有设备兼容，这一点必须写进需求",
)


def relation_versions(rng: Rng, clock: Clock, contacts: Sequence[Version]) -> list[Version]:
    """Return the edges of each account's decision chain: from the lighter person to the weightier one."""
    book = Book("contact_relation", clock.now)
    for people in _by_account(contacts).values():
        ordered = sorted(people, key=lambda person: person["fields"]["weight"])
        for lower, higher in pairwise(ordered):
            known = max(lower["recorded_at"], higher["recorded_at"])
            edge = {
                "account_id": lower["fields"]["account_id"],
                "from_id": lower["id"],
                "to_id": higher["id"],
                "kind": _RELATIONS[int(rng.integers(0, len(_RELATIONS)))],
                "strength": int(rng.integers(30, 95)),
            }
            book.write(len(book.rows), [(known + timedelta(days=3), edge)])
    return book.rows


def device_versions(rng: Rng, clock: Clock, accounts: Accounts, account_ids: Words) -> list[Version]:
    """Return the devices at accounts that buy such lines; some have stood still for days."""
    book = Book("device", clock.now)
    lines = LINES[accounts.line]
    for account in np.flatnonzero(np.isin(lines.astype(str), _DEVICE_LINES)).tolist():
        since = max(float(accounts.since[account]), 0.0)
        installed, used = clock.moments(np.array([since + 5, clock.now_day - rng.exponential(1.2)]))
        if installed is None or used is None or used <= installed:
            continue
        index = len(book.rows)
        device = {
            "account_id": account_ids[account],
            "product_id": record_id("product", int(accounts.line[account])),
            "name": f"{lines[account]}主机",
            "serial_number": f"SN{index + 1:06d}",
            "installed_at": installed,
            "last_operated_at": used,
            "battery_health": int(rng.integers(55, 101)),
        }
        book.write(index, [(used, device)])
    return book.rows


def delivery_versions(clock: Clock, orders: Orders, account_ids: Words) -> list[Version]:
    """Return the deliveries of recent orders: to schedule, in production, shipped, accepted."""
    book = Book("delivery", clock.now)
    order = np.argsort(orders.at, kind="stable")
    recent = np.flatnonzero(orders.at[order] > clock.now_day - _DELIVERY_DAYS)
    steps = (0.0, _SCHEDULED, _MADE, _ARRIVED)
    moments = [clock.moments(orders.at[order][recent] + days) for days in steps]
    for index, (place, placed, begun, sent, arrived) in enumerate(zip(recent, *moments, strict=True)):
        first = {
            "account_id": account_ids[orders.account[order][place]],
            "order_number": outside_id("order_snapshot", int(place)),
            "state": "to_schedule",
            "promised_at": arrived,
        }
        book.write(
            index,
            [
                (placed, first),
                (begun, {"state": "in_production"}),
                (sent, {"state": "shipped", "shipped_at": sent}),
                (arrived, {"state": "accepted", "accepted_at": arrived}),
            ],
        )
    return book.rows


def evidence_versions(rng: Rng, clock: Clock, opportunities: Sequence[Version]) -> list[Version]:
    """Return what the stage gates ask for, gathered while each deal was young; some deals lack a piece."""
    book = Book("evidence", clock.now)
    for deal in opportunities:
        if "lead_id" not in deal["fields"]:
            continue  # a later version
        line = deal["fields"]["title"].removesuffix("采购项目")
        for kind, text in _pieces(line):
            if rng.random() < 0.12:
                continue
            entry = {"owner_id": deal["fields"]["owner_id"], "opportunity_id": deal["id"], "kind": kind}
            when = deal["recorded_at"] + timedelta(hours=float(rng.uniform(1, 48)))
            book.write(len(book.rows), [(when, entry | {"text": text})])
    return book.rows


def _pieces(line: str) -> list[tuple[str, str]]:
    quotes = [("customer_quote", quote.format(line=line)) for quote in _QUOTES]
    return [
        *quotes,
        ("requirement_document", f"{line}需求书：型号、数量、到货时间、验收标准"),
        ("internal_review", f"{line}内部评审：交期可行，价格在授权范围内"),
        ("quotation", f"{line}报价单第一版"),
    ]


def _by_account(contacts: Sequence[Version]) -> dict[str, list[dict[str, Any]]]:
    """Return the first version of each contact, by account."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for version in contacts:
        if "account_id" in version["fields"]:
            found[version["fields"]["account_id"]].append(version)
    return found
