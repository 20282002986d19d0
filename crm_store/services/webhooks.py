"""Signed messages from outside: who may send them, and whether one is genuine, fresh and new.

Signatures are those of Standard Webhooks (HMAC-SHA256 over id, timestamp and body). Secrets are random, shown
once and kept sealed; while one replaces the other, both hold.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from crm_store.domain.ids import new_id
from crm_store.models import WebhookEndpoint
from crm_store.repositories import problems, submissions
from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.idempotency import Request
from crm_store.services.vault import Vault

# What Standard Webhooks recommends: longer lets more replays through, shorter refuses honest slow clocks.
TOLERANCE = timedelta(seconds=300)
_SECRET_BYTES = 32
_SECRET_MARK = "whsec_"  # noqa: S105 - the mark, not a secret
_ID = re.compile(r"[\x21-\x7e]{1,200}")
_SECONDS = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_LONGEST_SIGNATURES = 2_000
_NAME_LENGTH = 80


@dataclass(frozen=True)
class Endpoint:
    """A sender as an administrator sees it; ``rotating`` while two secrets hold."""

    id: str
    name: str
    created_at: datetime
    disabled_at: datetime | None
    rotating: bool


@dataclass(frozen=True)
class Message:
    """A genuine message: which sender's, its id there, when it was signed, and what it stands for here."""

    endpoint_id: str
    endpoint_name: str
    message_id: str
    sent_at: datetime
    request: Request


def create_endpoint(session: Session, vault: Vault, name: str, now: datetime) -> tuple[Endpoint, str]:
    """Add a sender; return it and its secret, ``whsec_…``, which cannot be read again.

    Raises StoreError: ``required``, ``too_long``, ``bad_character`` or ``name_taken`` (name).
    """
    plain = _checked_name(name)
    if submissions.endpoint_named(session, plain) is not None:
        raise StoreError(
            Problem("name_taken", "name", f"名称 {plain} 已被使用", f"the name {plain} is taken")
        )
    secret = _new_secret()
    added = submissions.add_endpoint(
        session, id=new_id("webhook"), name=plain, secret=vault.seal(secret), created_at=now
    )
    return _told(added), secret


def rotate(session: Session, vault: Vault, endpoint_id: str) -> tuple[Endpoint, str]:
    """Give a sender its next secret, and return both; the present one holds until ``retire``.

    Raises StoreError ``unknown_endpoint`` or ``already_rotating``.
    """
    endpoint = _open(session, endpoint_id)
    if endpoint.next_secret is not None:
        zh, en = "上一次轮换尚未结束", "the last rotation has not ended yet: retire the old secret first"
        raise StoreError(Problem("already_rotating", None, zh, en))
    secret = _new_secret()
    endpoint.next_secret = vault.seal(secret)
    session.flush()
    return _told(endpoint), secret


def retire(session: Session, endpoint_id: str) -> Endpoint:
    """End a rotation: only the next secret holds from now on. Without a rotation, nothing happens."""
    endpoint = _open(session, endpoint_id)
    if endpoint.next_secret is not None:
        endpoint.secret, endpoint.next_secret = endpoint.next_secret, None
        session.flush()
    return _told(endpoint)


def disable(session: Session, endpoint_id: str, now: datetime) -> None:
    """End a sender: its messages are refused from now on. Raises StoreError ``unknown_endpoint``."""
    _open(session, endpoint_id).disabled_at = now
    session.flush()


def endpoints(session: Session) -> list[Endpoint]:
    """Return every sender by name, the disabled too."""
    return [_told(endpoint) for endpoint in submissions.endpoints(session)]


