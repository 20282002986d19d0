"""Many packed rows at once: numbers as one matrix in the order asked for, words as lists."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from features.online_rows.layout import Layout, digest_of, from_us, text_key
from features.online_rows.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class OnlineMatrix:
    """Online values: ``numbers`` is float64 of shape (ids, names) with NaN for unknown and for words.

    ``words`` maps the names that are words to a list with one entry per id. ``as_of`` is the moment each
    row speaks of, None for an id without values.
    """

    names: tuple[str, ...]
    numbers: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"
    words: dict[str, list[str | None]]
    as_of: list[datetime | None]


def read_matrix(rows: Rows, view: str, ids: Sequence[str], names: Sequence[str]) -> OnlineMatrix:
    """Return the values of these ids in the order of ``names``; a name that a row lacks is unknown."""
    import numpy as np

    wanted = tuple(names)
    found = rows.get(view, [text_key(entity_id) for entity_id in ids])
    numbers = np.full((len(ids), len(wanted)), np.nan)
    words: dict[str, list[str | None]] = {}
    as_of: list[datetime | None] = [None] * len(ids)
    for layout, places in _by_layout(rows, found):
        take = _take(layout, wanted)
        kept: Any = [found[place] for place in places]
        if layout.rest:
            _add_words(words, take.words, layout, len(ids), places, kept)
            kept = [row[: layout.rest_at] for row in kept]
        block = np.frombuffer(b"".join(kept), dtype=take.dtype)
        whole = len(places) == len(ids) and take.to is None
        if whole:
            numbers = block["numbers"][:, take.of]
        else:
            to = slice(None) if take.to is None else take.to
            numbers[np.asarray(places)[:, None], np.arange(len(wanted))[to]] = block["numbers"][:, take.of]
        _add_moments(as_of, places, block["event"].tolist())
    return OnlineMatrix(wanted, numbers, words, as_of)


@dataclass(frozen=True)
class _Take:
    """Where the wanted names stand in rows of a layout: from ``of`` to ``to`` (None: all of them)."""

    dtype: Any
    of: Any
    to: Any
    words: tuple[str, ...]


@lru_cache(maxsize=64)
def _take(layout: Layout, wanted: tuple[str, ...]) -> _Take:
    import numpy as np

    places = {name: place for place, name in enumerate(layout.numbers)}
    pairs = [(at, places[name]) for at, name in enumerate(wanted) if name in places]
    dtype = np.dtype(
        [("digest", "V8"), ("event", ">i8"), ("created", ">i8"), ("numbers", "<f8", (len(layout.numbers),))]
    )
    of = np.array([place for _, place in pairs], dtype=np.intp)
    to = None if len(pairs) == len(wanted) else np.array([at for at, _ in pairs], dtype=np.intp)
    words = tuple(name for name, kind in layout.rest if kind == "word" and name in wanted)
    return _Take(dtype, of, to, words)


def _add_moments(as_of: list[datetime | None], places: list[int], events: list[int]) -> None:
    # A build publishes thousands of rows of one moment.
    moments = {event: from_us(event) for event in set(events)}
    for place, event in zip(places, events, strict=True):
        as_of[place] = moments[event]


def _add_words(
    words: dict[str, list[str | None]],
    wanted: tuple[str, ...],
    layout: Layout,
    count: int,
    places: list[int],
    kept: list[bytes],
) -> None:
    if not wanted:
        return
    for name in wanted:
        words.setdefault(name, [None] * count)
    for place, row in zip(places, kept, strict=True):
        cells: Any = layout.unpack_rest(row)
        for name in wanted:
            words[name][place] = cells[name]


def _by_layout(rows: Rows, found: list[bytes | None]) -> Iterator[tuple[Layout, list[int]]]:
    places: dict[bytes, list[int]] = {}
    for place, row in enumerate(found):
        if row is not None:
            places.setdefault(digest_of(row), []).append(place)
    for digest, some in places.items():
        layout = rows.layout(digest)
        if layout is None:  # its layout was lost with the store: these values cannot be read
            for place in some:
                found[place] = None
        else:
            yield layout, some


def write_frame(rows: Rows, view: str, layout: Layout, frame: "pd.DataFrame") -> None:
    """Write a frame with entity_id, as_of and the layout's columns: the newest row of each entity."""
    newest = frame.sort_values("as_of", kind="stable").drop_duplicates("entity_id", keep="last")
    rows.put(view, layout, _items(layout, newest))


def _items(layout: Layout, frame: "pd.DataFrame") -> Iterator[tuple[bytes, bytes]]:
    import numpy as np

    numbers = np.ascontiguousarray(frame[list(layout.numbers)].to_numpy(dtype="<f8", na_value=np.nan))
    width = numbers.shape[1] * 8
    block = memoryview(numbers.tobytes())
    words = zip(*(_known(frame[name]) for name, _ in layout.rest), strict=True)
    tails = map(layout.tail, words) if layout.rest else iter([b""] * len(frame))
    moments = frame["as_of"].dt.as_unit("us").astype("int64").tolist()
    for place, (entity_id, at, tail) in enumerate(zip(frame["entity_id"], moments, tails, strict=True)):
        body = block[place * width : (place + 1) * width]
        yield text_key(entity_id), layout.head(at, at) + body + tail


def _known(column: "pd.Series[Any]") -> list[Any]:
    return [value if isinstance(value, str) else None for value in column.tolist()]
