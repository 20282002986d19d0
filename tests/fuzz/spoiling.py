"""Spoiling good inputs by chance, the same way for the same seed: for runs without a fuzzer."""

import random
from collections.abc import Iterator, Sequence

# Bytes and words that readers trip over.
_TRAPS = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b'"',
    b"'",
    b",",
    b"\r",
    b"\n",
    b"\xed\xa0\x80",
    b"=",
    "＝".encode(),
    b"1e999",
    b"-0",
    b"NaN",
    b"9" * 40,
    b"<!ENTITY x 'y'>",
    b"&x;",
    b"[[[[[[[[",
    b"{",
    b"null",
    "省市区县".encode(),
)


def spoiled(seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Yield inputs for ever."""
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            _spoil(data, chance, seeds)
        yield bytes(data)


def _spoil(data: bytearray, chance: random.Random, seeds: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice((1, 1, 2, 8, 64)))
    match chance.randrange(6):
        case 0:
            del data[at:end]
        case 1:
            data[at:at] = chance.choice(_TRAPS)
        case 2:
            data[at:end] = chance.choice(_TRAPS)
        case 3:
            data[at:end] = chance.randbytes(end - at)
        case 4:
            data[at:at] = data[at:end] * chance.choice((1, 2, 50))
        case _:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            data[at:end] = other[start : start + chance.choice((1, 8, 64))]
