"""Records over HTTP: create, read, patch, delete, restore; who may; and what a lost update looks like."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.integration.crm_api.office import Api


def test_a_record_is_created_read_patched_deleted_and_restored(api: Api) -> None:
    made = api.post("/leads", {"source": "salesforce", "external_id": "00Q1", "company": "示例有限公司"})
    assert made.status_code == 201
    lead = made.json()
    assert made.headers["etag"] == '"1"'
    assert made.headers["location"] == f"/crm/v1/leads/{lead['id']}"
    assert (lead["status"], lead["version"], lead["company"]) == ("new", 1, "示例有限公司")

    read = api.get(f"/leads/{lead['id']}")
    assert read.json() == {k: v for k, v in lead.items() if k != "duplicates"}
    changed = api.patch(
        f"/leads/{lead['id']}", {"status": "contacted"}, headers={"If-Match": read.headers["etag"]}
    )
    assert (changed.status_code, changed.json()["status"], changed.headers["etag"]) == (
        200,
        "contacted",
        '"2"',
    )

    assert api.delete(f"/leads/{lead['id']}").status_code == 204
    assert api.get(f"/leads/{lead['id']}").status_code == 404
    assert api.get(f"/leads/{lead['id']}?deleted=true").json()["deleted_at"] is not None
    restored = api.post(f"/leads/{lead['id']}/restore")
    assert restored.json()["deleted_at"] is None
    assert api.get(f"/leads/{lead['id']}").json()["version"] == 4


def test_a_lost_update_is_a_conflict_that_shows_both_values(api: Api) -> None:
    lead = api.lead(need="螺丝")
    api.patch(f"/leads/{lead['id']}", {"need": "轴承", "version": 1})
    lost = api.patch(f"/leads/{lead['id']}", {"need": "齿轮", "version": 1})
    assert lost.status_code == 409
    error = lost.json()["error"]
    assert error["code"] == "version_conflict"
    assert error["conflict"] == {
        "expected_version": 1,
        "current_version": 2,
        "values": {"need": ["轴承", "齿轮"]},
    }


def test_a_change_says_what_it_is_based_on(api: Api) -> None:
    lead = api.lead()
    path = f"/leads/{lead['id']}"
    assert api.patch(path, {"need": "a"}).json()["error"]["code"] == "precondition_required"
    assert api.patch(path, {"need": "a"}, headers={"If-Match": "*"}).status_code == 200
    odd = api.patch(path, {"need": "a", "version": 1}, headers={"If-Match": '"2"'})
    assert odd.json()["error"]["code"] == "header_invalid"


def test_an_outside_id_stands_for_one_record(api: Api) -> None:
    body = {"source": "hubspot", "external_id": "7", "company": "甲"}
    first = api.post("/leads", body).json()
    again = api.post("/leads", body)
    assert (again.status_code, again.json()["error"]["existing_id"]) == (409, first["id"])
    refused = api.post("/leads", body, headers={"If-None-Match": "*"})
    unclear = api.post("/leads", body, headers={"If-None-Match": "**"})
    assert unclear.json()["error"]["code"] == "header_invalid"
    assert refused.status_code == 412
    found = api.get("/leads?source=hubspot&external_id=7").json()["items"]
    assert [one["id"] for one in found] == [first["id"]]


def test_every_fault_of_a_body_is_named_at_once(api: Api) -> None:
    response = api.post(
        "/contacts", {"weight": 101, "colour": "red", "deleted_at": "2026-01-01T00:00:00Z", "email": 7}
    )
    assert response.status_code == 422
    found = {(one["code"], one["field"]) for one in response.json()["error"]["problems"]}
    assert found == {
        ("out_of_range", "weight"),
        ("unknown_field", "colour"),
        ("read_only", "deleted_at"),
        ("wrong_type", "email"),
        ("required", "name"),
    }


@pytest.mark.parametrize("field", ["created_at", "closed_at", "submitted_at"])
def test_what_has_happened_did_not_happen_tomorrow(sqlite_api: Api, field: str) -> None:
    api = sqlite_api
    tomorrow = (api.clock() + timedelta(days=1)).isoformat()
    refused = api.post("/leads", {"company": "苏州示例精密机械有限公司", field: tomorrow})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "in_the_future")
    assert refused.json()["error"]["field"] == field
    row = {"source": "crm", "external_id": "1", field: tomorrow}
    (told,) = api.post("/leads/bulk", {"rows": [row]}).json()["rows"]
    assert [problem["code"] for problem in told["problems"]] == ["in_the_future"]
    assert api.post("/leads", {field: (api.clock() + timedelta(minutes=4)).isoformat()}).status_code == 201


@pytest.mark.parametrize("week", ["0001-01-01T00:00:00Z", "1492-10-12T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_week_that_no_calendar_has_is_refused(sqlite_api: Api, week: str) -> None:
    refused = sqlite_api.get(f"/discipline/weekly-brief?week={week}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "bad_week")


def test_a_reference_to_nothing_is_named(api: Api) -> None:
    response = api.post("/contacts", {"name": "王", "account_id": "acc_none"})
    assert (response.status_code, response.json()["error"]["field"]) == (422, "account_id")
    assert response.json()["error"]["code"] == "unknown_reference"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"company": "a", "company": "b"}', "json_invalid"),
        (b'{"budget": NaN}', "json_invalid"),
        (b'{"budget": 1e999}', "json_invalid"),
        (b'{"budget": 1' + b"0" * 400 + b"}", "json_invalid"),
        (b'{"company": ' + b"[" * 50 + b"]" * 50 + b"}", "json_invalid"),
        (b'{"company": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "json_invalid"),
        (b'{"company": "\\ud800"}', "bad_character"),
        (b'{"company": "a\\u0000b"}', "bad_character"),
        (b'{"\\ud800": 1}', "bad_character"),
        (b"[1]", "body_not_object"),
        (b"", "body_empty"),
        (b"\xff", "json_invalid"),
    ],
)
def test_a_body_that_is_no_plain_json_is_refused(sqlite_api: Api, body: bytes, code: str) -> None:
    response = sqlite_api("POST", "/crm/v1/leads", content=body, headers={"Content-Type": "application/json"})
    assert response.json()["error"]["code"] == code
    assert response.status_code in (400, 422)


def test_a_salesperson_sees_and_writes_their_own_and_no_other(api: Api) -> None:
    mine = api.lead("rep", need="螺丝")
    theirs = api.lead("other_rep")
    assert mine["owner_id"] == "rep_ann"
    listed = api.get("/leads", "rep").json()["items"]
    assert [one["id"] for one in listed] == [mine["id"]]
    assert api.get(f"/leads/{theirs['id']}", "rep").status_code == 404
    patched = api.patch(f"/leads/{theirs['id']}", {"need": "x", "version": 1}, "rep")
    assert patched.status_code == 404
    assert api.delete(f"/leads/{mine['id']}", "rep").status_code == 403
    away = api.patch(f"/leads/{mine['id']}", {"owner_id": "rep_bob", "version": 1}, "rep")
    assert (away.status_code, away.json()["error"]["code"]) == (403, "out_of_sight")


def test_a_masked_field_neither_filters_nor_sorts_nor_shows_in_a_conflict(api: Api) -> None:
    lead = api.lead(phone="+8613912345678", budget=990000.0)
    assert api.get(f"/leads/{lead['id']}", "scientist").json()["phone"] != "+8613912345678"
    for query in ("phone=%2B8613912345678", "sort=phone", "phone_prefix=%2B86139", "budget_gte=1"):
        assert api.get(f"/leads?{query}", "scientist").status_code == 403
    changed = api.patch(f"/leads/{lead['id']}", {"phone": "+8613900000009", "version": 9}, "admin")
    assert changed.status_code == 409
    assert "13912345678" not in changed.text


def test_nobody_enters_without_a_key_and_a_narrow_key_does_no_more_than_its_scopes(sqlite_api: Api) -> None:
    assert sqlite_api.get("/leads", None).status_code == 401
    assert sqlite_api.get("/leads", None, headers={"Authorization": "Bearer lp_no"}).status_code == 401
    assert sqlite_api.get("/leads", "reader").status_code == 200
    assert sqlite_api.post("/leads", {"company": "a"}, "reader").status_code == 403


def test_an_unchanged_record_is_not_sent_again(sqlite_api: Api) -> None:
    lead = sqlite_api.lead()
    same = sqlite_api.get(f"/leads/{lead['id']}", headers={"If-None-Match": '"1"'})
    assert (same.status_code, same.content) == (304, b"")
    sqlite_api.patch(f"/leads/{lead['id']}", {"need": "x", "version": 1})
    assert sqlite_api.get(f"/leads/{lead['id']}", headers={"If-None-Match": '"1"'}).status_code == 200


def test_a_duplicate_is_told_and_does_not_stop_a_lead(api: Api) -> None:
    first = api.lead(phone="+8613812345678", company="杭州示例科技有限公司")
    second = api.lead(phone="13812345678", company="杭州示例科技公司")
    assert [one["id"] for one in second["duplicates"]] == [first["id"]]
    assert second["duplicates"][0]["reasons"]


def test_what_is_wrong_is_told_in_the_words_of_each_language(sqlite_api: Api) -> None:
    api = sqlite_api
    answers = [
        api.get("/leads?updated_at_gte=yesterday"),
        api.get("/leads?limit=many"),
        api.get("/leads?company=" + "x" * 500),
        api.post("/users", {"name": "x", "role": "boss", "password": "correct horse x"}),
        api.post("/api-keys", {"name": "k", "scopes": [], "expires_at": "soon"}),
        api("POST", "/crm/v1/leads", content=b'{"company":', headers={"content-type": "application/json"}),
        api("POST", "/crm/v1/leads", content=b"company=x", headers={"content-type": "text/plain"}),
    ]
    for answer in answers:
        error = answer.json()["error"]
        for told in (error, *error.get("problems", ())):
            english = [word for word in told["message"]["zh"].split() if word in ENGLISH]
            assert not english, told
    assert "line 1, column 12" in answers[5].json()["error"]["message"]["en"]
    assert "application/json" in answers[6].json()["error"]["hint"]["zh"]


def test_an_account_without_a_salesperson_is_told_why_it_sees_nothing(sqlite_api: Api) -> None:
    made = sqlite_api.post("/users", {"name": "new", "role": "rep", "password": "correct horse new"}, "admin")
    session = sqlite_api.post("/session", {"name": "new", "password": "correct horse new"}, None).json()
    headers = {"Authorization": f"Bearer {session['token']}"}
    refused = sqlite_api.get("/leads", None, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "no_salesperson")
    change = {"rep_id": "rep_ann", "version": made.json()["version"]}
    assert sqlite_api.patch(f"/users/{made.json()['id']}", change, "admin").status_code == 200
    assert sqlite_api.get("/leads", None, headers=headers).status_code == 200


ENGLISH = {
    "Input",
    "should",
    "at",
    "characters,",
    "number",
    "with",
    "time",
    "zone,",
    "item",
    "least",
    "error,",
}
