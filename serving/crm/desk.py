"""Runs operations: who calls, may they, what did they send, one transaction, one reply.

Everything that touches the store runs in a thread; the event loop only reads bodies and sends answers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
from fastapi import Request, Response
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.responses import StreamingResponse

from crm_store.domain.policy import Viewer, rows_for
from crm_store.repositories.problems import StoreError
from crm_store.repositories.sight.sight import (
    SightSession,
    relations_of,
    shown_changes,
    viewer_session,
    viewer_transaction,
)
from crm_store.repositories.writes.records import Conflict, get_record
from crm_store.services import idempotency
from crm_store.services.access import KEY_MARK, viewer_of_key, viewer_of_session
from crm_store.services.idempotency import KeptReply
from crm_store.services.idempotency import Request as Keyed
from serving.access import key_of
from serving.crm import params
from serving.crm.deps import WORKERS, CrmDeps
from serving.crm.incoming import Incoming, read_incoming
from serving.crm.operation import SELF, Call, Operation, Reply
from serving.crm.refusals import CrmError, of_database, refused, refused_conflict
from serving.crm.replies import bytes_of, kept_form, replayed

_T = TypeVar("_T")
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="leadpulse"'}
_LONGEST_TOKEN: Final = 200
_REFUSED: Final = 401
# Whom a public operation is called by, until it has found out: nobody, who sees nothing.
NOBODY: Final = Viewer(None, "nobody", "nobody", scopes=frozenset())
# Two writers that crossed, or a clock a moment behind another's: the next attempt finds things settled.
_ATTEMPTS: Final = 5
# Passwords are hashed on purpose slowly: a burst of guesses must not take every core.
_HASHING_AT_ONCE: Final = 2
_CROSSED: Final = frozenset({"40001", "40P01"})


@dataclass(frozen=True)
class Caller:
    """Who calls: what they see, and under which name their idempotency keys are kept."""

    viewer: Viewer
    keys_of: str
    token: str = ""


@dataclass(frozen=True)
class Work:
    """One request, read and ready to be worked on."""

    operation: Operation
    caller: Caller
    path: dict[str, Any]
    query: dict[str, Any]
    incoming: Incoming
    request_id: str


class Desk:
    """Runs the operations of one app."""

    def __init__(self, deps: CrmDeps) -> None:
        self.deps = deps
        self._workers = anyio.CapacityLimiter(WORKERS)
        self._hashing = anyio.CapacityLimiter(_HASHING_AT_ONCE)

    async def serve(self, operation: Operation, request: Request) -> Response:
        """Answer one request. Raises ServingError for what is refused."""
        address = request.client.host if request.client else None
        if operation.guarded and (wait := self.deps.attempts.wait_of(address)):
            raise too_many_requests(wait)
        caller = await self._threaded(lambda: self._caller(operation, request))
        path = params.values(operation.params, "path", list(request.path_params.items()))
        query = params.values(operation.params, "query", request.query_params.multi_items())
        incoming = await read_incoming(operation, request, self.deps)
        work = Work(operation, caller, path, query, incoming, request.scope["state"]["request_id"])
        try:
            limiter = self._hashing if operation.slow else self._workers
            reply = await self._threaded(lambda: self._perform(work), limiter)
            if reply.after is not None:
                reply.after()
            if operation.guarded and reply.status == _REFUSED:
                self.deps.attempts.failed(address)
        finally:
            if incoming.file is not None:
                await self._threaded(incoming.discard)
        return _response(reply)

    async def _threaded(self, work: Callable[[], _T], limiter: anyio.CapacityLimiter | None = None) -> _T:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter or self._workers)

    def _caller(self, operation: Operation, request: Request) -> Caller:
        if operation.policy is None:
            return Caller(NOBODY, "nobody")
        caller = self._signed_in(key_of(request))
        resource, action = operation.policy.resource, operation.policy.operation
        if resource != SELF and rows_for(caller.viewer, resource, action) == "none":
            raise CrmError.known(
                "no_salesperson" if _lacks_salesperson(caller.viewer) else "not_allowed_here"
            )
        return caller

    def _signed_in(self, token: str | None) -> Caller:
        if token is None or len(token) > _LONGEST_TOKEN:
            raise not_signed_in()
        is_key = token.startswith(KEY_MARK)
        try:
            with self.deps.sessions() as session:
                find = viewer_of_key if is_key else viewer_of_session
                viewer = find(session, token, self.deps.clock())
        except SQLAlchemyError as error:
            raise of_database(error) from error
        if viewer is None:
            raise not_signed_in()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return Caller(viewer, f"key:{digest[:40]}" if is_key else f"user:{viewer.user_id}", token)

    def _perform(self, work: Work) -> Reply:
        """Do the work in one transaction. Writers that crossed begin anew, a few times."""
        given = work.incoming.headers.get("idempotency-key") if work.operation.keyed else None
        keyed = None if given is None else Keyed(work.caller.keys_of, given, work.incoming.digest)
        try:
            with self.deps.flights.taken(keyed) if keyed else nullcontext():
                for _ in range(_ATTEMPTS - 1):
                    try:
                        return self._attempt(work, keyed)
                    except (StoreError, DBAPIError) as error:
                        if not _has_crossed(error):
                            raise
                return self._attempt(work, keyed)
        except StoreError as error:
            raise refused(error) from None
        except SQLAlchemyError as error:
            raise of_database(error) from error

    def _attempt(self, work: Work, keyed: Keyed | None) -> Reply:
        now, prepared = self.deps.clock(), self._prepared(work)
        opened = viewer_transaction if work.operation.writes else viewer_session
        with opened(self.deps.sessions, work.caller.viewer) as sight:
            if keyed is not None and (kept := idempotency.reply_of(sight.whole, keyed, now)) is not None:
                return replayed(self._unsealed(work.operation, kept))
            call = replace(self._call(work, sight, now), prepared=prepared)
            try:
                reply = work.operation.handle(call)
            except Conflict as error:
                raise refused_conflict(error, _shown_values(sight, error)) from None
            if keyed is not None:
                kept = self._sealed(work.operation, kept_form(reply))
                idempotency.keep_reply(sight.whole, keyed, kept, now)
            return reply

    def _prepared(self, work: Work) -> Any:
        prepare = work.operation.prepare
        if prepare is None:
            return None
        with viewer_session(self.deps.sessions, work.caller.viewer) as sight:
            return prepare(self._call(work, sight, self.deps.clock()))

    def _call(self, work: Work, sight: SightSession, now: datetime) -> Call:
        return Call(
            deps=self.deps,
            viewer=work.caller.viewer,
            sight=sight,
            whole=sight.whole,
            now=now,
            path=work.path,
            query=work.query,
            headers=work.incoming.headers,
            body=work.incoming.body,
            raw=work.incoming.raw,
            media_type=work.incoming.media_type,
            file=work.incoming.file,
            token=work.caller.token,
            request_id=work.request_id,
        )

    def _sealed(self, operation: Operation, kept: KeptReply) -> KeptReply:
        """Seal an answer that tells a secret: the store must not hold in clear what it hashes elsewhere."""
        if not operation.secret:
            return kept
        return replace(kept, body=self.deps.vault.seal(kept.body.decode()).encode())

    def _unsealed(self, operation: Operation, kept: KeptReply) -> KeptReply:
        if not operation.secret:
            return kept
        return replace(kept, body=self.deps.vault.open(kept.body.decode()).encode())


def _lacks_salesperson(viewer: Viewer) -> bool:
    """Tell whether somebody sees nothing because nobody said which salesperson they are."""
    return viewer.role in ("rep", "lead") and viewer.rep_id is None


def not_signed_in() -> CrmError:
    """Return the answer to a missing, unknown, expired or revoked key or session."""
    error = CrmError.known("not_signed_in")
    error.headers.update(_CHALLENGE)
    return error


def too_many_requests(wait: float) -> CrmError:
    """Return the answer to an address that has failed too often, and may try again in ``wait`` seconds."""
    error = CrmError.known("too_many_requests")
    error.headers["retry-after"] = str(math.ceil(wait))
    return error


def _response(reply: Reply) -> Response:
    if reply.stream is not None:
        stream: Iterable[bytes] = reply.stream
        return StreamingResponse(stream, reply.status, dict(reply.headers), media_type=reply.media_type)
    headers = dict(reply.headers)
    if reply.status in (204, 304):
        return Response(status_code=reply.status, headers=headers)
    return Response(bytes_of(reply), reply.status, headers | {"content-type": reply.media_type})


def _has_crossed(error: Exception) -> bool:
    if isinstance(error, StoreError):
        return error.problem.code == "backdated"
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _CROSSED


def _shown_values(sight: SightSession, error: Conflict) -> dict[str, list[Any]]:
    """Return what was stored and what was offered, as far as the viewer may see it."""
    row = get_record(sight.whole, error.entity, error.record_id)
    if row is None:
        return {}
    (relation,) = relations_of(sight, error.entity, [row])
    return shown_changes(sight.viewer, error.entity, error.values, relation)
