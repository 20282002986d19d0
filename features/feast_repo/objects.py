"""The Feast objects, generated from the catalog: an entity and one feature view for each kind of record."""

from pathlib import Path

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.data_source import DataSource
from feast.types import Float64, String

from features.catalog import features_of
from features.declare import ENTITIES
from features.published import CREATED, EVENT, TTL, offline_folder, view_name


def entity_of(name: str) -> Entity:
    """Return the Feast entity, joined by its text key."""
    declared = ENTITIES[name]
    return Entity(
        name=name, join_keys=[declared.key], value_type=ValueType.STRING, description=declared.title[1]
    )


def view_of(name: str, folder: Path, *, spark: bool = False) -> FeatureView:
    """Return the feature view of an entity over the published Parquet in ``folder``, for DuckDB or Spark."""
    source = _source(name, str(offline_folder(folder.resolve(), name) / "*.parquet"), spark=spark)
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


def _source(name: str, path: str, *, spark: bool) -> DataSource:
    told = {"name": f"{name}_published", "timestamp_field": EVENT, "created_timestamp_column": CREATED}
    if not spark:
        return FileSource(path=path, file_format=ParquetFormat(), **told)
    from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource

    return SparkSource(path=path, file_format="parquet", **told)
