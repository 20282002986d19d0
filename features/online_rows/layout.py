"""What one packed row holds: when it speaks of, numbers as float64, words, and anything else as bytes.

A row is a header (digest of its layout, event and creation in microseconds since 1970, big-endian), the
numbers as little-endian float64 with NaN for unknown, and the rest as one JSON list. Rows carry the digest,
so that rows of an earlier layout are read by the names they were written with.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal

ColumnKind = Literal["number", "word", "other"]
Cell = float | str | bytes | None

HEADER = struct.Struct(">8sqq")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNKNOWN = float("nan")


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 UTC; a moment without a zone is taken as UTC, as Feast does."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def from_us(micros: int) -> datetime:
    """Return the UTC moment."""
    return _EPOCH + timedelta(microseconds=micros)


@dataclass(frozen=True)
class Layout:
    """The columns of a row by kind, in order."""

    columns: tuple[tuple[str, ColumnKind], ...]

    @classmethod
    def of(cls, numbers: Iterable[str], words: Iterable[str], others: Iterable[str] = ()) -> "Layout":
        """Return the layout of these columns; numbers come first, then words, then others."""
        return cls(
            (
                *((name, "number") for name in numbers),
                *((name, "word") for name in words),
                *((name, "other") for name in others),
            )
        )

    @classmethod
    def from_json(cls, text: str) -> "Layout":
        """Return the layout that ``to_json`` wrote."""
        return cls(tuple((name, kind) for name, kind in json.loads(text)))

    def to_json(self) -> str:
        """Return the layout as text."""
        return json.dumps(self.columns, ensure_ascii=False)

    @cached_property
    def digest(self) -> bytes:
        """Eight bytes that name the layout."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=8).digest()

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers, in order."""
        return tuple(name for name, kind in self.columns if kind == "number")

    @cached_property
    def rest(self) -> tuple[tuple[str, ColumnKind], ...]:
        """The columns behind the numbers, in order."""
        return tuple(column for column in self.columns if column[1] != "number")

    @cached_property
    def _floats(self) -> struct.Struct:
        return struct.Struct(f"<{len(self.numbers)}d")

    @cached_property
    def rest_at(self) -> int:
        """Where in a row the words begin."""
        return HEADER.size + self._floats.size

    def head(self, event_us: int, created_us: int) -> bytes:
        """Return a row's header."""
        return HEADER.pack(self.digest, event_us, created_us)

    def tail(self, cells: Sequence[Cell]) -> bytes:
        """Return the part behind the numbers; bytes are kept as text of hexadecimal digits."""
        if not self.rest:
            return b""
        plain = [cell.hex() if isinstance(cell, bytes) else cell for cell in cells]
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()

    def pack(self, values: dict[str, Cell], event_us: int, created_us: int) -> bytes:
        """Return one row. Raises KeyError for a column without a value: unknown is None."""
        numbers = [_UNKNOWN if values[name] is None else values[name] for name in self.numbers]
        tail = self.tail([values[name] for name, _ in self.rest])
        return self.head(event_us, created_us) + self._floats.pack(*numbers) + tail

    def unpack(self, row: bytes) -> dict[str, Cell]:
        """Return a row's values by name; NaN comes back as None."""
        numbers = self._floats.unpack_from(row, HEADER.size)
        values: dict[str, Cell] = {
            name: None if value != value else value for name, value in zip(self.numbers, numbers, strict=True)
        }
        if self.rest:
            values.update(self.unpack_rest(row))
        return values

    def unpack_rest(self, row: bytes) -> dict[str, Cell]:
        """Return the values behind the numbers."""
        cells = json.loads(row[self.rest_at :])
        return {
            name: bytes.fromhex(cell) if kind == "other" and cell is not None else cell
            for (name, kind), cell in zip(self.rest, cells, strict=True)
        }


def digest_of(row: bytes) -> bytes:
    """Return the digest of the layout a row was written with."""
    return row[:8]


def event_us(row: bytes) -> int:
    """Return the moment a row speaks of."""
    event: int = HEADER.unpack_from(row)[1]
    return event


def text_key(entity_id: str) -> bytes:
    """Return the key of an entity that is named by one text."""
    return b"s" + entity_id.encode("utf-8", "surrogatepass")
