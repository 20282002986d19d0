"""What NiceGUI leaves open on its sockets, closed: whose page it is, and whether they are still the same.

A socket may speak only for pages that its own session opened; each event of a person is checked against the
record store before it runs; and a watch puts out open pages whose session has ended or whose visitor's role
has changed.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import HTTPConnection

from serving.workbench.addresses import sign_in_address
from serving.workbench.visitors import Visitor, Visitors, visitor_of

# An open page outlives its session by at most this and the time of one query.
WATCH_SECONDS: Final = 2.0
# The events that clients may send; any other, such as what browsers would write into our log, is ignored.
GUARDED: Final = frozenset({"connect", "disconnect", "event", "handshake", "javascript_response", "ack"})
_NAMESPACE: Final = "/"
_LOG = logging.getLogger(__name__)
Handler = Callable[[str, dict[str, Any]], Any]


class SocketGuard:
    """Stands in front of NiceGUI's socket handlers."""

    def __init__(self, visitors: Visitors) -> None:
        from nicegui import core

        self._visitors = visitors
        self._sio: Any = core.sio
        # Events of one socket run in the order they came, though each waits for the record store.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def install(self) -> None:
        """Put the guard in front of every handler that takes a client's word."""
        handlers = dict(self._sio.handlers[_NAMESPACE])
        self._sio.on("connect", self._greeting(handlers["connect"]))
        for name in ("event", "handshake"):
            self._sio.on(name, self._checked(handlers[name]))
        for name in ("javascript_response", "ack"):
            self._sio.on(name, self._own(handlers[name]))
        self._sio.on("disconnect", self._forgetting(handlers["disconnect"]))
        for name in handlers.keys() - GUARDED:
            self._sio.on(name, _ignore)

    async def watch(self) -> None:
        """Put out every page whose session has ended, for as long as the process runs."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await self.put_out_ended()
            except Exception:
                _LOG.exception("sessions could not be checked")

    async def put_out_ended(self) -> None:
        """Put out every page whose session has ended, now."""
        from nicegui import Client

        pages: defaultdict[str, list[Any]] = defaultdict(list)
        for client in list(Client.instances.values()):
            if (visitor := visitor_of(client.request.scope)) is not None:
                pages[visitor.token].append(client)
        for token, clients in pages.items():
            now = await self._visitors.of(token)
            for client in clients:
                if visitor_of(client.request.scope) != now:
                    await self._put_out(client, now)

    def _greeting(self, handler: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """Refuse a socket that names a page of another session, before NiceGUI greets it."""
        from nicegui import Client

        async def connect(sid: str, environment: dict[str, Any], *more: Any) -> Any:
            scope = environment.get("asgi.scope") or {}
            client = Client.instances.get(HTTPConnection(scope).query_params.get("client_id", ""))
            if client is not None and not _belongs(client, scope):
                return False
            return await _result(handler(sid, environment, *more))

        return connect

    def _own(self, handler: Handler) -> Handler:
        """Run a handler only for a page of the socket's own session."""

        async def run(sid: str, message: dict[str, Any]) -> Any:
            if self._page(sid, message) is None:
                return False
            return await _result(handler(sid, message))

        return run

    def _checked(self, handler: Handler) -> Handler:
        """Run a handler only for a page of the socket's own session, and only while that session holds."""

        async def run(sid: str, message: dict[str, Any]) -> Any:
            client = self._page(sid, message)
            if client is None:
                return False
            async with self._turns[sid]:
                visitor = visitor_of(client.request.scope)
                now = None if visitor is None else await self._visitors.of(visitor.token)
                if now is None or now != visitor:
                    await self._put_out(client, now)
                    return False
                return await _result(handler(sid, message))

        return run

    def _forgetting(self, handler: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        async def run(sid: str, *_reason: Any) -> Any:
            self._turns.pop(sid, None)
            return await _result(handler(sid))

        return run

    def _page(self, sid: str, message: Any) -> Any:
        from nicegui import Client

        client = Client.instances.get(message.get("client_id")) if isinstance(message, dict) else None
        environment = self._sio.get_environ(sid) or {}
        return client if client is not None and _belongs(client, environment.get("asgi.scope")) else None

    async def _put_out(self, client: Any, now: Visitor | None) -> None:
        """Close a page: for sign-in, or to be opened anew by somebody who has another role or team by now."""
        from nicegui import Client

        if client.id not in Client.instances:
            return
        address = _address_of(client) if now else sign_in_address(_address_of(client), ended=True)
        await self._sio.emit("open", {"path": address, "new_tab": False}, room=client.id)
        for sid, _ in list(self._sio.manager.get_participants(_NAMESPACE, client.id)):
            await self._sio.disconnect(sid)
        if client.id in Client.instances:
            client.delete()


def _belongs(client: Any, scope: Any) -> bool:
    """Return whether the page was opened by the session that this scope carries."""
    owner, speaker = visitor_of(client.request.scope), visitor_of(scope)
    return owner is not None and speaker is not None and owner.token == speaker.token


def _address_of(client: Any) -> str:
    url = client.request.url
    return f"{url.path}?{url.query}" if url.query else str(url.path)


async def _result(given: Any) -> Any:
    return await given if inspect.isawaitable(given) else given


async def _ignore(_sid: str, _message: Any) -> None:
    """Do nothing with an event that nobody has judged."""
