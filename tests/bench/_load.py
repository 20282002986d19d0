"""A cheap HTTP client: prepared requests over kept-alive connections; the server is what is measured."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Round:
    """Latencies in seconds of one round, and how long it ran."""

    latencies: list[float]
    seconds: float

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency that a share of requests stays within."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a POST request as bytes."""
    fixed = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (fixed | headers).items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def ask(port: int, requests: list[bytes], expect: bytes, connections: int, seconds: float) -> Round:
    """Send the requests in turn, on connections that wait for answers, which must contain ``expect``."""
    turn = itertools.cycle(requests)
    started = time.perf_counter()
    stop_at = started + seconds
    done = await asyncio.gather(*(_connection(port, turn, expect, stop_at) for _ in range(connections)))
    return Round([latency for part in done for latency in part], time.perf_counter() - started)


async def _connection(port: int, turn: Iterator[bytes], expect: bytes, stop_at: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    latencies = []
    try:
        while (sent := time.perf_counter()) < stop_at:
            writer.write(next(turn))
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
            latencies.append(time.perf_counter() - sent)
            if not head.startswith(b"HTTP/1.1 200") or expect not in body:
                raise AssertionError(f"unexpected answer: {head[:60]!r} {body[:300]!r}")
    finally:
        writer.close()
    return latencies


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])
