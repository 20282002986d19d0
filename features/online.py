"""Published features online, without Feast: written from a frame, read by id with their moment.

Feast's ``get_online_features`` reads the same rows (``features.feast_repo.online_store``).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from features.catalog import features_of
from features.declare import Entity, Value
from features.online_rows.layout import Layout, digest_of, event_us, from_us, text_key, to_us
from features.online_rows.rows import Rows
from features.published import PROJECT, TTL, view_name

if TYPE_CHECKING:
    import pandas as pd

    from features.online_rows.matrix import OnlineMatrix


@cache
def layout_of(entity: str) -> Layout:
    """Return how an entity's values are packed: as Feast's view of it is."""
    features = features_of(entity)
    numbers = [feature.name for feature in features if feature.dtype == "float64"]
    return Layout.of(numbers, [feature.name for feature in features if feature.dtype == "string"])


def view_key(entity: str) -> str:
    """Return the name under which an entity's rows are kept."""
    return f"{PROJECT}.{view_name(entity)}"


def write(rows: Rows, entity: Entity, frame: "pd.DataFrame") -> None:
    """Write the newest row of each entity; what is already there and newer stays."""
    from features.online_rows.matrix import write_frame

    write_frame(rows, view_key(entity.name), layout_of(entity.name), frame)


def push(rows: Rows, entity: Entity, items: Mapping[str, tuple[Mapping[str, Value], datetime]]) -> None:
    """Write the values of each id and their moment; what is already there and newer stays."""
    layout = layout_of(entity.name)
    packed = []
    for entity_id, (values, as_of) in items.items():
        moment = to_us(as_of)
        packed.append((text_key(entity_id), layout.pack(dict(values), moment, moment)))
    rows.put(view_key(entity.name), layout, packed)


def read(
    rows: Rows, entity: Entity, ids: Sequence[str], names: Sequence[str]
) -> list[tuple[dict[str, Value] | None, datetime | None]]:
    """Return values and their moment for each id, in order; (None, None) for an unknown id."""
    found = rows.get(view_key(entity.name), [text_key(entity_id) for entity_id in ids])
    return [_values(rows, row, names) for row in found]


def read_matrix(rows: Rows, entity: Entity, ids: Sequence[str], names: Sequence[str]) -> "OnlineMatrix":
    """Return the values as a matrix in the order of ``names``."""
    from features.online_rows import matrix

    return matrix.read_matrix(rows, view_key(entity.name), ids, names)


def expired(at: datetime | None, now: datetime | None) -> bool:
    """Return whether values of that moment are too old to be served."""
    return at is not None and now is not None and now - at > TTL


def _values(
    rows: Rows, row: bytes | None, names: Sequence[str]
) -> tuple[dict[str, Value] | None, datetime | None]:
    layout = None if row is None else rows.layout(digest_of(row))
    if row is None or layout is None:
        return None, None
    values = layout.unpack(row)
    return {name: values.get(name) for name in names}, from_us(event_us(row))  # type: ignore[misc]
