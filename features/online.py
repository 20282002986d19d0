"""Published features online, through Feast: written from a frame, read by id with their moment."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from features.catalog import features_of
from features.declare import Entity, Value

if TYPE_CHECKING:
    import pandas as pd

# SQLite takes some 32,000 parameters in a statement, and an answer of this size stays small.
_IDS_AT_ONCE = 1_000


def write(store: Any, entity: Entity, frame: "pd.DataFrame") -> None:
    """Write the newest row of each entity; what is already there and newer stays.

    Goes to Feast's provider with finished messages: Feast's own conversion from a data frame asks every
    cell whether it is missing, which takes longer than writing it.
    """
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value as Message

    from features.feast_repo.objects import view_name

    newest = frame.sort_values("as_of", kind="stable").drop_duplicates("entity_id", keep="last")
    features = features_of(entity.name)
    columns = [_messages(newest[feature.name].tolist(), feature.dtype, Message) for feature in features]
    names = [feature.name for feature in features]
    keys = (
        EntityKey(join_keys=[entity.key], entity_values=[Message(string_val=entity_id)])
        for entity_id in newest["entity_id"]
    )
    moments = newest["as_of"].dt.tz_convert("UTC").dt.to_pydatetime()
    cells = zip(*columns, strict=True)
    rows = [
        (key, dict(zip(names, row, strict=True)), at, at)
        for key, row, at in zip(keys, cells, moments, strict=True)
    ]
    view = store.get_feature_view(view_name(entity.name))
    store._get_provider().online_write_batch(store.config, view, rows, None)


def read(
    store: Any, entity: Entity, ids: Sequence[str], names: Sequence[str]
) -> list[tuple[dict[str, Value] | None, datetime | None]]:
    """Return values and their moment for each id, in order; (None, None) for an unknown id."""
    from features.feast_repo.objects import view_name

    refs = [f"{view_name(entity.name)}:{name}" for name in names]
    found: list[tuple[dict[str, Value] | None, datetime | None]] = []
    for start in range(0, len(ids), _IDS_AT_ONCE):
        rows = [{entity.key: entity_id} for entity_id in ids[start : start + _IDS_AT_ONCE]]
        found.extend(_rows(store.get_online_features(features=refs, entity_rows=rows).proto, names))
    return found


def expired(at: datetime | None, now: datetime | None) -> bool:
    """Return whether values of that moment are too old to be served."""
    from features.feast_repo.objects import TTL

    return at is not None and now is not None and now - at > TTL


def _rows(answer: Any, names: Sequence[str]) -> Iterator[tuple[dict[str, Value] | None, datetime | None]]:
    # Feast answers by column, the join key among them, in an order of its own.
    columns = dict(zip(answer.metadata.feature_names.val, answer.results, strict=True))
    for row in range(len(answer.results[0].values)):
        seconds = columns[names[0]].event_timestamps[row].seconds
        if seconds == 0:  # Feast's way of saying that there is no such entity
            yield None, None
        else:
            values = {name: _value(columns[name].values[row]) for name in names}
            yield values, datetime.fromtimestamp(seconds, UTC)


def _value(proto: Any) -> Value:
    kind = proto.WhichOneof("val")
    if kind is None:
        return None
    value: Value = getattr(proto, kind)
    return None if value != value else value


def _messages(values: list[Any], dtype: str, message: Any) -> list[Any]:
    """Return a message for each value; equal values share one, since most counts are small numbers."""
    field = "double_val" if dtype == "float64" else "string_val"
    made: dict[Any, Any] = {}
    found = []
    for value in values:
        known = value if value is not None and value == value else None
        if known not in made:
            made[known] = message() if known is None else message(**{field: known})
        found.append(made[known])
    return found
