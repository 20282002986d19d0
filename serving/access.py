"""API keys at the door: who calls, and whether the key may do it. Answers are remembered for seconds only."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from starlette.requests import Request

from serving.errors import ServingError
from serving.ports import KeyHolder, Records

Scope = Literal["score", "read"]
# A revoked key dies within this many seconds.
REMEMBER_SECONDS = 3.0
_REMEMBER_KEYS = 1_024
_LONGEST_KEY = 200
_CHALLENGE = {"www-authenticate": 'Bearer realm="leadpulse"'}


@dataclass
class Door:
    """Checks API keys against the record store, with a short memory."""

    records: Records
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    _known: OrderedDict[bytes, tuple[float, KeyHolder | None]] = field(default_factory=OrderedDict)

    async def admit(self, request: Request, scope: Scope) -> KeyHolder:
        """Return who calls; raise ServingError 401 without a valid key, 403 without the scope."""
        key = _key_of(request)
        if key is None:
            raise ServingError("api_key_missing", headers=_CHALLENGE)
        holder = await self._holder(key)
        if holder is None:
            raise ServingError("api_key_invalid", headers=_CHALLENGE)
        if not holder.allows(scope):
            raise ServingError("scope_missing", detail=scope)
        return holder

    async def _holder(self, key: str) -> KeyHolder | None:
        if len(key) > _LONGEST_KEY:
            return None
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is not None and self.monotonic() < known[0]:
            return known[1]
        holder = await asyncio.to_thread(self._look_up, key)
        self._known[digest] = (self.monotonic() + REMEMBER_SECONDS, holder)
        self._known.move_to_end(digest)
        while len(self._known) > _REMEMBER_KEYS:
            self._known.popitem(last=False)
        return holder

    def _look_up(self, key: str) -> KeyHolder | None:
        try:
            return self.records.key_holder(key, self.clock())
        except Exception as error:
            raise ServingError("store_unavailable") from error


def _key_of(request: Request) -> str | None:
    """Return the key of ``Authorization: Bearer`` or ``X-API-Key``, None where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("x-api-key") or None
