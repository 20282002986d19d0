"""Every way a request can be wrong has one stable code, words in two languages, and no stack trace."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from threading import Event
from typing import Any

import httpx
import pytest

from serving.errors import PROBLEMS
from tests.unit.serving.fakes import KEY, LEADS, READ_KEY, SCORE_KEY, World

SCORE = "/v1/leads/score"
MEBIBYTE = 1 << 20


@pytest.fixture
def world() -> World:
    return World()


def code_of(response: httpx.Response, status: int) -> str:
    """Check the shape that every error has, and return its code."""
    error = response.json()["error"]
    assert response.status_code == status == PROBLEMS[error["code"]].status
    assert error["message"]["zh"] != error["message"]["en"]
    assert error["hint"]["zh"] != error["hint"]["en"]
    assert error["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert "secret" not in response.text
    return str(error["code"])


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"", 400, "body_empty", None),
        (b"  \n", 400, "body_empty", None),
        (b'{"ids": [', 400, "json_invalid", None),
        (b'{"ids": ["\xff"]}', 400, "json_invalid", None),
        (b'{"ids": ["\\ud800"]}', 400, "json_invalid", None),
        (b'{"ids": [NaN]}', 400, "json_invalid", None),
        (b"[" * 100_000, 400, "json_invalid", None),
        (b"[]", 422, "type_invalid", None),
        (b"null", 422, "type_invalid", None),
        (b'"lea_001"', 422, "type_invalid", None),
        (b"{}", 422, "field_missing", "ids"),
        (b'{"ids": "lea_001"}', 422, "type_invalid", "ids"),
        (b'{"ids": null}', 422, "type_invalid", "ids"),
        (b'{"ids": []}', 422, "ids_empty", "ids"),
        (b'{"ids": ["lea_001", 7]}', 422, "type_invalid", "ids[1]"),
        (b'{"ids": [true]}', 422, "type_invalid", "ids[0]"),
        (b'{"ids": [["lea_001"]]}', 422, "type_invalid", "ids[0]"),
        (b'{"ids": ["lea_001"], "model": "x"}', 422, "field_unknown", "model"),
    ],
)
def test_a_body_that_cannot_be_read(
    world: World, body: bytes, status: int, code: str, field: str | None
) -> None:
    response = world.client()("POST", SCORE, content=body)
    assert code_of(response, status) == code
    assert response.json()["error"].get("field") == field


def test_1001_ids_are_refused_and_1000_are_not(world: World) -> None:
    call = world.client()
    too_many = call("POST", SCORE, json={"ids": ["lea_001"] * 1001})
    assert code_of(too_many, 422) == "too_many_ids"
    assert "1001" in too_many.json()["error"]["message"]["en"]
    assert len(call("POST", SCORE, json={"ids": ["lea_001"] * 1000}).json()["results"]) == 1000


@pytest.mark.parametrize("path", [SCORE, "/v1/leads", "/livez"])
def test_a_body_of_5_megabytes_is_refused_before_it_is_read(world: World, path: str) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(5):
            read.append(1)
            yield b" " * MEBIBYTE

    response = world.client()("POST", path, content=body(), headers={"Content-Length": str(5 * MEBIBYTE)})
    assert code_of(response, 413) == "body_too_large"
    assert len(read) <= 1


def test_a_chunked_body_is_cut_off_at_the_limit(world: World) -> None:
    read = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(50):
            read.append(1)
            yield b" " * (MEBIBYTE // 10)

    response = world.client()("POST", SCORE, content=body())
    assert code_of(response, 413) == "body_too_large"
    assert len(read) <= 12


def test_a_body_of_just_the_limit_is_read(world: World) -> None:
    body = json.dumps({"ids": ["lea_001"]}).encode()
    response = world.client()("POST", SCORE, content=body + b" " * (MEBIBYTE - len(body)))
    assert response.status_code == 200


def test_an_unknown_id_is_an_error_of_its_item_only(world: World) -> None:
    strange = ["lea_none", "", "lea\x00", "线索", "x" * 4000, "acc_001", "../lea_001"]
    results = world.client().score("lea_001", *strange)
    assert [r["id"] for r in results] == ["lea_001", *strange]
    assert results[0]["score"] is not None
    for result in results[1:]:
        assert result["score"] is None
        assert result["error"]["code"] == "lead_not_found"
        assert result["error"]["message"]["zh"]


def test_an_unknown_account_has_its_own_code(world: World) -> None:
    response = world.client()("POST", "/v1/accounts/risk", json={"ids": ["lea_001"]})
    assert response.json()["results"][0]["error"]["code"] == "account_not_found"


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("limit=0", "parameter_invalid", "limit"),
        ("limit=201", "parameter_invalid", "limit"),
        ("limit=ten", "parameter_invalid", "limit"),
        ("band=purple", "parameter_invalid", "band"),
        ("q=" + "x" * 81, "parameter_invalid", "q"),
        ("q=a%00b", "parameter_invalid", "q"),
        ("region=%0d%0a", "parameter_invalid", "region"),
        ("cursor=made-up", "cursor_invalid", "cursor"),
        ("cursor=" + "x" * 401, "parameter_invalid", "cursor"),
        ("colour=red", "parameter_unknown", "colour"),
    ],
)
def test_a_parameter_that_makes_no_sense(world: World, query: str, code: str, field: str) -> None:
    response = world.client().get(f"/v1/leads?{query}")
    assert code_of(response, 422) == code
    assert response.json()["error"]["field"] == field


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/leads/lea_none", 404, "lead_not_found"),
        ("/v1/leads/acc_001", 404, "lead_not_found"),
        ("/v1/accounts/lea_001", 404, "account_not_found"),
        ("/v1/leads/" + "x" * 41, 422, "parameter_invalid"),
        ("/v1/leads/a%00b", 422, "parameter_invalid"),
        ("/v1/leads/lea_001?as_of=2026-01-01T00:00:00Z", 422, "parameter_unknown"),
        ("/v1/leads/lea_none/trace/lead_chats_30d", 404, "lead_not_found"),
        ("/v1/leads/lea_001/trace/lead_shoe_size", 404, "feature_not_found"),
        ("/v1/leads/lea_001/trace/account_chats_30d", 404, "feature_not_found"),
        ("/v1/leads/lea_001/trace/lead_chats_30d?as_of=yesterday", 422, "parameter_invalid"),
        ("/v1/leads/lea_001/trace/lead_chats_30d?as_of=2026-01-01T00:00:00", 422, "parameter_invalid"),
        ("/v1/leads/lea_001/trace/lead_chats_30d?when=now", 422, "parameter_unknown"),
        ("/v1/leads/", 404, "not_found"),
        ("/v2/leads", 404, "not_found"),
        ("/docs/secrets.txt", 404, "not_found"),
        ("/", 404, "not_found"),
    ],
)
def test_an_address_with_nothing_at_it(world: World, path: str, status: int, code: str) -> None:
    assert code_of(world.client().get(path), status) == code


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", SCORE), ("POST", "/v1/leads"), ("DELETE", "/v1/leads/lea_001"), ("PUT", "/livez")],
)
def test_a_method_that_is_not_offered(world: World, method: str, path: str) -> None:
    # GET /v1/leads/score is the detail of a lead called "score": an unknown one.
    response = world.client()(method, path)
    if (method, path) == ("GET", SCORE):
        assert code_of(response, 404) == "lead_not_found"
    else:
        assert code_of(response, 405) == "method_not_allowed"
        assert response.headers["allow"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "api_key_missing"),
        ({"Authorization": "Basic abc"}, 401, "api_key_missing"),
        ({"Authorization": "Bearer "}, 401, "api_key_missing"),
        ({"Authorization": "Bearer lp_unknown"}, 401, "api_key_invalid"),
        ({"X-API-Key": "x" * 5000}, 401, "api_key_invalid"),
        ({"X-API-Key": READ_KEY}, 403, "scope_missing"),
    ],
)
def test_scoring_needs_a_key_with_its_scope(
    world: World, headers: dict[str, str], status: int, code: str
) -> None:
    response = world.client()("POST", SCORE, json={"ids": ["lea_001"]}, key=None, headers=headers)
    assert code_of(response, status) == code
    assert ("www-authenticate" in response.headers) == (status == 401)


def test_reading_needs_the_read_scope_and_takes_either_header(world: World) -> None:
    call = world.client()
    assert code_of(call.get("/v1/leads", key=SCORE_KEY), 403) == "scope_missing"
    assert call.get("/v1/leads", key=READ_KEY).status_code == 200
    assert call.get("/v1/leads", key=None, headers={"X-API-Key": READ_KEY}).status_code == 200


def test_a_revoked_key_opens_no_further_request(world: World) -> None:
    call = world.client()
    assert call.get("/v1/leads").status_code == 200
    del world.records.keys[KEY]
    assert code_of(call.get("/v1/leads"), 401) == "api_key_invalid"
    assert code_of(call("POST", SCORE, json={"ids": ["lea_001"]}), 401) == "api_key_invalid"


def test_a_new_key_that_was_tried_too_early_works_at_once(world: World) -> None:
    call = world.client()
    assert call.get("/v1/leads", key="lp_new").status_code == 401
    world.records.keys["lp_new"] = frozenset({"read"})
    assert call.get("/v1/leads", key="lp_new").status_code == 200


@pytest.mark.parametrize(
    ("broken", "path", "code"),
    [
        ("viewer_of_key", "/v1/leads", "store_unavailable"),
        ("ranked", "/v1/leads", "store_unavailable"),
        ("record", "/v1/leads/lea_001", "store_unavailable"),
        ("score_history", "/v1/leads/lea_001", "store_unavailable"),
        ("latest", "/v1/leads/lea_001", "store_unavailable"),
        ("history", "/v1/leads/lea_001/trace/lead_chats_30d", "trace_unavailable"),
    ],
)
def test_a_store_that_fails_is_named_and_its_words_are_kept(
    world: World, broken: str, path: str, code: str
) -> None:
    world.records.broken = {broken}
    assert code_of(world.client().get(path), 503) == code


def test_an_error_nobody_planned_for_is_logged_as_json_and_not_shown(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    call = world.client()
    world.champions.standing.clear()
    with caplog.at_level(logging.ERROR, "leadpulse.serving"):
        response = call("POST", SCORE, json={"ids": ["lea_001"]})
    assert code_of(response, 500) == "internal"
    (line,) = [json.loads(r.message) for r in caplog.records if r.levelno == logging.ERROR]
    assert line["event"] == "unexpected_error"
    assert (line["type"], line["route"]) == ("KeyError", SCORE)
    assert line["request_id"] == response.json()["error"]["request_id"]
    assert any(frame.startswith("ladder.py:") for frame in line["frames"])


def test_a_request_that_hangs_is_a_timeout_and_the_next_one_is_served(world: World) -> None:
    world.request_timeout = 0.5
    world.model.held = Event()
    free = world.model.held.set

    async def one_after_the_other(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        hung = await client.post(SCORE, json={"ids": ["lea_001"]})
        world.model.held = None
        return hung, await client.post(SCORE, json={"ids": ["lea_002"]})

    try:
        hung, served = run(world, one_after_the_other)
    finally:
        free()
    assert code_of(hung, 504) == "timeout"
    assert served.json()["results"][0]["score"]["value"] == 20.0


def test_the_callers_request_id_is_kept_unless_it_is_odd(world: World) -> None:
    call = world.client()
    assert (
        call.get("/livez", headers={"X-Request-ID": "order-7-of-9"}).headers["x-request-id"] == "order-7-of-9"
    )
    odd = call.get("/livez", headers={"X-Request-ID": "a b<script>"}).headers["x-request-id"]
    assert odd.isalnum()
    assert len(odd) == 16


def test_requests_at_the_same_time_share_reads_and_keep_their_answers(world: World) -> None:
    async def together(client: httpx.AsyncClient) -> list[Any]:
        asked = [client.post(SCORE, json={"ids": [lead, "lea_none"]}) for lead in LEADS]
        return [response.json()["results"] for response in await asyncio.gather(*asked)]

    answers = run(world, together)
    assert [[r["id"] for r in results] for results in answers] == [[lead, "lea_none"] for lead in LEADS]
    assert [results[0]["score"]["value"] for results in answers] == [10.0 * n for n in range(1, 8)]
    assert world.online.reads < len(LEADS)


def run(world: World, calls: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    """Make several calls on one event loop."""

    async def session() -> Any:
        transport = httpx.ASGITransport(app=world.client().app)
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            return await calls(client)

    return asyncio.run(session())
