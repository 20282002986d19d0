"""Forms become leads: stage 1, what is kept when it fails, corrections, and the 30-minute exemption."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.crm_api.office import START, Api

WHOLE = {
    "company": "苏州示例精密机械有限公司",
    "contact": "王小明",
    "title": "采购经理",
    "phone": "139 1234 5678",
    "need": "骨科耗材",
    "address": "江苏苏州工业园区",
    "expected_volume": 300,
}


def submit(api: Api, body: dict[str, Any], **options: Any) -> Any:
    return api.post("/intake/forms/website", body, "form", **options)


def moment(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat()


def test_a_form_becomes_a_cleaned_lead(api: Api) -> None:
    answer = submit(api, WHOLE)
    assert answer.status_code == 201, answer.text
    lead = api.get(f"/leads/{answer.json()['lead']['id']}").json()
    assert (lead["phone"], lead["adcode"][:4], lead["city"]) == ("+8613912345678", "3205", "苏州市")
    assert (lead["contact_name"], lead["expected_volume"], lead["intake_state"]) == (
        "王小明",
        300.0,
        "complete",
    )
    assert (lead["source"], lead["external_id"]) == ("form:website", answer.json()["submission_id"])
    kept = api.get(f"/submissions/{answer.json()['submission_id']}").json()
    assert (kept["status"], kept["lead_id"]) == ("accepted", lead["id"])


def test_a_form_encoded_body_is_read_alike(api: Api) -> None:
    answer = api(
        "POST",
        "/crm/v1/intake/forms/website",
        "form",
        content=urlencode(WHOLE | {"utm_source": "ad"}),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["ignored"] == ["utm_source"]
    assert answer.json()["lead"]["expected_volume"] == 300.0


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"phone": None}, "phone", "required"),
        ({"phone": "0512-65001234"}, "phone", "phone_not_mobile"),
        ({"phone": "123"}, "phone", None),
        ({"phone": "139****5678"}, "phone", "phone_masked"),
        ({"company": ""}, "company", "required"),
        ({"company": "示例"}, "company", None),
        ({"title": "  "}, "title", "required"),
        ({"title": 7}, "title", "wrong_type"),
        ({"submitted_at": "yesterday"}, "submitted_at", "wrong_type"),
        ({"submitted_at": "2999-01-01T00:00:00Z"}, "submitted_at", "out_of_order"),
        ({"expected_volume": "many"}, "expected_volume", "wrong_type"),
        ({"need": "长" * 121}, "need", "too_long"),
    ],
)
def test_what_fails_stage_one_names_its_field_and_waits(
    sqlite_api: Api, change: dict[str, Any], field: str, code: str | None
) -> None:
    answer = submit(sqlite_api, WHOLE | change)
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (422, field)
    assert code in (None, error["code"])
    assert error["message"]["zh"]
    assert error["message"]["en"]
    assert error["request_id"] == answer.headers["x-request-id"]
    kept = sqlite_api.get(f"/submissions/{error['submission_id']}", "operations").json()
    assert (kept["status"], kept["problems"][0]["field"]) == ("needs_correction", field)
    assert not sqlite_api.get("/leads").json()["items"]


@pytest.mark.parametrize(
    "raw", [b"{not json", b"\xff\xfe", b'{"a": 1, "a": 2}', b'{"company": "a\\u0000"}', b"[]"]
)
def test_what_cannot_be_read_is_kept_all_the_same(api: Api, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api("POST", "/crm/v1/intake/forms/website", "form", content=raw, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unreadable")
    listed = api.get("/submissions?status=needs_correction", "operations").json()["items"]
    assert [one["id"] for one in listed] == [answer.json()["error"]["submission_id"]]


def test_a_corrected_submission_becomes_a_lead_once(api: Api) -> None:
    waiting = submit(api, WHOLE | {"phone": "12"}).json()["error"]["submission_id"]
    still = api.post(f"/submissions/{waiting}/correct", {"phone": "34"}, "operations")
    assert (still.status_code, still.json()["error"]["submission_id"]) == (422, waiting)
    done = api.post(f"/submissions/{waiting}/correct", {"phone": "13912345678"}, "operations")
    assert done.status_code == 201, done.text
    kept = api.get(f"/submissions/{waiting}", "operations").json()
    assert (kept["status"], kept["corrected_by"]) == ("corrected", "api:operations")
    assert '"12"' in kept["payload"]
    again = api.post(f"/submissions/{waiting}/correct", {}, "operations")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_a_lead")


def test_a_lead_spoken_to_within_half_an_hour_needs_a_phone_and_a_need_only(api: Api) -> None:
    short = {"phone": "13912345678", "need": "骨科耗材", "submitted_at": moment(-20)}
    assert submit(api, short).status_code == 422
    answer = submit(api, short | {"contacted_at": moment(-5)})
    assert answer.status_code == 201, answer.text
    lead = answer.json()["lead"]
    assert lead["intake_state"] == "phone_only"
    (task,) = api.get(f"/tasks?lead_id={lead['id']}").json()["items"]
    assert (task["kind"], task["status"]) == ("complete_intake", "open")


def test_half_an_hour_is_over_after_half_an_hour(sqlite_api: Api) -> None:
    short = {"phone": "13912345678", "need": "骨科耗材", "contacted_at": moment(-29)}
    assert submit(sqlite_api, short | {"submitted_at": moment(-29.9)}).status_code == 201
    assert submit(sqlite_api, short | {"submitted_at": moment(-30.1)}).status_code == 422
    before = short | {"submitted_at": moment(-10), "contacted_at": moment(-11)}
    assert submit(sqlite_api, before).json()["error"]["code"] == "out_of_order"


def test_the_second_contact_waits_until_the_lead_is_complete(api: Api) -> None:
    short = {"phone": "13912345678", "need": "骨科耗材", "submitted_at": moment(-20)}
    lead = submit(api, short | {"contacted_at": moment(-5)}).json()["lead"]
    talk = {"lead_id": lead["id"], "channel": "call", "direction": "out", "scene": "need_confirmation"}
    talk |= {"occurred_at": moment(-5), "text": "..."}
    assert api.post("/communications", talk).status_code == 201
    second = api.post("/communications", talk)
    assert (second.status_code, second.json()["error"]["code"]) == (409, "intake_incomplete")
    assert api.post("/activities", talk | {"channel": "site", "scene": None}).status_code == 201

    half = api.patch(f"/leads/{lead['id']}", {"company": "苏州示例精密机械有限公司", "version": 1})
    assert half.json()["intake_state"] == "phone_only"
    whole = api.patch(f"/leads/{lead['id']}", {"title": "采购经理", "version": 2})
    assert whole.json()["intake_state"] == "complete"
    (task,) = api.get(f"/tasks?lead_id={lead['id']}").json()["items"]
    assert task["status"] == "done"
    assert api.post("/communications", talk).status_code == 201


def test_a_form_repeated_with_its_key_gets_its_first_answer_also_when_it_failed(api: Api) -> None:
    for body in (WHOLE, WHOLE | {"phone": "1"}):
        headers = {"Idempotency-Key": f"form-{len(body['phone'])}"}
        first, again = (submit(api, body, headers=headers) for _ in range(2))
        assert (first.status_code, first.content) == (again.status_code, again.content)
        assert again.headers["idempotent-replayed"] == "true"
    assert len(api.get("/submissions").json()["items"]) == 2


def test_submissions_are_listed_in_pages_newest_first(sqlite_api: Api) -> None:
    made = [submit(sqlite_api, WHOLE | {"phone": str(n)}).json()["error"]["submission_id"] for n in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = sqlite_api.get(f"/submissions?limit=2{cursor}", "operations").json()
        seen += [one["id"] for one in page["items"]]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert seen == made[::-1]


def test_a_website_may_only_send(sqlite_api: Api) -> None:
    assert sqlite_api.get("/submissions", "form").status_code == 403
    assert sqlite_api.get("/leads", "form").status_code == 403
    assert submit(sqlite_api, WHOLE).json()["lead"]["phone"] != "+8613912345678"
    assert sqlite_api.post("/intake/forms/website", WHOLE, "rep").status_code == 403
