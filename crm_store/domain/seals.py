"""Seals: signed checkpoints over the append-only tables, and how their digests run.

Each sealed row is a line: what it is (``["lead", "lea_1", 3]``) and the SHA-256 of its content. A stream's
digest runs over its lines one by one, so that any seal alone commits to everything up to it, and sealing
costs what is new. A seal names the one before it by its hash. Pure: signing, files, queries are elsewhere.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

GENESIS = "0" * 64
"""The digest of nothing, and what the first seal names as the one before it."""

Line = list[Any]
"""What a row is, and the hash of its content as the last item."""

# Bytes where a text should be are somebody's forgery, and still have to be told apart.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr).encode


@dataclass(frozen=True)
class StreamSeal:
    """One table up to a place: rows in all, the digests before and after this seal's rows, and the place."""

    rows: int
    start: str
    digest: str
    until: Any


@dataclass(frozen=True)
class Seal:
    """A checkpoint. ``key`` is the fingerprint of the key that signs it, ``sealed_at`` ISO 8601 in UTC."""

    number: int
    sealed_at: str
    previous: str
    key: str
    streams: Mapping[str, StreamSeal]

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Seal":
        """Return the seal that ``asdict`` made. Raises KeyError or TypeError for anything else."""
        streams = {name: StreamSeal(**one) for name, one in written["streams"].items()}
        return cls(**{**written, "streams": streams})

    def text(self) -> bytes:
        """Return the one text that is signed."""
        return _encode(asdict(self)).encode()

    def hash(self) -> str:
        """Return what the next seal calls this one."""
        return hashlib.sha256(self.text()).hexdigest()


def leaf(content: Mapping[str, Any]) -> str:
    """Return the hash of a row's content, base64; empty columns count as absent: new ones change nothing."""
    told = {name: _plain(value) for name, value in content.items() if value is not None}
    digest = hashlib.sha256(_encode(told).encode(errors="surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def run(digest: str, lines: Iterable[Line]) -> str:
    """Return the digest after some more lines."""
    state = bytes.fromhex(digest)
    for line in lines:
        state = hashlib.sha256(state + _encode(line).encode(errors="surrogatepass")).digest()
    return state.hex()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
