"""Scores, lists, details and traces as clients see them."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from serving.language import language_of
from serving.schemas import (
    AccountResults,
    DetailOut,
    ErrorBody,
    LeadResults,
    RankedPageOut,
    Readiness,
    TraceOut,
)
from tests.unit.serving.fakes import LEADS, NOW, World


@pytest.fixture
def world() -> World:
    return World()


def test_results_come_in_the_order_asked_and_a_repeated_id_is_scored_once(world: World) -> None:
    asked = ["lea_003", "lea_none", "lea_001", "lea_003"]
    results = world.client().score(*asked)
    assert [r["id"] for r in results] == asked
    assert results[0] == results[3]
    assert [row["lead_chats_30d"] for row in world.model.rows] == [30.0, 10.0]


def test_reasons_are_sentences_for_and_against_with_value_unit_effect_and_trace(world: World) -> None:
    reasons = world.client().one("lea_003")["reasons"]
    assert reasons["for"] == [
        {
            "feature": "lead_chats_30d",
            "meaning": "chats",
            "sentence": "近30天聊天互动 30 次",
            "value": 30.0,
            "unit": "count",
            "effect": 12.34,
            "trace": "/v1/leads/lea_003/trace/lead_chats_30d?as_of=2026-03-01T00:00:00Z",
        }
    ]
    (against,) = reasons["against"]
    assert (against["sentence"], against["effect"]) == ("80 小时没有互动", -4.0)
    (note,) = reasons["notes"]
    assert (note["sentence"], note["trace"], note["unit"]) == ("提示", None, None)


def test_a_missing_value_is_said_in_words(world: World) -> None:
    world.online.rows["lea_001"] = ({"lead_chats_30d": None}, NOW)
    sentence = world.client().one("lea_001", headers={"Accept-Language": "en"})["reasons"]["for"][0][
        "sentence"
    ]
    assert "not on record" in sentence


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("", "zh"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr,en;q=0.5,zh;q=0.4", "en"),
        ("en;q=0.5,zh;q=0.5", "zh"),
        ("de-DE,*;q=0.1", "zh"),
        ("en;q=many", "zh"),
        ("en;q=0", "zh"),
        ("x" * 10_000 + ",en", "zh"),
    ],
)
def test_the_language_is_the_one_liked_better(header: str | None, language: str) -> None:
    assert language_of(header) == language


def test_sentences_come_in_the_language_asked_for(world: World) -> None:
    call = world.client()
    english = call(
        "POST", "/v1/leads/score", json={"ids": ["lea_003"]}, headers={"Accept-Language": "en-GB,zh;q=0.5"}
    )
    assert english.headers["content-language"] == "en"
    assert english.headers["vary"] == "accept-language"
    reasons = english.json()["results"][0]["score"]["reasons"]
    assert "30" in reasons["for"][0]["sentence"]
    assert reasons["for"][0]["sentence"].isascii()
    assert reasons["against"][0]["sentence"] == "no interaction for 80 hours"


def test_an_account_has_its_risk_and_the_money_at_stake(world: World) -> None:
    world.online.rows["acc_001"] = ({"lead_chats_30d": 55.0}, NOW)
    body = world.client()("POST", "/v1/accounts/risk", json={"ids": ["acc_001"]}).json()
    AccountResults.model_validate(body)
    score = body["results"][0]["score"]
    assert (score["risk"], score["money"]) == (0.55, 480_000.0)
    assert score["reasons"]["for"][0]["trace"].startswith("/v1/accounts/acc_001/trace/")


def test_a_list_is_walked_to_its_end_by_cursor_without_a_gap_or_a_repeat(world: World) -> None:
    call = world.client()
    seen, cursor, totals = [], None, []
    while True:
        page = call.get("/v1/leads", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        RankedPageOut.model_validate(page)
        seen += [item["id"] for item in page["items"]]
        totals.append(page["total"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == list(LEADS)
    assert totals == [7, None, None]


def test_a_list_is_filtered_and_never_asks_the_model(world: World) -> None:
    call = world.client()
    red = call.get("/v1/leads?band=red").json()
    assert [item["id"] for item in red["items"]] == ["lea_001", "lea_002"]
    assert call.get("/v1/leads?q=lea_005").json()["total"] == 1
    assert call.get("/v1/accounts").json()["total"] == 2
    assert world.model.rows == []
    assert world.online.reads == 0


def test_a_detail_has_the_record_the_score_its_reasons_and_the_history(world: World) -> None:
    world.remember("lea_001", hours=6)
    body = world.client().get("/v1/leads/lea_001", headers={"Accept-Language": "en"}).json()
    DetailOut.model_validate(body)
    assert body["record"]["phone"] == "138****0000"
    assert body["score"]["scored_at"] == "2026-02-28T18:00:00Z"
    assert body["score"]["reasons"]["for"][0]["feature"] == "lead_chats_30d"
    assert [s["version"] for s in body["history"]] == ["model-0"]


def test_a_record_that_was_never_scored_has_no_score(world: World) -> None:
    body = world.client().get("/v1/leads/lea_002").json()
    assert (body["score"], body["history"]) == (None, [])


def test_a_trace_gives_the_value_and_the_raw_records_behind_it(world: World) -> None:
    call = world.client()
    link = call.one("lea_001")["reasons"]["for"][0]["trace"]
    body = call.get(link).json()
    TraceOut.model_validate(body)
    assert (body["value"], body["unit"], body["title"]["zh"]) == (2.0, "count", "近30天聊天互动")
    assert [r["record_id"] for r in body["records"]] == ["act_1", "act_2"]
    assert body["records"][0]["occurred_at"].endswith("Z")


def test_a_trace_shows_what_was_known_then(world: World) -> None:
    earlier = (NOW - timedelta(days=2)).isoformat().replace("+00:00", "Z")
    body = world.client().get("/v1/leads/lea_001/trace/lead_chats_30d", params={"as_of": earlier}).json()
    assert (body["value"], [r["record_id"] for r in body["records"]]) == (1.0, ["act_1"])
    now = world.client().get("/v1/leads/lea_001/trace/lead_chats_30d").json()
    assert (now["value"], now["as_of"]) == (2.0, "2026-03-01T00:00:00Z")


def test_every_scored_answer_fits_the_published_schema(world: World) -> None:
    world.remember("lea_004", hours=9)
    del world.online.rows["lea_002"]
    body = world.client()("POST", "/v1/leads/score", json={"ids": [*LEADS, "lea_none"]}).json()
    LeadResults.model_validate(body)
    ErrorBody.model_validate(world.client().get("/v1/nothing").json())


def test_readiness_names_each_part_and_degraded_is_ready(world: World) -> None:
    call = world.client()
    ready = call.get("/readyz", key=None)
    Readiness.model_validate(ready.json())
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert set(ready.json()["parts"]) == {
        *("store", "online_features", "champion:lead_health", "champion:account_churn")
    }
    world.absent("no_champion")
    world.online_loaded = False
    degraded = call.get("/readyz", key=None)
    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    assert degraded.json()["parts"]["champion:lead_health"] == {"state": "degraded", "detail": "no_champion"}
    assert degraded.json()["parts"]["online_features"]["detail"] == "starting"


def test_a_service_without_its_record_store_is_not_ready_but_alive(world: World) -> None:
    world.records.broken = {"all"}
    call = world.client()
    down = call.get("/readyz", key=None)
    assert (down.status_code, down.json()["status"]) == (503, "down")
    assert "secret" not in down.text
    assert call.get("/livez", key=None).json() == {"status": "alive"}


def test_metrics_count_requests_by_route_and_scores_by_rung(world: World) -> None:
    call = world.client()
    call.score("lea_001", "lea_002", "lea_none")
    world.online.broken = True
    call.score("lea_001")
    for lead in LEADS:
        call.get(f"/v1/leads/{lead}")
    call.get("/v9/lea_001")
    text = call.get("/metrics", key=None).text
    routed = 'leadpulse_http_requests_total{method="GET",route="/v1/leads/{id}",status="200"} 7.0'
    assert routed in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert 'leadpulse_scores_total{model="lead_health",rung="model",source="model",why=""} 2.0' in text
    assert 'rung="rules_records",source="rules",why="no_online_features"} 1.0' in text
    assert 'leadpulse_unscored_total{code="lead_not_found",model="lead_health"} 1.0' in text
    assert 'leadpulse_http_request_seconds_count{route="/v1/leads/score"} 2.0' in text
    assert "lea_001" not in text


def test_the_documentation_page_takes_nothing_from_other_machines(world: World) -> None:
    call = world.client()
    page = call.get("/docs", key=None)
    assert page.status_code == 200
    assert "//" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert name in page.text
        assert call.get(f"/docs/{name}", key=None).status_code == 200
    assert urlsplit(str(call.get("/docs", key=None).url)).path == "/docs"
