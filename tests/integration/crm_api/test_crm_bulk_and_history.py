"""Bulk upserts row by row, history, states as of a moment, and the feed."""

from __future__ import annotations

from typing import Any

from tests.integration.crm_api.office import Api
from tests.settling import settle


def rows(*external_ids: str, **values: Any) -> dict[str, Any]:
    return {
        "rows": [
            {"source": "crm", "external_id": one, "company": f"公司{one}"} | values for one in external_ids
        ]
    }


def test_rows_are_created_changed_left_alone_or_refused_each_on_its_own(api: Api) -> None:
    first = api.post("/leads/bulk", rows("1", "2"))
    assert (first.status_code, first.json()["counts"]) == (207, {"created": 2})
    body = rows("1", "3")
    body["rows"][0]["need"] = "轴承"
    body["rows"] += [
        {"source": "crm", "external_id": "2", "company": "公司2"},
        {"source": "crm", "external_id": "4", "status": "odd", "colour": "red"},
        {"source": "crm", "external_id": "5", "account_id": "acc_none"},
        {"company": "no key"},
        {"source": "crm", "external_id": "2", "need": "x", "version": 9},
    ]
    answer = api.post("/leads/bulk", body).json()
    assert [one["status"] for one in answer["rows"]] == [
        *("updated", "created", "unchanged", "invalid", "invalid", "invalid", "conflict"),
    ]
    assert {one["code"] for one in answer["rows"][3]["problems"]} == {"not_allowed", "unknown_field"}
    assert answer["rows"][4]["problems"][0]["field"] == "account_id"
    assert answer["rows"][6]["values"] == {
        "need": [None, "x"],
        "source": ["crm", "crm"],
        "external_id": ["2", "2"],
    }
    assert len(api.get("/leads").json()["items"]) == 3


def test_a_salesperson_changes_nobody_elses_record_in_bulk_either(api: Api) -> None:
    theirs = api.lead("other_rep")
    answer = api.post("/leads/bulk", {"rows": [{"id": theirs["id"], "need": "x"}]}, "rep").json()
    assert answer["rows"][0]["status"] == "invalid"
    assert answer["rows"][0]["problems"][0]["code"] == "not_found"
    assert api.get(f"/leads/{theirs['id']}").json()["need"] is None


def test_a_person_cannot_change_many_statuses_at_once_and_a_sync_can(api: Api) -> None:
    made = [api.lead("operations")["id"] for _ in range(2)]
    body = {"rows": [{"id": one, "status": "contacted"} for one in made]}
    by_hand = api.post("/leads/bulk", body, "operations").json()
    assert [one["status"] for one in by_hand["rows"]] == ["updated", "invalid"]
    assert api.post("/leads/bulk", body, "service").json()["counts"] == {"unchanged": 1, "updated": 1}


