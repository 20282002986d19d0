"""Record versions: legal values, legal order, nothing that points nowhere or comes from the future."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from crm_store.domain.ids import stable_id
from crm_store.models import Base
from crm_store.models.choices import (
    CONTRACT_STATUSES,
    LEAD_STATUSES,
    OPPORTUNITY_STAGES,
    TICKET_STATUSES,
    TIERS,
)
from pipelines.demo_company import DemoCompany
from pipelines.demo_company.loading import ORDER

NEXT = {
    "new": {"contacted", "lost"},
    "contacted": {"qualified", "lost"},
    "qualified": {"won", "lost"},
    "won": set(),
    "lost": set(),
}
POINTS_AT = {
    "team_id": "team",
    "owner_id": "rep",
    "account_id": "account",
    "lead_id": "lead",
    "rep_id": "rep",
    "from_id": "contact",
    "to_id": "contact",
    "product_id": "product",
    "opportunity_id": "opportunity",
}


def test_every_kind_of_record_is_there(small_company: DemoCompany) -> None:
    assert set(small_company.histories) == set(ORDER)
    assert all(small_company.histories.values())


def test_versions_are_in_order_and_known_by_now(small_company: DemoCompany) -> None:
    for entity, rows in small_company.histories.items():
        for record, versions in _by_id(rows).items():
            times = [version["recorded_at"] for version in versions]
            assert times == sorted(times), record
            assert times[-1] <= small_company.now
            assert versions[0]["fields"]["created_at"] <= times[0]
            assert {(v["source"], v["external_id"]) for v in versions} == {("demo", v0(versions))}
            assert record == stable_id(entity, "demo", v0(versions))


@pytest.mark.parametrize("entity", ORDER)
def test_fields_are_columns_and_required_ones_are_filled(small_company: DemoCompany, entity: str) -> None:
    columns = Base.metadata.tables[entity].columns
    kept_by_the_store = {"id", "source", "external_id", "updated_at", "version"}
    required = {c.name for c in columns if not c.nullable and c.default is None} - kept_by_the_store

    for version in small_company.histories[entity]:
        assert set(version["fields"]) <= set(columns.keys()) - kept_by_the_store
    for state in _final(small_company, entity).values():
        assert required <= {field for field, value in state.items() if value is not None}


def test_references_lead_to_records_that_existed_by_then(small_company: DemoCompany) -> None:
    born = {
        entity: {record: versions[0]["recorded_at"] for record, versions in _by_id(rows).items()}
        for entity, rows in small_company.histories.items()
    }
    for rows in small_company.histories.values():
        for version in rows:
            for field, target in POINTS_AT.items():
                if version["fields"].get(field) is not None:
                    assert born[target][version["fields"][field]] <= version["recorded_at"]


def test_lead_statuses_follow_each_other_legally(small_company: DemoCompany) -> None:
    for versions in _by_id(small_company.histories["lead"]).values():
        statuses = [v["fields"]["status"] for v in versions if "status" in v["fields"]]
        assert statuses[0] == "new"
        assert all(after in NEXT[before] for before, after in pairwise(statuses))
        closing = [v for v in versions if v["fields"].get("status") in ("won", "lost")]
        for version in closing:
            assert version["fields"]["closed_at"] == version["recorded_at"]
            assert version is versions[-1]


def test_won_leads_belong_to_an_account_and_lost_ones_learn_nothing_on_closing(
    small_company: DemoCompany,
) -> None:
    final = _final(small_company, "lead")
    assert all(state.get("account_id") for state in final.values() if state["status"] == "won")
    for version in small_company.histories["lead"]:
        if version["fields"].get("status") == "lost":
            assert set(version["fields"]) == {"status", "closed_at"}


def test_winning_fills_fields_in_that_were_empty_before(tenth_company: DemoCompany) -> None:
    """The trap: read from the final record, a filled field says that the lead was won."""
    final = list(_final(tenth_company, "lead").values())
    filled = {
        status: _share([state.get("industry") is not None for state in final if state["status"] == status])
        for status in ("won", "lost")
    }
    assert filled["won"] > filled["lost"] + 0.15


def test_values_are_allowed(small_company: DemoCompany) -> None:
    states = {entity: list(_final(small_company, entity).values()) for entity in ORDER}

    assert {s["status"] for s in states["lead"]} <= set(LEAD_STATUSES)
    assert {s["stage"] for s in states["opportunity"]} <= set(OPPORTUNITY_STAGES)
    assert {s["status"] for s in states["contract"]} <= set(CONTRACT_STATUSES)
    assert {s["status"] for s in states["ticket"]} <= set(TICKET_STATUSES)
    assert {s["tier"] for s in states["account"]} <= set(TIERS)
    assert all(0 <= s["weight"] <= 100 for s in states["contact"])
    assert {s["satisfaction"] for s in states["ticket"] if "satisfaction" in s} <= {1, 2, 3, 4, 5}
    assert all(s["end_at"] > s["start_at"] for s in states["contract"])
    assert all((s["status"] == "active") == ("closed_at" not in s) for s in states["contract"])


def test_ticket_moments_follow_each_other(small_company: DemoCompany) -> None:
    for state in _final(small_company, "ticket").values():
        moments = [state.get(name) for name in ("opened_at", "first_response_at", "resolved_at")]
        known: list[datetime] = [moment for moment in moments if moment is not None]
        assert known == sorted(known)
        assert ("satisfaction" not in state) or state["resolved_at"]


def test_a_renewed_contract_is_followed_by_the_next(small_company: DemoCompany) -> None:
    contracts = list(_final(small_company, "contract").values())
    signed = {(c["account_id"], c["product_line"], c["created_at"]) for c in contracts}
    renewed = [c for c in contracts if c["status"] == "renewed"]

    assert renewed
    assert all((c["account_id"], c["product_line"], c["closed_at"]) in signed for c in renewed)


def test_small_accounts_are_many_and_a_few_are_large(tenth_company: DemoCompany) -> None:
    amounts = sorted(state["annual_amount"] for state in _final(tenth_company, "account").values())
    top_tenth = amounts[-len(amounts) // 10 :]
    assert sum(top_tenth) > 0.3 * sum(amounts)


def test_some_leads_repeat_another_under_another_spelling(tenth_company: DemoCompany) -> None:
    by_person: dict[tuple[str, str], set[str]] = defaultdict(set)
    for state in _final(tenth_company, "lead").values():
        if state.get("company") and state.get("phone"):
            digits = "".join(c for c in state["phone"] if c.isdigit())[-11:]
            by_person[digits, state.get("contact_name", "")].add(state["company"])
    assert sum(len(names) > 1 for names in by_person.values()) >= 10


def v0(versions: list[dict[str, Any]]) -> str:
    return str(versions[0]["external_id"])


def _by_id(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        out[row["id"]].append(row)
    return out


def _final(company: DemoCompany, entity: str) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in company.histories[entity]:
        out[row["id"]].update(row["fields"])
    return out


def _share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)
