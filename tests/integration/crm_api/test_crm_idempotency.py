"""One key, one effect, one reply: under races, replays, other requests, time, and a kill before the reply."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from crm_store.database import transaction
from crm_store.models import IdempotencyKey
from crm_store.services import idempotency
from tests.integration.crm_api.office import Api
from tests.sizes import full

ROOT = Path(__file__).resolve().parents[3]
KEYS = full(8, 200)
RACERS = full(12, 50)
BODY = {"company": "苏州示例精密机械有限公司"}


def create(api: Api, key: str, body: dict[str, Any] = BODY, who: str = "service") -> httpx.Response:
    return api.post("/leads", body, who, headers={"Idempotency-Key": key})


async def race(api: Api) -> dict[str, list[httpx.Response]]:
    """Let racers create a lead with each key at once; who is told to wait asks again."""

    async def run(client: httpx.AsyncClient, key: str) -> httpx.Response:
        headers = {"Idempotency-Key": key, "Authorization": f"Bearer {api.keys['service']}"}
        while True:
            response = await client.post("/crm/v1/leads", json=BODY | {"need": key}, headers=headers)
            if "retry-after" not in response.headers:
                return response
            await asyncio.sleep(0)

    async with api.client() as client:
        answers = {}
        for number in range(KEYS):
            key = f"key-{number}"
            answers[key] = list(await asyncio.gather(*(run(client, key) for _ in range(RACERS))))
        return answers


def test_racers_with_one_key_have_one_effect_and_one_reply(api: Api) -> None:
    answers = asyncio.run(race(api))
    for responses in answers.values():
        assert {(r.status_code, r.content, r.headers["etag"], r.headers["location"]) for r in responses} == {
            (201, responses[0].content, '"1"', responses[0].headers["location"])
        }
        replayed = Counter(r.headers.get("idempotent-replayed") for r in responses)
        assert replayed == {None: 1, "true": RACERS - 1}
    listed: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.get(f"/leads?limit=200{cursor}").json()
        listed += page["items"]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert Counter(one["need"] for one in listed) == dict.fromkeys(answers, 1)


def test_a_key_stands_for_one_request_of_one_caller(api: Api) -> None:
    lead = create(api, "k1").json()
    for response in (
        create(api, "k1", {"company": "另一家公司有限公司"}),
        api.post("/accounts", {"name": "x"}, headers={"Idempotency-Key": "k1"}),
        api.patch(f"/leads/{lead['id']}", {"version": 1}, headers={"Idempotency-Key": "k1"}),
        api.delete(f"/leads/{lead['id']}", headers={"Idempotency-Key": "k1"}),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert create(api, "k1", who="operations").status_code == 201


def test_patches_and_deletes_are_repeated_safely_too(api: Api) -> None:
    lead = api.lead()
    path, headers = f"/leads/{lead['id']}", {"Idempotency-Key": "p", "If-Match": '"1"'}
    first, again = (api.patch(path, {"need": "x"}, headers=headers) for _ in range(2))
    assert (first.status_code, first.content, first.headers["etag"]) == (
        200,
        again.content,
        again.headers["etag"],
    )
    deletes = [api.delete(path, headers={"Idempotency-Key": "d"}) for _ in range(2)]
    assert [(r.status_code, r.headers.get("idempotent-replayed")) for r in deletes] == [
        (204, None),
        (204, "true"),
    ]
    assert api.get(f"{path}?deleted=true").json()["version"] == 3


def test_a_refusal_keeps_no_key_so_that_what_was_missing_can_be_mended(api: Api) -> None:
    body = {"name": "王", "account_id": "acc_00000000000000000000000a"}
    headers = {"Idempotency-Key": "later"}
    assert api.post("/contacts", body, headers=headers).status_code == 422
    right = body | {"account_id": api.account()["id"]}
    assert api.post("/contacts", right, headers=headers).status_code == 201


def test_a_key_is_kept_for_96_hours_and_then_forgotten(api: Api) -> None:
    first = create(api, "old").json()["id"]
    api.clock.now += timedelta(hours=95, minutes=59)
    assert create(api, "old").json()["id"] == first
    api.clock.now += timedelta(minutes=2)
    assert create(api, "old").json()["id"] != first
    api.clock.now += timedelta(hours=97)
    with transaction(api.sessions) as session:
        assert idempotency.purge(session, api.clock()) == 1
        assert idempotency.purge(session, api.clock()) == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ü"])
def test_an_odd_key_is_refused(sqlite_api: Api, key: str) -> None:
    response = sqlite_api.post("/leads", BODY, headers={"Idempotency-Key": key.encode("latin-1")})
    assert response.json()["error"]["code"] == "header_invalid"


def test_what_tells_a_secret_is_kept_sealed_and_repeated_all_the_same(api: Api) -> None:
    body, headers = {"name": "erp", "scopes": ["read"]}, {"Idempotency-Key": "s"}
    first, again = (api.post("/api-keys", body, "admin", headers=headers) for _ in range(2))
    assert first.content == again.content
    with api.sessions() as session:
        (kept,) = session.scalars(select(IdempotencyKey.body))
    assert first.json()["key"].encode() not in kept


def test_a_process_killed_after_its_commit_and_before_its_reply_has_one_effect(
    store_url: str, tmp_path: Path
) -> None:
    environment = os.environ | {"TZ": "UTC"}
    run = [sys.executable, "-m", "tests.integration.crm_api.killed_before_reply", store_url, str(tmp_path)]
    killed = subprocess.run([*run, "die"], cwd=ROOT, env=environment, capture_output=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert killed.stdout == b""
    again = [
        subprocess.run(
            [*run, "live"], cwd=ROOT, env=environment, capture_output=True, timeout=120, check=True
        )
        for _ in range(2)
    ]
    told = [json.loads(one.stdout) for one in again]
    assert told[0] == told[1]
    assert told[0]["replayed"] == "true"
    assert told[0]["leads"] == 1
