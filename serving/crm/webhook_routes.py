"""Senders of webhooks: made, listed, given new secrets, ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Final

from pydantic import Field

from crm_store.services import webhooks
from crm_store.services.webhooks import Endpoint
from serving.crm import params
from serving.crm.contract import Strict
from serving.crm.forms import parsed
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.resources import PREFIX
from serving.crm.samples import sample_id

_TAG: Final = "intake 线索接入"
_PATH: Final = f"{PREFIX}/webhook-endpoints"


class EndpointIn(Strict):
    """A sender to make."""

    name: str = Field(min_length=1, max_length=80)


class EndpointOut(Strict):
    """A sender. ``secret`` is told when it is made or rotated, and not again; ``url`` takes its messages."""

    id: str
    name: str
    url: str
    created_at: datetime
    disabled_at: datetime | None
    rotating: bool
    secret: str | None = None


class EndpointsOut(Strict):
    """Every sender by name, the disabled too."""

    items: list[EndpointOut]


def webhook_operations() -> Iterator[Operation]:
    """Yield the operations on senders of webhooks."""
    yield from (_make(), _list(), _rotate(), _retire(), _end())


def _make() -> Operation:
    def handle(call: Call) -> Reply:
        name = parsed(call, EndpointIn).name
        made, secret = webhooks.create_endpoint(call.whole, call.deps.vault, name, call.now)
        return Reply(_told(made) | {"secret": secret}, 201)

    return Operation(
        "POST",
        _PATH,
        "crm_create_webhook_endpoint",
        "Make a sender; its secret is shown this once 新建 Webhook 发送方",
        _TAG,
        Policy("webhook_endpoint", "create"),
        handle,
        body=EndpointIn,
        body_kind="json",
        answers={201: EndpointOut},
        errors=("name_taken", "required", "bad_character"),
        example=_SAMPLE | {"secret": "whsec_…"},
        body_example={"name": "website"},
        writes=True,
        secret=True,
    )


def _list() -> Operation:
    return Operation(
        "GET",
        _PATH,
        "crm_list_webhook_endpoints",
        "Senders of webhooks, the disabled too Webhook 发送方列表",
        _TAG,
        Policy("webhook_endpoint", "read"),
        lambda call: Reply({"items": [_told(one) for one in webhooks.endpoints(call.whole)]}),
        answers={200: EndpointsOut},
        example={"items": [_SAMPLE]},
    )


def _rotate() -> Operation:
    def handle(call: Call) -> Reply:
        rotated, secret = webhooks.rotate(call.whole, call.deps.vault, call.path["id"])
        return Reply(_told(rotated) | {"secret": secret})

    return Operation(
        "POST",
        f"{_PATH}/{{id}}/rotate",
        "crm_rotate_webhook_secret",
        "Give a sender its next secret; both hold until the old one is retired 轮换密钥",
        _TAG,
        Policy("webhook_endpoint", "update"),
        handle,
        params=(params.record_id(),),
        answers={200: EndpointOut},
        errors=("unknown_endpoint", "already_rotating"),
        example=_SAMPLE | {"rotating": True, "secret": "whsec_…"},
        writes=True,
        secret=True,
    )


def _retire() -> Operation:
    return Operation(
        "POST",
        f"{_PATH}/{{id}}/retire",
        "crm_retire_webhook_secret",
        "End a rotation: the old secret holds no longer 停用旧密钥",
        _TAG,
        Policy("webhook_endpoint", "update"),
        lambda call: Reply(_told(webhooks.retire(call.whole, call.path["id"]))),
        params=(params.record_id(),),
        answers={200: EndpointOut},
        errors=("unknown_endpoint",),
        example=_SAMPLE,
        writes=True,
    )


def _end() -> Operation:
    def handle(call: Call) -> Reply:
        webhooks.disable(call.whole, call.path["id"], call.now)
        return Reply(status=204)

    return Operation(
        "DELETE",
        f"{_PATH}/{{id}}",
        "crm_delete_webhook_endpoint",
        "End a sender: its messages are refused from now on 停用发送方",
        _TAG,
        Policy("webhook_endpoint", "delete"),
        handle,
        params=(params.record_id(),),
        answers={204: None},
        errors=("unknown_endpoint",),
        writes=True,
    )


def _told(endpoint: Endpoint) -> dict[str, object]:
    return asdict(endpoint) | {"url": f"{PREFIX}/intake/webhooks/{endpoint.id}"}


_SAMPLE: Final = {
    "id": sample_id("webhook"),
    "name": "website",
    "url": f"{PREFIX}/intake/webhooks/{sample_id('webhook')}",
    "created_at": "2026-03-01T00:00:00Z",
    "disabled_at": None,
    "rotating": False,
}
