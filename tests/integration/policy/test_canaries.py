"""A canary in every masked field: no address, export, sort, filter or error tells it to who may not know."""

from __future__ import annotations

from typing import Any

import pytest

from serving.crm.operations import OPERATIONS
from tests.integration.crm_api.office import START, Api, api_over

PHONE, EMAIL, WECHAT = "13998761234", "canary.zhang@clinic.example", "canaryzhang77"
ADDRESS = "江苏省苏州市姑苏区金丝雀路88号4幢"
BUDGET = 8_765_432.25
TEXT = f"张主任电话 {PHONE}，邮箱 {EMAIL}，微信：{WECHAT}"
CANARIES = (PHONE, PHONE[-8:], EMAIL, WECHAT, "金丝雀路88号")
MASKED_FOR = ("scientist", "admin", "operations")


@pytest.fixture
def ids(sqlite_api: Api) -> dict[str, str]:
    """An account, a contact, a lead, a deal and a conversation, full of canaries, of another's customer."""
    api = sqlite_api
    account = api.account(phone=PHONE, address=ADDRESS, owner_id="rep_bob")
    contact = api.made_of(
        "contacts",
        {"account_id": account["id"], "name": "张金", "phone": PHONE, "email": EMAIL, "wechat": WECHAT},
    )
    lead = api.lead(phone=PHONE, email=EMAIL, address=ADDRESS, budget=BUDGET, owner_id="rep_bob")
    deal = api.made_of(
        "opportunities",
        {"account_id": account["id"], "title": "采购", "stage": "need_confirmed", "budget": BUDGET},
    )
    talk = api.made_of(
        "communications",
        {
            "account_id": account["id"],
            "channel": "call",
            "direction": "in",
            "scene": "other",
            "text": TEXT,
            "occurred_at": START.isoformat(),
        },
    )
    api.patch(f"/leads/{lead['id']}", {"version": 1, "phone": "13998760000"})
    return {
        "accounts": account["id"],
        "contacts": contact["id"],
        "leads": lead["id"],
        "opportunities": deal["id"],
        "activities": talk["id"],
        "communications": talk["id"],
    }


@pytest.mark.parametrize("who", MASKED_FOR)
def test_no_address_that_reads_tells_a_canary(sqlite_api: Api, ids: dict[str, str], who: str) -> None:
    told = 0
    for operation in OPERATIONS:
        if operation.method != "GET" or operation.policy is None:
            continue
        plural = operation.path.removeprefix("/crm/v1/").partition("/")[0]
        path = operation.path
        for name in ("{id}", "{account_id}", "{lead_id}"):
            path = path.replace(name, ids.get(plural, "none_1"))
        response = sqlite_api("GET", path.replace("{", "").replace("}", ""), who=who)
        assert response.status_code < 500, (path, response.text)
        for canary in CANARIES:
            assert canary not in response.text, (who, path, canary)
        told += response.status_code == 200
    assert told > 20


@pytest.mark.parametrize("who", MASKED_FOR)
@pytest.mark.parametrize(
    "question",
    [
        f"/contacts?phone={PHONE}",
        f"/leads?phone_prefix={PHONE[:8]}",
        "/contacts?sort=phone",
        "/leads?sort=-email",
        f"/contacts?email={EMAIL}",
    ],
)
def test_a_masked_field_answers_no_question(
    sqlite_api: Api, ids: dict[str, str], who: str, question: str
) -> None:
    response = sqlite_api.get(question, who=who)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "field_hidden")
    assert all(canary not in response.text for canary in (EMAIL, WECHAT))


def test_a_data_scientist_learns_no_budget(sqlite_api: Api, ids: dict[str, str]) -> None:
    for plural in ("leads", "opportunities"):
        for path in (f"/{plural}", f"/{plural}/{ids[plural]}", f"/{plural}/{ids[plural]}/history"):
            assert "8765432" not in sqlite_api.get(path, who="scientist").text.replace(",", "")


@pytest.mark.parametrize("kind", ["leads", "contacts", "accounts", "activities"])
def test_an_export_holds_no_canary(sqlite_api: Api, ids: dict[str, str], kind: str) -> None:
    exported = sqlite_api.get(f"/{kind}/export?format=csv", who="operations")
    assert exported.status_code == 200, exported.text
    assert exported.content.count(b"\n") > 1
    for canary in CANARIES:
        assert canary not in exported.content.decode("utf-8-sig")


def test_who_works_with_a_person_reaches_them(sqlite_api: Api, ids: dict[str, str]) -> None:
    found = sqlite_api.get(f"/contacts/{ids['contacts']}", who="other_rep").json()
    assert (found["phone"], found["email"], found["wechat"]) == (PHONE, EMAIL, WECHAT)


@pytest.fixture
def sqlite_api(sqlite_engine: Any, sqlite_sessions: Any, tmp_path: Any) -> Api:
    return api_over(sqlite_engine, sqlite_sessions, tmp_path)
