"""Replies as bytes, and as they are kept for a repeated key."""

from __future__ import annotations

from typing import Final

import orjson

from crm_store.services.idempotency import KeptReply
from serving.crm.operation import Call, Reply
from serving.crm.refusals import CrmError

_KEPT_HEADERS: Final = ("content-type", "etag", "location")
_WRITING: Final = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def kept_form(reply: Reply) -> KeptReply:
    """Return a reply as it is kept: status, the headers that describe the body, and the body's bytes."""
    headers = {"content-type": reply.media_type} | {k.lower(): v for k, v in reply.headers.items()}
    shown = {name: value for name, value in headers.items() if name in _KEPT_HEADERS}
    return KeptReply(reply.status, shown, bytes_of(reply))


def replayed(kept: KeptReply) -> Reply:
    """Return the reply that was kept, marked as given before."""
    headers = {name: value for name, value in kept.headers.items() if name != "content-type"}
    return Reply(
        raw=kept.body,
        status=kept.status,
        headers=headers | {"idempotent-replayed": "true"},
        media_type=kept.headers.get("content-type", "application/json"),
    )


def told(error: CrmError, call: Call) -> Reply:
    """Answer with a refusal that is no failure: what it counted must stay."""
    return Reply({"error": error.told() | {"request_id": call.request_id}}, error.problem.status)


def bytes_of(reply: Reply) -> bytes:
    """Return the body of a reply."""
    if reply.raw is not None:
        return reply.raw
    return b"" if reply.content is None else orjson.dumps(reply.content, option=_WRITING)