def verify(
    session: Session, vault: Vault, endpoint_id: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> Message:
    """Return the message when it is genuine and fresh.

    ``headers`` have lower-case names. Raises StoreError ``webhook_refused``, the same for an unknown or
    disabled sender, a header that is missing or odd, a wrong signature and a timestamp more than 300 s away.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    endpoint = submissions.endpoint_by_id(session, endpoint_id)
    sealed = [_NOBODYS] if endpoint is None else [endpoint.secret, endpoint.next_secret]
    keys = [vault.open(one) if one is not _NOBODYS else _NOBODYS for one in sealed if one is not None]
    genuine = _is_signed(keys, message_id, timestamp, body, headers.get("webhook-signature", ""))
    if not genuine or endpoint is None or endpoint.disabled_at is not None:
        raise StoreError(refused())
    sent_at = datetime.fromtimestamp(int(timestamp), UTC)
    if abs(now - sent_at) > TOLERANCE:
        raise StoreError(refused())
    digest = hashlib.sha256(body).hexdigest()
    request = Request(f"webhook:{endpoint.id}", message_id, digest)
    return Message(endpoint.id, endpoint.name, message_id, sent_at, request)


def is_sent_again(session: Session, message: Message) -> bool:
    """Tell whether a message was taken before; refuse what is a replay.

    Call it while the message's idempotency key is held. Sent again means signed anew: a copy of a message
    that went over the wire is a replay (StoreError ``webhook_replayed``).
    """
    first = submissions.receipt_of(session, message.endpoint_id, message.message_id)
    if first is None:
        return False
    again = submissions.receipt_of(session, message.endpoint_id, _resend_id(message))
    if first.sent_at == message.sent_at or again is not None:
        raise StoreError(replayed())
    return True


def take(session: Session, message: Message, submission_id: str, now: datetime) -> None:
    """Write down that a new message was taken."""
    _add_receipt(session, message, message.message_id, submission_id, now)


def take_again(session: Session, message: Message, now: datetime) -> None:
    """Write down that a message was sent again, so that this sending cannot be replayed either."""
    first = submissions.receipt_of(session, message.endpoint_id, message.message_id)
    if first is not None:
        _add_receipt(session, message, _resend_id(message), first.submission_id, now)


def refused() -> Problem:
    """Describe a message that is not taken, without telling a stranger why."""
    return Problem(
        "webhook_refused",
        None,
        "Webhook 签名无效、已过期或发送方未知",
        "the webhook's signature is not valid, it is too old, or its sender is unknown",
    )


# Signed against when there is no such sender, so that the answer takes as long.
_NOBODYS = _SECRET_MARK + base64.b64encode(bytes(_SECRET_BYTES)).decode()


def _is_signed(keys: list[str], message_id: str, timestamp: str, body: bytes, signatures: str) -> bool:
    """Compare texts, not decoded bytes: several base64 texts stand for the same signature."""
    from standardwebhooks import Webhook

    if not (_ID.fullmatch(message_id) and _SECONDS.fullmatch(timestamp)):
        return False
    if len(signatures) > _LONGEST_SIGNATURES or not signatures.isascii():
        return False
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    sent_at = datetime.fromtimestamp(int(timestamp), UTC)
    wanted = [Webhook(key).sign(message_id, sent_at, text) for key in keys]
    given = signatures.split(" ")
    matches = [hmac.compare_digest(one, other) for one in given for other in wanted]
    return any(matches)


def _resend_id(message: Message) -> str:
    # An id holds no space, so this is no other message's.
    return f"{message.message_id} {int(message.sent_at.timestamp())}"


def _add_receipt(
    session: Session, message: Message, receipt_id: str, submission_id: str, now: datetime
) -> None:
    submissions.add_receipt(
        session,
        endpoint_id=message.endpoint_id,
        message_id=receipt_id,
        sent_at=message.sent_at,
        received_at=now,
        submission_id=submission_id,
    )


def _new_secret() -> str:
    return _SECRET_MARK + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _checked_name(name: str) -> str:
    plain = name.strip()
    if not plain:
        raise StoreError(problems.required("name"))
    if len(plain) > _NAME_LENGTH:
        raise StoreError(problems.too_long("name", _NAME_LENGTH))
    if not plain.isprintable():
        raise StoreError(problems.bad_character("name"))
    return plain


def _open(session: Session, endpoint_id: str) -> WebhookEndpoint:
    endpoint = submissions.endpoint_for_change(session, endpoint_id)
    if endpoint is None or endpoint.disabled_at is not None:
        zh, en = "没有这个 Webhook 发送方", "there is no such webhook endpoint"
        raise StoreError(Problem("unknown_endpoint", "id", zh, en))
    return endpoint


def _told(endpoint: WebhookEndpoint) -> Endpoint:
    rotating = endpoint.next_secret is not None
    return Endpoint(endpoint.id, endpoint.name, endpoint.created_at, endpoint.disabled_at, rotating)


def replayed() -> Problem:
    """Describe a message that was taken before."""
    return Problem(
        "webhook_replayed",
        "webhook-id",
        "这条 Webhook 已经收到过；重发须使用新的时间戳和签名",
        "this webhook was received before: sign it anew, with a fresh timestamp, to send it again",
    )
