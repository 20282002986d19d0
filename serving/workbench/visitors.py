"""Who is in front of the screen: sessions looked up in the record store, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.services.access import SignInRefused, session_user, sign_in, sign_out

SCOPE_KEY: Final = "leadpulse.visitor"
# Passwords are hashed on purpose slowly: this many at once keeps a burst of guesses from taking every core.
_HASHING_AT_ONCE: Final = 2
LONGEST_TOKEN: Final = 200


@dataclass(frozen=True)
class Visitor:
    """A signed-in person, for one request or one socket. The token never leaves this object."""

    token: str = field(repr=False)
    user_id: str
    name: str
    role: str


def visitor_of(scope: Any) -> Visitor | None:
    """Return the visitor that the gate wrote into an ASGI scope."""
    found = scope.get(SCOPE_KEY) if scope else None
    return found if isinstance(found, Visitor) else None


class Visitors:
    """Signs people in and out and tells whether a session still holds."""

    def __init__(self, factory: sessionmaker[Session], clock: Callable[[], datetime]) -> None:
        self._factory = factory
        self._clock = clock
        self._hashing = asyncio.Semaphore(_HASHING_AT_ONCE)

    async def of(self, token: str | None) -> Visitor | None:
        """Return whose session this is; None when it ended, was revoked, or its user is disabled."""
        if not token or len(token) > LONGEST_TOKEN:
            return None
        return await asyncio.to_thread(self._look_up, token)

    async def sign_in(self, name: str, password: str) -> str | SignInRefused:
        """Return a new session's token, or why there is none."""
        async with self._hashing:
            return await asyncio.to_thread(self._sign_in, name, password)

    async def sign_out(self, token: str) -> None:
        """Revoke a session."""
        await asyncio.to_thread(self._sign_out, token)

    def _look_up(self, token: str) -> Visitor | None:
        with self._factory() as session:
            user = session_user(session, token, self._clock())
            return None if user is None else Visitor(token, user.id, user.name, user.role)

    def _sign_in(self, name: str, password: str) -> str | SignInRefused:
        with transaction(self._factory) as session:
            return sign_in(session, name, password, self._clock())

    def _sign_out(self, token: str) -> None:
        with transaction(self._factory) as session:
            sign_out(session, token, self._clock())
