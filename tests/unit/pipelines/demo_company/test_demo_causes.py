"""Outcomes depend on how people were treated and what they showed, at believable rates."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from pipelines.demo_company import DemoCompany

RISK_WORDS = ("预算", "招标", "更换供应商")
HORIZON = timedelta(days=30)


def test_sizes_follow_the_scale(tenth_company: DemoCompany) -> None:
    records = {entity: len({r["id"] for r in rows}) for entity, rows in tenth_company.histories.items()}

    assert records["lead"] == 2000
    assert 170 <= records["account"] <= 240
    assert 25_000 <= tenth_company.facts["activity"].num_rows <= 45_000
    assert 6_000 <= tenth_company.facts["order_snapshot"].num_rows <= 11_000


def test_about_one_lead_in_eight_is_won_within_30_days(tenth_company: DemoCompany) -> None:
    won = [lead.won_soon for lead in _ripe_leads(tenth_company)]
    assert 0.09 < _mean(won) < 0.16


def test_leads_are_closed_in_the_end_and_only_recent_ones_are_open(tenth_company: DemoCompany) -> None:
    opened = [lead for lead in _leads(tenth_company) if lead.closed is None]

    assert 120 <= len(opened) <= 260
    assert all(tenth_company.now - lead.created < timedelta(days=95) for lead in opened)


def test_the_level_of_conversion_falls_in_the_last_third(tenth_company: DemoCompany) -> None:
    turn = tenth_company.now - timedelta(days=183)
    ripe = _ripe_leads(tenth_company)
    before = _mean([lead.won_soon for lead in ripe if lead.created < turn])
    after = _mean([lead.won_soon for lead in ripe if lead.created >= turn])

    assert 0.5 < after / before < 1.0


def test_a_slow_first_contact_lowers_conversion(tenth_company: DemoCompany) -> None:
    first_contact: dict[str, datetime] = {}
    for row in tenth_company.facts["activity"].to_pylist():
        if row["direction"] == "out" and row["lead_id"]:
            first_contact.setdefault(row["lead_id"], row["occurred_at"])
    by_wait: dict[str, list[bool]] = defaultdict(list)
    for lead in _ripe_leads(tenth_company):
        if lead.id in first_contact:
            hours = (first_contact[lead.id] - lead.created) / timedelta(hours=1)
            by_wait["quick" if hours < 6 else "slow" if hours > 48 else "between"].append(lead.won_soon)

    assert _mean(by_wait["quick"]) > _mean(by_wait["between"]) > _mean(by_wait["slow"])


def test_engaged_leads_are_won_more_often(tenth_company: DemoCompany) -> None:
    early: dict[str, float] = defaultdict(float)
    leads = {lead.id: lead for lead in _ripe_leads(tenth_company)}
    weights = {"chat": 0.3, "download": 1.2}
    for row in tenth_company.facts["activity"].to_pylist():
        lead = leads.get(row["lead_id"] or "")
        if lead and row["direction"] == "in" and row["recorded_at"] <= lead.created + timedelta(days=3):
            long_visit = 0.5 * (row["channel"] == "site" and row["duration_s"] > 180)
            early[lead.id] += weights.get(row["channel"], 0.0) + long_visit
    active = _mean([lead.won_soon for lead in leads.values() if early[lead.id] >= 1.5])
    quiet = _mean([lead.won_soon for lead in leads.values() if early[lead.id] < 0.3])

    assert active > 1.5 * quiet


def test_about_a_quarter_of_contracts_is_not_renewed(tenth_company: DemoCompany) -> None:
    ended = _ended_contracts(tenth_company)

    assert len(ended) >= 150
    assert 0.15 < _mean([c["status"] == "lapsed" for c in ended]) < 0.30


def test_many_contracts_end_soon_after_now(tenth_company: DemoCompany) -> None:
    now = tenth_company.now
    soon = [c for c in _contracts(tenth_company) if now < c["end_at"] < now + timedelta(days=120)]
    assert len(soon) >= 30


def test_risk_words_come_before_contracts_that_lapse(tenth_company: DemoCompany) -> None:
    heard: dict[str, list[datetime]] = defaultdict(list)
    for row in tenth_company.facts["activity"].to_pylist():
        if row["account_id"] and any(word in (row["text"] or "") for word in RISK_WORDS):
            heard[row["account_id"]].append(row["recorded_at"])
    lapsed: dict[bool, list[bool]] = defaultdict(list)
    for contract in _ended_contracts(tenth_company):
        seen_at = contract["end_at"] - timedelta(days=30)
        recent = [at for at in heard[contract["account_id"]] if seen_at - timedelta(days=90) < at <= seen_at]
        lapsed[len(recent) >= 2].append(contract["status"] == "lapsed")

    assert _mean(lapsed[True]) > _mean(lapsed[False]) + 0.1


def test_slow_answers_come_before_contracts_that_lapse(tenth_company: DemoCompany) -> None:
    hours = _response_hours(tenth_company)
    ended = [c for c in _ended_contracts(tenth_company) if hours.get(c["account_id"])]
    middle = sorted(_mean(hours[c["account_id"]]) for c in ended)[len(ended) // 2]
    slow = [c["status"] == "lapsed" for c in ended if _mean(hours[c["account_id"]]) > middle]
    quick = [c["status"] == "lapsed" for c in ended if _mean(hours[c["account_id"]]) <= middle]

    assert _mean(slow) > _mean(quick)


def test_orders_thin_out_before_a_contract_lapses(tenth_company: DemoCompany) -> None:
    orders: dict[str, list[datetime]] = defaultdict(list)
    for row in tenth_company.facts["order_snapshot"].to_pylist():
        orders[row["account_id"]].append(row["occurred_at"])
    kept: dict[str, list[float]] = defaultdict(list)
    for contract in _ended_contracts(tenth_company):
        end, mine = contract["end_at"], orders[contract["account_id"]]
        recent = sum(end - timedelta(days=60) < at <= end for at in mine)
        earlier = sum(end - timedelta(days=180) < at <= end - timedelta(days=60) for at in mine)
        if earlier >= 4:
            kept[contract["status"]].append(2 * recent / earlier)

    assert _mean(kept["lapsed"]) < 0.85 * _mean(kept["renewed"])


class _Lead:
    def __init__(self, record: str, state: dict[str, Any]) -> None:
        self.id = record
        self.created: datetime = state["created_at"]
        self.closed: datetime | None = state.get("closed_at")
        won = state["status"] == "won" and self.closed is not None
        self.won_soon = bool(won and self.closed and self.closed - self.created <= HORIZON)


def _leads(company: DemoCompany) -> list[_Lead]:
    return [_Lead(record, state) for record, state in _final(company, "lead").items()]


def _ripe_leads(company: DemoCompany) -> list[_Lead]:
    leads = [lead for lead in _leads(company) if lead.created + HORIZON < company.now]
    if not leads:
        pytest.fail("the company has no lead that is 30 days old")
    return leads


def _contracts(company: DemoCompany) -> list[dict[str, Any]]:
    return list(_final(company, "contract").values())


def _ended_contracts(company: DemoCompany) -> list[dict[str, Any]]:
    opening = company.now - timedelta(days=548)
    return [c for c in _contracts(company) if opening < c["end_at"] < company.now and c["status"] != "active"]


def _response_hours(company: DemoCompany) -> dict[str, list[float]]:
    out: dict[str, list[float]] = defaultdict(list)
    for state in _final(company, "ticket").values():
        if "first_response_at" in state:
            waited = state["first_response_at"] - state["opened_at"]
            out[state["account_id"]].append(waited / timedelta(hours=1))
    return out


def _final(company: DemoCompany, entity: str) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in company.histories[entity]:
        out[row["id"]].update(row["fields"])
    return out


def _mean(values: list[Any]) -> float:
    return float(sum(values) / len(values))
