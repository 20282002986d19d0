"""The folder that Feast works in: settings, one small definitions file, registry, offline and online data.

``feast -c <folder> apply`` works there from the command line.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from features.published import PROJECT

_DEFINITIONS = '''"""What Feast reads here; the catalog behind it is the package ``features``."""

from pathlib import Path

from features.feast_repo.objects import entity_of, view_of

folder = Path(__file__).resolve().parent
lead, account, rep, fit = map(entity_of, ("lead", "account", "rep", "fit"))
lead_features, account_features, rep_features, fit_features = (
    view_of(name, folder, spark={spark}) for name in ("lead", "account", "rep", "fit")
)
'''


def write_repository(folder: Path, online: str = "sqlite", spark: str | None = None) -> None:
    """Write feature_store.yaml and definitions.py; ``online`` is ``sqlite`` or a redis:// URL.

    With ``spark``, the URL of a cluster, history is read through Feast's Spark offline store.
    The settings may hold a Redis password, so only their owner may read them. Unchanged files stay.
    """
    import yaml

    (folder / "offline").mkdir(parents=True, exist_ok=True)
    settings = {
        "project": PROJECT,
        "provider": "local",
        "registry": {"registry_type": "file", "path": "registry.db"},
        "offline_store": offline_settings(spark),
        "online_store": online_settings(online),
        "entity_key_serialization_version": 3,
    }
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    _write(folder / "feature_store.yaml", text)
    _write(folder / "definitions.py", _DEFINITIONS.format(spark=spark is not None))


def offline_settings(spark: str | None) -> dict[str, Any]:
    """Return Feast's offline_store section: DuckDB, or Spark on the cluster with that URL."""
    if spark is None:
        return {"type": "duckdb"}
    from features.engines.spark_engine import SETTINGS

    return {"type": "spark", "spark_conf": {"spark.master": spark, **SETTINGS}}


def online_settings(online: str) -> dict[str, str]:
    """Return Feast's online_store section for ``sqlite`` or redis://[:password@]host[:port][/db].

    rediss:// is Redis over TLS. Raises ValueError for anything else.
    """
    store = "features.feast_repo.online_store.Packed{}OnlineStore"
    if online == "sqlite":
        return {"type": store.format("Sqlite"), "path": "online.db"}
    url = urlsplit(online)
    if url.scheme not in ("redis", "rediss") or not url.hostname:
        raise ValueError("online must be 'sqlite' or a redis:// URL")
    return {"type": store.format("Redis"), "url": online}


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o600)
    temporary.replace(path)
