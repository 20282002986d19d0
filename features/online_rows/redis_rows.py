"""Packed rows in Redis: one string per view and key, one hash of layouts. Several replicas may write."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from features.online_rows.layout import Layout
from features.online_rows.rows import Item

_PREFIX = b"leadpulse:row:"
_LAYOUTS = b"leadpulse:layouts"
_PATIENCE = 5.0  # seconds that one answer may take: then the connection is dead, and its thread is free
_ITEMS_AT_ONCE = 500
_KEYS_AT_ONCE = 1_000
# Compare and set on the server: the event stands in the second eight bytes, big-endian, of every row. Lua's
# numbers are exact for microseconds until the year 2255.
_PUT = """
for i = 1, #KEYS do
  local old = redis.call('GETRANGE', KEYS[i], 8, 15)
  if #old < 8 or struct.unpack('>i8', old) <= struct.unpack('>i8', string.sub(ARGV[i], 9, 16)) then
    redis.call('SET', KEYS[i], ARGV[i])
  end
end
"""


class RedisRows:
    """A keeper in Redis; safe to use from several threads and processes."""

    def __init__(self, url: str) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        if not url.startswith(("redis://", "rediss://")):
            raise ValueError("online must be 'sqlite' or a redis:// URL")
        # At once or not at all: who reads has a deadline, and who writes tries again by itself.
        once = Retry(NoBackoff(), 1)
        self._client: Any = redis.Redis.from_url(
            url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=once
        )
        self._put = self._client.register_script(_PUT)
        self._layouts: dict[bytes, Layout] = {}

    def put(self, view: str, layout: Layout, items: Iterable[Item]) -> None:
        """Write rows; the layout is there before the first of them."""
        if layout.digest not in self._layouts:
            self._client.hset(_LAYOUTS, layout.digest, layout.to_json())
            self._layouts[layout.digest] = layout
        rest = iter(items)
        while batch := list(islice(rest, _ITEMS_AT_ONCE)):
            # The last of several rows for a key is compared with what the first left behind.
            self._put(keys=[_place(view, key) for key, _ in batch], args=[row for _, row in batch])

    def get(self, view: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the rows in the order of the keys."""
        found: list[bytes | None] = []
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = [_place(view, key) for key in keys[start : start + _KEYS_AT_ONCE]]
            found += self._client.mget(some)
        return found

    def layout(self, digest: bytes) -> Layout | None:
        """Return a layout by its digest."""
        if digest not in self._layouts:
            found = self._client.hget(_LAYOUTS, digest)
            if found is None:
                return None
            self._layouts[digest] = Layout.from_json(found.decode())
        return self._layouts[digest]

    def drop(self, view: str) -> None:
        """Forget every row of a view, some thousand keys at a time."""
        for batch in self._scan(view):
            self._client.unlink(*batch)

    def close(self) -> None:
        """Close the pool of connections."""
        self._client.close()

    def _scan(self, view: str) -> Iterator[list[bytes]]:
        # The view's name is ours and holds none of the pattern's signs.
        keys = self._client.scan_iter(match=_place(view, b"") + b"*", count=_KEYS_AT_ONCE)
        while batch := list(islice(keys, _KEYS_AT_ONCE)):
            yield batch


def _place(view: str, key: bytes) -> bytes:
    return _PREFIX + view.encode() + b":" + key