def test_a_body_of_the_wrong_shape_is_refused_whole(sqlite_api: Api) -> None:
    for body, code in (
        ({}, "type_invalid"),
        ({"rows": {}}, "type_invalid"),
        ({"rows": [1]}, "type_invalid"),
        ({"rows": [{"id": 1}]}, "type_invalid"),
        ({"rows": [], "mode": "x"}, "field_unknown"),
        ({"rows": [{}] * 5001}, "too_many_rows"),
    ):
        answer = sqlite_api.post("/leads/bulk", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_a_bulk_request_may_be_larger_than_an_ordinary_one(sqlite_api: Api) -> None:
    large = {"rows": [{"source": "crm", "external_id": str(n), "need": "长" * 100} for n in range(3_600)]}
    assert sqlite_api.post("/leads/bulk", large).json()["counts"] == {"created": 3_600}
    assert sqlite_api.post("/leads", {"company": "长" * 400_000}).status_code == 413


def test_history_tells_who_changed_what_and_a_record_is_read_as_it_was(api: Api) -> None:
    lead = api.lead("rep", need="螺丝")
    before = api.clock().isoformat()
    api.patch(f"/leads/{lead['id']}", {"need": "轴承", "version": 1, "reason": "客户更正"}, "rep")
    events = api.get(f"/leads/{lead['id']}/history", "rep").json()["items"]
    assert [(one["kind"], one["version"], one["actor"]) for one in events] == [
        ("changed", 2, "api:rep"),
        ("created", 1, "api:rep"),
    ]
    assert events[0]["changes"] == {"need": ["螺丝", "轴承"]}
    assert events[0]["reason"] == "客户更正"
    was = api.get(f"/leads/{lead['id']}?as_of={before.replace('+', '%2B')}").json()
    assert (was["need"], was["version"]) == ("螺丝", 1)
    assert api.get(f"/leads/{lead['id']}?as_of=2020-01-01T00:00:00Z").status_code == 404
    assert api.get(f"/leads/{lead['id']}/history", "other_rep").status_code == 404


def test_a_masked_field_stays_masked_in_history_and_in_the_past(api: Api) -> None:
    lead = api.lead("rep", phone="+8613912345678")
    now = api.clock().isoformat().replace("+", "%2B")
    for path in ("/history", f"?as_of={now}"):
        assert "13912345678" not in api.get(f"/leads/{lead['id']}{path}", "scientist").text
        assert "13912345678" in api.get(f"/leads/{lead['id']}{path}", "rep").text
    assert "13912345678" not in api.get("/changes", "scientist").text


def test_the_feed_gives_everything_once_and_each_viewer_their_own(api: Api) -> None:
    made = [api.lead("rep")["id"], api.lead("other_rep")["id"], api.account()["id"]]
    settle(api.sessions)
    seen, cursor = [], ""
    while True:
        page = api.get(f"/changes?limit=2&kinds=lead,account{cursor}").json()
        seen += [one["entity_id"] for one in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
        if not page["items"]:
            break
    assert seen == made
    api.patch(f"/leads/{made[0]}", {"need": "x", "version": 1})
    settle(api.sessions)
    news = api.get(f"/changes?kinds=lead,account{cursor}").json()["items"]
    assert [(one["entity_id"], one["version"]) for one in news] == [(made[0], 2)]
    mine = api.get("/changes?kinds=lead", "rep").json()["items"]
    assert {one["entity_id"] for one in mine} == {made[0]}


def test_a_list_is_read_in_pages_that_neither_skip_nor_repeat_while_records_are_added(api: Api) -> None:
    made = [api.lead(need=str(n % 3) if n % 4 else None)["id"] for n in range(14)]
    for sort in ("id", "-need,created_at", "need,-id", "-updated_at"):
        seen, cursor = [], ""
        while cursor is not None:
            page = api.get(f"/leads?limit=4&sort={sort}&external_id_prefix=lea{cursor}").json()
            seen += [one["id"] for one in page["items"]]
            cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
        assert sorted(seen) == sorted(made), sort
    page = api.get("/leads?limit=4&sort=created_at").json()
    api.lead(source="late", external_id="1")
    rest = api.get(f"/leads?limit=50&sort=created_at&cursor={page['next_cursor']}").json()["items"]
    assert len({one["id"] for one in page["items"] + rest}) == 15
    for other in ("sort=id", "need=1", "sort=created_at&deleted=any"):
        wrong = api.get(f"/leads?{other}&cursor={page['next_cursor']}")
        assert wrong.json()["error"]["code"] == "bad_cursor"


def test_lists_filter_by_every_comparison(api: Api) -> None:
    for n, need in enumerate(("轴承", "轴套", None, "齿轮")):
        api.lead(need=need, expected_volume=float(n), status="new" if n else "lost")
    gone = api.lead(need="删")
    api.delete(f"/leads/{gone['id']}")

    def count(query: str) -> int:
        response = api.get(f"/leads?{query}")
        assert response.status_code == 200, response.text
        return len(response.json()["items"])

    assert count("need=轴承") == 1
    assert count("need_prefix=轴") == 2
    assert count("need_null=true") == 1
    assert count("need_null=false") == 3
    assert count("status_in=new,won") == 3
    assert count("expected_volume_gte=1&expected_volume_lt=3") == 2
    assert count("created_at_gt=2026-03-02T00:00:00Z") == 4
    assert count("created_at_lte=2026-03-02T00:00:00Z") == 0
    assert count("deleted=yes") == 1
    assert count("deleted=any") == 5
    assert api.get("/leads?fields=need").json()["items"][0].keys() == {"id", "need"}
