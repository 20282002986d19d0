"""The Feast objects, generated from the catalog: an entity and one feature view for each kind of record."""

from pathlib import Path

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Float64, String

from features.catalog import features_of
from features.declare import ENTITIES
from features.published import CREATED, EVENT, TTL, offline_file, view_name


def entity_of(name: str) -> Entity:
    """Return the Feast entity, joined by its text key."""
    declared = ENTITIES[name]
    return Entity(
        name=name, join_keys=[declared.key], value_type=ValueType.STRING, description=declared.title[1]
    )


def view_of(name: str, folder: Path) -> FeatureView:
    """Return the feature view of an entity over the published Parquet in ``folder``."""
    source = FileSource(
        name=f"{name}_published",
        path=str(offline_file(folder.resolve(), name)),
        file_format=ParquetFormat(),
        timestamp_field=EVENT,
        created_timestamp_column=CREATED,
    )
    schema = [Field(name=ENTITIES[name].key, dtype=String)]
    schema += [
        Field(
            name=feature.name,
            dtype=Float64 if feature.dtype == "float64" else String,
            description=feature.title[1],
            tags={
                "unit": feature.unit,
                "group": feature.group,
                "owner": feature.owner,
                "zh": feature.title[0],
            },
        )
        for feature in features_of(name)
    ]
    return FeatureView(
        name=view_name(name), entities=[entity_of(name)], ttl=TTL, schema=schema, source=source, online=True
    )
