"""Signed webhooks: genuine, fresh and new ones become leads; whatever was touched on the way is refused."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from standardwebhooks import Webhook

from crm_store.models import Submission, WebhookEndpoint
from tests.integration.crm_api.office import Api
from tests.sizes import full

LEAD = {
    "company": "苏州示例精密机械有限公司",
    "title": "采购经理",
    "phone": "13912345678",
    "need": "骨科耗材",
}


@dataclass
class Sender:
    """A sender and its present secret."""

    api: Api
    id: str
    secret: str

    def signed(self, body: bytes, message_id: str = "msg_1", at: datetime | None = None) -> dict[str, str]:
        """Return the headers of a message signed now."""
        moment = (at or self.api.clock.now).astimezone(UTC)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(message_id, moment, body.decode()),
        }

    def send(self, body: bytes, headers: dict[str, Any], to: str | None = None) -> httpx.Response:
        path = f"/crm/v1/intake/webhooks/{to or self.id}"
        whole = {"content-type": "application/json"} | headers
        return self.api("POST", path, None, content=body, headers=whole)


def sender_of(api: Api) -> Sender:
    made = api.post("/webhook-endpoints", {"name": "website"}, "admin").json()
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) >= 24
    return Sender(api, made["id"], made["secret"])


BODY = json.dumps(LEAD, ensure_ascii=False).encode()


def test_a_signed_message_becomes_a_lead_with_or_without_an_envelope(api: Api) -> None:
    sender = sender_of(api)
    for number, content in enumerate((LEAD, {"type": "lead.created", "data": LEAD})):
        body = json.dumps(content).encode()
        answer = sender.send(body, sender.signed(body, f"m{number}"))
        assert answer.status_code == 201, answer.text
        lead = api.get(f"/leads/{answer.json()['lead']['id']}").json()
        assert (lead["phone"], lead["source"]) == ("+8613912345678", "webhook:website")
    kept = api.get("/submissions").json()["items"]
    assert {one["way"] for one in kept} == {"webhook:website"}


def test_the_same_message_is_a_replay_and_a_message_sent_again_gets_the_first_answer(api: Api) -> None:
    sender = sender_of(api)
    headers = sender.signed(BODY)
    first = sender.send(BODY, headers)
    replay = sender.send(BODY, headers)
    assert (replay.status_code, replay.json()["error"]["code"]) == (409, "webhook_replayed")
    later = sender.signed(BODY, at=api.clock.now + timedelta(seconds=30))
    again = sender.send(BODY, later)
    assert (again.status_code, again.content) == (201, first.content)
    assert sender.send(BODY, later).json()["error"]["code"] == "webhook_replayed"
    other = b'{"company": "x"}'
    changed = sender.send(other, sender.signed(other, at=api.clock.now + timedelta(seconds=60)))
    assert changed.json()["error"]["code"] == "idempotency_key_reused"
    assert len(api.get("/leads").json()["items"]) == 1


def test_a_message_that_fails_stage_one_waits_and_its_resend_gets_the_same_answer(api: Api) -> None:
    sender, body = sender_of(api), b'{"phone": "1"}'
    first = sender.send(body, sender.signed(body))
    again = sender.send(body, sender.signed(body, at=api.clock.now + timedelta(seconds=9)))
    assert (first.status_code, first.content) == (422, again.content)
    assert len(api.get("/submissions").json()["items"]) == 1


@pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (301, 401), (-299, 201), (299, 201)])
def test_a_message_is_fresh_within_300_seconds(sqlite_api: Api, seconds: int, status: int) -> None:
    sender = sender_of(sqlite_api)
    at = sqlite_api.clock.now.replace(microsecond=0) + timedelta(seconds=seconds)
    sqlite_api.clock.now = sqlite_api.clock.now.replace(microsecond=0)
    assert sender.send(BODY, sender.signed(BODY, at=at)).status_code == status


def test_both_secrets_hold_while_one_replaces_the_other(api: Api) -> None:
    old = sender_of(api)
    new = Sender(api, old.id, api.post(f"/webhook-endpoints/{old.id}/rotate", None, "admin").json()["secret"])
    assert api.post(f"/webhook-endpoints/{old.id}/rotate", None, "admin").status_code == 409
    assert old.send(BODY, old.signed(BODY, "a")).status_code == 201
    assert new.send(BODY, new.signed(BODY, "b")).status_code == 201
    assert api.post(f"/webhook-endpoints/{old.id}/retire", None, "admin").json()["rotating"] is False
    assert old.send(BODY, old.signed(BODY, "c")).status_code == 401
    assert new.send(BODY, new.signed(BODY, "d")).status_code == 201
    assert api.delete(f"/webhook-endpoints/{old.id}", "admin").status_code == 204
    assert new.send(BODY, new.signed(BODY, "e")).status_code == 401


def test_no_secret_lies_in_the_store_in_clear_and_none_is_listed(api: Api) -> None:
    sender = sender_of(api)
    with api.sessions() as session:
        kept = session.scalars(select(WebhookEndpoint.secret)).one()
    assert sender.secret not in kept
    assert sender.secret not in api.get("/webhook-endpoints", "admin").text
    assert api.get("/webhook-endpoints", "operations").status_code == 403


def test_a_stranger_learns_nothing_from_the_refusal(sqlite_api: Api) -> None:
    sender = sender_of(sqlite_api)
    good = sender.signed(BODY)
    answers = [
        sender.send(BODY, good, to="web_none"),
        sender.send(BODY, good | {"webhook-signature": "v1,AAAA"}),
        sender.send(BODY, {name: value for name, value in good.items() if name != "webhook-id"}),
        sender.send(BODY, good | {"webhook-timestamp": "9" * 12}),
    ]
    told = {(one.status_code, one.json()["error"]["message"]["en"]) for one in answers}
    assert len(told) == 1


def test_every_byte_that_is_flipped_is_noticed(sqlite_api: Api) -> None:
    """Bytes of the body, of each header's value and of each header's name, each flipped in every way."""
    sender = sender_of(sqlite_api)
    good = sender.signed(BODY)
    parts = [("body", BODY), *((name, value.encode()) for name, value in good.items())]
    parts += [(f"name of {name}", name.encode()) for name in good]
    places = [(part, at) for part, content in parts for at in range(len(content))]

    def flipped(part: str, at: int, mask: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        body, headers = BODY, {name.encode(): value.encode() for name, value in good.items()}
        if part == "body":
            return _flip(BODY, at, mask), list(headers.items())
        name = part.removeprefix("name of ").encode()
        value = headers.pop(name)
        if part.startswith("name"):
            return body, [*headers.items(), (_flip(name, at, mask), value)]
        return body, [*headers.items(), (name, _flip(value, at, mask))]

    @settings(max_examples=full(250, 20_000), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(places), st.integers(1, 255))
    def check(place: tuple[str, int], mask: int) -> None:
        body, headers = flipped(*place, mask)
        if (
            place[0].startswith("name")
            and headers[-1][0].lower() == place[0].removeprefix("name of ").encode()
        ):
            return  # a header's name has no case
        assert status_of(sqlite_api, sender.id, body, headers) in (400, 401)

    check()
    assert not sqlite_api.get("/leads").json()["items"]
    with sqlite_api.sessions() as session:
        assert session.scalars(select(Submission)).all() == []
    assert sender.send(BODY, good).status_code == 201


def status_of(api: Api, endpoint: str, body: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """Send raw header bytes, as no well-behaved client would, and return the status."""
    import asyncio

    found: list[int] = []
    path = f"/crm/v1/intake/webhooks/{endpoint}"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), *((n.lower(), v) for n, v in headers)],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
        "state": {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    asyncio.run(api.app(scope, receive, send))
    return found[0]


def _flip(content: bytes, at: int, mask: int) -> bytes:
    return content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]
