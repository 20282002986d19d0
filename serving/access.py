"""API keys at the door: who calls, and whether they may. Every request is checked anew.

Routes declare their line of the policy with ``policy_of``; ``PUBLIC_ROUTES`` are all that need no key.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request

from crm_store.domain.policy import Operation, Viewer, rows_for, scope_for
from serving.errors import ServingError
from serving.kinds import Entity
from serving.ports import Records

POLICY_MARK: Final = "x-leadpulse-policy"
PUBLIC_ROUTES: Final = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/docs/{name}", "/openapi.json"})
_LONGEST_KEY: Final = 200
# While the store does not answer, scores go on for keys that it let in within this many seconds.
GRACE_SECONDS: Final = 900.0
# How long a score waits for the store to know its key, and how long a store that failed is left alone.
_DEADLINE_SECONDS: Final = 0.1
# How long who was not let in lately waits: nobody can answer for the store, but it says so in time.
_PATIENT_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 1.0
_REMEMBERED_KEYS: Final = 1_024
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="leadpulse"'}


def policy_of(resource: str, operation: Operation) -> dict[str, Any]:
    """Return a route's line of the policy, as its OpenAPI operation carries it."""
    return {POLICY_MARK: {"resource": resource, "operation": operation}}


@dataclass
class Door:
    """Checks API keys against the record store, every time: a revoked key opens no further request.

    Only a store that fails is not asked each time: every score is answered, so callers that it knew lately
    are let in to be scored, by rungs that need no store either. Nothing is shown to anybody meanwhile.
    """

    records: Records
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    _known: OrderedDict[bytes, tuple[float, Viewer]] = field(default_factory=OrderedDict)
    _failed_at: float = -math.inf

    async def admit(self, request: Request, resource: str, operation: Operation) -> Viewer:
        """Return who calls; raise ServingError 401 without a valid key, 403 without the scope."""
        key = key_of(request)
        if key is None:
            raise ServingError("api_key_missing", headers=_CHALLENGE)
        viewer = await self._viewer(key, operation) if len(key) <= _LONGEST_KEY else None
        if viewer is None:
            raise ServingError("api_key_invalid", headers=_CHALLENGE)
        scope = scope_for(resource, operation)
        if not viewer.holds(scope):
            raise ServingError("scope_missing", detail=scope)
        return viewer

    async def within_sight(self, viewer: Viewer, entity: Entity, ids: Sequence[str]) -> AbstractSet[str]:
        """Return those of ``ids`` that the caller may have scored; who sees all is not looked up."""
        if rows_for(viewer, entity, "score") == "all":
            return set(ids)
        try:
            async with asyncio.timeout(_PATIENT_SECONDS):
                return await asyncio.to_thread(self.records.seen_by(viewer).scorable, entity, ids)
        except Exception as error:
            raise ServingError("store_unavailable") from error

    async def _viewer(self, key: str, operation: Operation) -> Viewer | None:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        known = self._lately(digest) if operation == "score" else None
        if known is not None and self.monotonic() < self._failed_at + _RETRY_SECONDS:
            return known
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS if known else _PATIENT_SECONDS):
                found = await asyncio.to_thread(self.records.viewer_of_key, key, self.clock())
        except Exception as error:
            self._failed_at = self.monotonic()
            if known is None:
                raise ServingError("store_unavailable") from error
            return known
        self._remember(digest, found)
        return found

    def _lately(self, digest: bytes) -> Viewer | None:
        known = self._known.get(digest)
        return known[1] if known is not None and self.monotonic() < known[0] + GRACE_SECONDS else None

    def _remember(self, digest: bytes, viewer: Viewer | None) -> None:
        self._known.pop(digest, None)
        if viewer is not None:
            self._known[digest] = (self.monotonic(), viewer)
        while len(self._known) > _REMEMBERED_KEYS:
            self._known.popitem(last=False)


def key_of(request: Request) -> str | None:
    """Return the key of ``Authorization: Bearer`` or ``X-API-Key``, None where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("x-api-key") or None
