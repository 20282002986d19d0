"""One effect for one key: a repeated request gets the reply that the first one got.

The key and the reply are written in the transaction of the effect, so neither exists without the other. A key
belongs to its caller, stands for one request (method, address and body) and is kept for 96 hours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy.orm import Session

from crm_store.repositories import idempotency
from crm_store.repositories.problems import Problem, StoreError

# Longer than a weekend, so that a job which failed on Friday may repeat its requests on Monday.
KEPT_FOR = timedelta(hours=96)
MAX_KEY = 255


@dataclass(frozen=True)
class Request:
    """A request that carries a key: ``digest`` is a hash of all that makes it this request."""

    caller: str
    key: str
    digest: str


@dataclass(frozen=True)
class KeptReply:
    """A reply as it was sent: the status, the headers that describe the body, and the body's bytes."""

    status: int
    headers: dict[str, str]
    body: bytes


class KeyInFlight(StoreError):
    """The first request with this key is still being worked on: ask again in a moment."""

    def __init__(self) -> None:
        super().__init__(
            Problem(
                "idempotency_key_in_flight",
                "Idempotency-Key",
                "使用该幂等键的请求正在处理，请稍后重试",
                "a request with this idempotency key is being processed: try again in a moment",
            )
        )


class KeyReused(StoreError):
    """The key stands for another request."""

    def __init__(self) -> None:
        super().__init__(
            Problem(
                "idempotency_key_reused",
                "Idempotency-Key",
                "该幂等键已用于另一个请求（方法、地址或内容不同）",
                "this idempotency key was used for another request (method, address or body differ)",
            )
        )


@dataclass
class Flights:
    """The keys that this process is working on. PostgreSQL also knows those of other processes."""

    _keys: set[tuple[str, str]] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def taken(self, request: Request) -> Iterator[None]:
        """Hold the request's key. Raises KeyInFlight when another request holds it."""
        flight = (request.caller, request.key)
        with self._lock:
            if flight in self._keys:
                raise KeyInFlight
            self._keys.add(flight)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(flight)


def reply_of(session: Session, request: Request, now: datetime) -> KeptReply | None:
    """Return the reply that this request got before, or None when it is the first with its key.

    Call it first in the transaction of the effect. Raises KeyReused and KeyInFlight.
    """
    if not idempotency.hold(session, request.caller, request.key):
        raise KeyInFlight
    found = idempotency.kept(session, request.caller, request.key, now)
    if found is None:
        return None
    if found.request_hash != request.digest:
        raise KeyReused
    return KeptReply(found.status, dict(found.headers), found.body)


def keep_reply(session: Session, request: Request, reply: KeptReply, now: datetime) -> None:
    """Keep the reply, last in the transaction of the effect."""
    idempotency.keep(
        session,
        now,
        caller=request.caller,
        key=request.key,
        request_hash=request.digest,
        status=reply.status,
        headers=reply.headers,
        body=reply.body,
        expires_at=now + KEPT_FOR,
    )


def purge(session: Session, now: datetime) -> int:
    """Forget up to 5,000 keys whose time is over and return how many; a job calls it until it returns 0."""
    return idempotency.purge(session, now)
