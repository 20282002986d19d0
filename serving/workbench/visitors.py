"""Who is in front of the screen: sessions looked up in the record store, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.services import second_factor
from crm_store.services.access import (
    SecondFactorNeeded,
    SignInRefused,
    Viewer,
    confirm_code,
    shows_password,
    sign_in,
    sign_out,
    viewer_of_session,
    waits_for_code,
)
from crm_store.services.single_sign_on import Begun, SingleSignOn, enter_as
from crm_store.services.vault import Vault

SCOPE_KEY: Final = "leadpulse.visitor"
# Passwords are hashed on purpose slowly: this many at once keeps a burst of guesses from taking every core.
_HASHING_AT_ONCE: Final = 2
# A provider that hangs must not take every thread: those with a session go on meanwhile.
_AT_PROVIDER_AT_ONCE: Final = 2
LONGEST_TOKEN: Final = 200
_T = TypeVar("_T")
Outcome = str | SecondFactorNeeded | SignInRefused


@dataclass(frozen=True)
class Visitor:
    """A signed-in person, for one request or one socket. The token never leaves this object."""

    token: str = field(repr=False)
    viewer: Viewer

    @property
    def name(self) -> str:
        """The name they signed in with."""
        return self.viewer.name


def visitor_of(scope: Any) -> Visitor | None:
    """Return the visitor that the gate wrote into an ASGI scope."""
    found = scope.get(SCOPE_KEY) if scope else None
    return found if isinstance(found, Visitor) else None


class Visitors:
    """Signs people in and out and tells whether a session still holds.

    Without a ``vault`` nobody who has a second factor gets in, and nobody can set one up; without ``sso``
    there is no single sign-on.
    """

    def __init__(
        self,
        factory: sessionmaker[Session],
        clock: Callable[[], datetime],
        vault: Vault | None = None,
        sso: SingleSignOn | None = None,
    ) -> None:
        self._factory = factory
        self._clock = clock
        self._vault = vault
        self._sso = sso
        self._hashing = asyncio.Semaphore(_HASHING_AT_ONCE)
        self._at_provider = asyncio.Semaphore(_AT_PROVIDER_AT_ONCE)

    @property
    def has_sso(self) -> bool:
        """Whether single sign-on is set up."""
        return self._sso is not None

    async def of(self, token: str | None) -> Visitor | None:
        """Return whose session this is; None when it ended, was revoked, or its user is disabled."""
        if not token or len(token) > LONGEST_TOKEN:
            return None
        return await asyncio.to_thread(self._look_up, token)

    async def waits_for_code(self, token: str | None) -> bool:
        """Tell whether the token is of somebody who has yet to give their second factor."""
        if not token or len(token) > LONGEST_TOKEN:
            return False
        return await asyncio.to_thread(self._waits, token)

    async def sign_in(self, name: str, password: str) -> Outcome:
        """Return a new session's token, that a second factor is needed, or why there is none."""
        async with self._hashing:
            return await asyncio.to_thread(self._write, lambda s, now: sign_in(s, name, password, now))

    async def confirm(self, token: str, code: str) -> str | SignInRefused:
        """Return the token of a session for who gave the password and now the code."""
        vault = self._vault
        if vault is None:
            return SignInRefused()
        return await asyncio.to_thread(self._write, lambda s, now: confirm_code(s, token, code, now, vault))

    async def sign_out(self, token: str) -> None:
        """Revoke a session."""
        await asyncio.to_thread(self._write, lambda s, now: sign_out(s, token, now))

    async def begin_sso(self, back_to: str) -> Begun:
        """Start single sign-on. Raises StoreError when the provider does not answer, KeyError without one."""
        if self._sso is None:
            raise KeyError("single sign-on is not set up")
        async with self._at_provider:
            return await asyncio.to_thread(self._sso.begin, back_to, self._clock())

    async def finish_sso(self, kept: str, answer: Mapping[str, str]) -> tuple[Outcome, str]:
        """Return what ``sign_in`` does and where to go on. Raises as ``begin_sso``."""
        if self._sso is None:
            raise KeyError("single sign-on is not set up")
        async with self._at_provider:
            person = await asyncio.to_thread(self._sso.finish, kept, answer, self._clock())
        outcome = await asyncio.to_thread(self._write, lambda s, now: enter_as(s, person, now))
        return outcome, person.back_to

    async def second_factor_of(self, visitor: Visitor) -> second_factor.Offer | None:
        """Return a second factor to set up, None for who has one. Raises KeyError without a vault."""
        vault, user_id = self._vault, str(visitor.viewer.user_id)
        if vault is None:
            raise KeyError("there is no vault")
        if await asyncio.to_thread(self._write, lambda s, _: second_factor.has_one(s, user_id)):
            return None
        return second_factor.offer(user_id, visitor.name, self._clock(), vault)

    async def take_up(
        self, visitor: Visitor, password: str, sealed: str, code: str
    ) -> tuple[str, ...] | None:
        """Keep an offered second factor and return its recovery codes, None for a wrong password.

        Raises StoreError as ``second_factor.take_up`` does, and KeyError without a vault.
        """
        vault, user_id = self._vault, str(visitor.viewer.user_id)
        if vault is None:
            raise KeyError("there is no vault")

        def work(session: Session, now: datetime) -> tuple[str, ...] | None:
            if not shows_password(session, user_id, password, now):
                return None
            return second_factor.take_up(session, user_id, sealed, code, now, vault)

        async with self._hashing:
            return await asyncio.to_thread(self._write, work)

    def _look_up(self, token: str) -> Visitor | None:
        with self._factory() as session:
            viewer = viewer_of_session(session, token, self._clock())
            return None if viewer is None else Visitor(token, viewer)

    def _waits(self, token: str) -> bool:
        with self._factory() as session:
            return waits_for_code(session, token, self._clock())

    def _write(self, work: Callable[[Session, datetime], _T]) -> _T:
        with transaction(self._factory) as session:
            return work(session, self._clock())
