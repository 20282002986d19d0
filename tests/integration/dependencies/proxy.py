"""A TCP proxy whose far side can refuse, swallow, delay, cut or spoil what goes through it."""

from __future__ import annotations

import random
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal

Fault = Literal["refuse", "blackhole", "slow", "reset", "garbage"]
DELAY = 0.6
_CHUNK = 1 << 16
# Closing with this sends a reset instead of an orderly end.
_AT_ONCE = struct.pack("ii", 1, 0)


class Proxy:
    """Listens on ``port`` and passes everything on to ``upstream``, unless there is a fault."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._changed = threading.Condition()
        self._fault: Fault | None = None
        self._closed = False
        self._open: set[socket.socket] = set()
        self._garbage = random.Random(7)
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def fail(self, fault: Fault) -> None:
        """Let a fault begin, for the connections that there are and for new ones."""
        self._turn(fault)
        if fault == "refuse":
            self._listener.close()
        if fault in ("refuse", "reset"):
            self._cut()

    def heal(self) -> None:
        """End the fault: what was swallowed arrives after all, and who spoke garbage starts anew."""
        was = self._fault
        if was == "garbage":
            self._cut()
        if was == "refuse":
            self._listener = self._listen(self.port)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        self._turn(None)

    def close(self) -> None:
        """Cut everything."""
        self._closed = True
        self._turn(None)
        self._listener.close()
        self._cut()

    def _turn(self, fault: Fault | None) -> None:
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._upstream, 10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self._open.update((near, far))
            threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, True), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                with self._changed:
                    if self._fault == "slow":
                        self._changed.wait_for(lambda: self._fault != "slow", DELAY)
                    self._changed.wait_for(lambda: self._fault != "blackhole" or self._closed)
                    fault = self._fault
                if fault in ("reset", "refuse") or self._closed:
                    break
                if fault == "garbage" and answers:
                    data = self._garbage.randbytes(len(data))
                sink.sendall(data)
        self._cut(source, sink)

    def _cut(self, *sockets: socket.socket) -> None:
        for one in sockets or tuple(self._open):
            self._open.discard(one)
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                one.shutdown(socket.SHUT_RDWR)
            one.close()
