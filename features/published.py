"""Where published features lie and how long they hold; shared by Feast's objects and the direct paths."""

from datetime import timedelta
from pathlib import Path

from features.catalog import catalog_hash

PROJECT = "leadpulse"
EVENT, CREATED = "event_timestamp", "created_timestamp"

# How long a published value may be served. Within a month a nightly job has run, or someone has noticed;
# beyond it, rules that know their age are better company than features that do not.
TTL = timedelta(days=30)


def view_name(entity: str) -> str:
    """Return the name of an entity's feature view, e.g. lead_features."""
    return f"{entity}_features"


def offline_folder(folder: Path, entity: str) -> Path:
    """Return the folder of the Parquet files that keep what this catalog says of an entity's past."""
    return folder / "offline" / f"{entity}-{catalog_hash()}"
