"""The feature store: as-of frames, published values offline and online, and the records behind a value.

Everything Feast does happens under one lock, because its DuckDB store deadlocks across threads; Feast itself
is imported on first use, since that takes seconds.
"""

import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.catalog import entity_named, features_of
from features.declare import ENTITIES, Value
from features.engines import python_engine
from features.errors import FeatureError
from features.notebook import explain, frame

__all__ = ["FeatureStore", "OnlineRows", "explain", "frame"]

if TYPE_CHECKING:
    import pandas as pd

    from features.online_rows.matrix import OnlineMatrix
    from features.online_rows.rows import Rows

# One per process, not per store: the deadlock is in Feast's shared DuckDB connection.
_FEAST = threading.RLock()


@contextmanager
def _feast_alone() -> Iterator[None]:
    """Keep other threads out of Feast, and to ourselves what its parts say to their own developers."""
    with _FEAST, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        yield


@dataclass(frozen=True)
class OnlineRows:
    """Online values in the order of the ids; None for an id that is unknown or whose values are too old.

    ``as_of`` is the moment the values speak of, also for values that are too old.
    """

    values: list[dict[str, Value] | None]
    as_of: list[datetime | None]


class FeatureStore:
    """Features under one folder: ``sources/`` holds the exported tables, Feast keeps the rest.

    ``online`` is ``sqlite`` or a redis:// URL. ``spark`` is the URL of a Spark cluster that works sets out
    and reads history in the place of DuckDB; it must see the folder. Safe to use from several threads.
    """

    def __init__(self, folder: Path, online: str = "sqlite", spark: str | None = None) -> None:
        self.folder = folder
        self.sources = folder / "sources"
        self._online, self._spark = online, spark
        self._opened: Any = None

    @cached_property
    def rows(self) -> "Rows":
        """The published values, packed; reading and writing them needs no Feast."""
        from features.online_rows.keepers import rows_at

        self._check_applied()
        return rows_at(self.folder, self._online)

    @property
    def applied(self) -> bool:
        """Whether the catalog has been registered, so that values can be kept and read."""
        return (self.folder / "registry.db").is_file()

    def apply(self) -> None:
        """Write Feast's folder and register the catalog's objects; what is published stays."""
        from features.feast_repo.repository import write_repository

        write_repository(self.folder, self._online, self._spark)
        with _feast_alone():
            feast = _load_feast()
            from features.feast_repo.objects import entity_of, view_of

            store = feast.FeatureStore(repo_path=str(self.folder))
            names = tuple(ENTITIES)
            views = [view_of(name, self.folder, spark=self._spark is not None) for name in names]
            store.apply([*map(entity_of, names), *views])
            self._opened = store

    def compute(
        self, entity: str, rows: "pd.DataFrame", features: Iterable[str] | None = None
    ) -> "pd.DataFrame":
        """Work the features out from the sources: entity_id, as_of and a column each, in the rows' order.

        ``rows`` has entity_id (text) and as_of (aware moments). Numbers are float64 with NaN for unknown.
        Units are in ``frame.attrs["units"]``. Raises FeatureError, see ``ibis_engine.compute``.
        """
        from features.engines import ibis_engine, spark_engine

        if self._spark is None:
            frame = ibis_engine.compute(entity, rows, self.sources, features)
        else:
            session = spark_engine.session_at(self._spark)
            frame = spark_engine.compute(entity, rows, self.sources, features, session)
        return _with_units(entity, frame)

    def refresh(self, entity: str, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Return what ``compute`` does for rows of one moment, working out only what has changed.

        Figures of the last such set are kept in ``state/``; an entity is worked out anew if the log of the
        sources has told of it since, if a row of its own enters or leaves a window, or if it was not in that
        set. The first set, one behind the last moment, and one over a new base are worked out whole; so is
        everything where the sources are no log, or with Spark.
        """
        from crm_store.repositories.sources.files import read_log
        from features.engines import ibis_engine, refresh

        if rows.empty or self._spark is not None or read_log(self.sources) is None:
            return self.compute(entity, rows)
        asked = ibis_engine.asked_table(rows)
        state = self.folder / "state" / f"{entity_named(entity).name}.arrow"
        found = refresh.refreshed(entity, asked, self.sources, state)
        return _with_units(entity, ibis_engine.to_frame(found, features_of(entity)))

    def frame(
        self, entity: str, rows: "pd.DataFrame", features: Iterable[str] | None = None, *, fresh: bool = True
    ) -> "pd.DataFrame":
        """Return features as of each row's moment, read through Feast's offline store, in the rows' order.

        ``fresh`` first works out and publishes (offline only) the rows themselves, so that a value is as of
        exactly its moment. Without it a row gets what was last published up to its moment within the time
        to live, and unknown otherwise. Raises FeatureError as ``compute``, and ``rows_lost``.
        """
        from features import offline

        names = [feature.name for feature in features_of(entity, features)]
        if fresh:
            self.publish(entity, self.compute(entity, rows), online=False)
        with _feast_alone():
            frame = offline.read(self._feast(), entity_named(entity), rows, names)
        return _with_units(entity, frame)

    def publish(
        self, entity: str, frame: "pd.DataFrame", *, offline: bool = True, online: bool = True
    ) -> int:
        """Keep a computed frame (all features of the entity) offline and online; return its rows.

        Offline a row replaces one of the same entity and moment; online the newest moment stays.
        """
        from features import offline as parquet
        from features import online as served

        declared = entity_named(entity)
        parquet.check_complete(declared, frame)
        if offline:
            with _FEAST:  # a reader in another thread must not meet the file half replaced
                parquet.write(self.folder, declared, frame)
        if online and len(frame):
            served.write(self.rows, declared, frame)
        return len(frame)

    def push(self, entity: str, rows: Mapping[str, tuple[Mapping[str, Value], datetime]]) -> None:
        """Keep online the values of some entities, each complete and with the moment that it speaks of.

        What is there already and of a later moment stays, as in ``publish``.
        """
        from features import online as served

        served.push(self.rows, entity_named(entity), rows)

    def online(
        self,
        entity: str,
        ids: Sequence[str],
        features: Iterable[str] | None = None,
        *,
        now: datetime | None = None,
    ) -> OnlineRows:
        """Return the published values of these ids, in their order; Feast's own reader gives the same.

        With ``now``, values older than the time to live are None.
        Raises FeatureError ``wrong_id_type``, ``unknown_entity`` or ``unknown_feature``.
        """
        from features import online as served

        declared = entity_named(entity)
        names = [feature.name for feature in features_of(entity, features)]
        _check_ids(ids)
        found = served.read(self.rows, declared, ids, names)
        return OnlineRows(
            [None if served.expired(at, now) else values for values, at in found], [at for _, at in found]
        )

    def online_matrix(
        self, entity: str, ids: Sequence[str], features: Iterable[str], *, now: datetime | None = None
    ) -> "OnlineMatrix":
        """Return the same as one matrix in the order of ``features``: the quick way for a model.

        With ``now``, rows older than the time to live are unknown. Raises FeatureError as ``online``.
        """
        from features import online as served

        declared = entity_named(entity)
        names = [feature.name for feature in features_of(entity, features)]
        _check_ids(ids)
        found = served.read_matrix(self.rows, declared, ids, names)
        for place, at in enumerate(found.as_of):
            if served.expired(at, now):
                found.numbers[place] = float("nan")
                for column in found.words.values():
                    column[place] = None
        return found

    def trace(
        self, entity: str, feature: str, entity_id: str, as_of: datetime, history: python_engine.History
    ) -> list[python_engine.Row]:
        """Return the raw records that a feature's value was made of as of a moment, oldest first."""
        (declared,) = features_of(entity, [feature])
        return python_engine.behind(entity, declared, history, entity_id, as_of)

    def _feast(self) -> Any:
        if self._opened is None:
            self._check_applied()
            self._opened = _load_feast().FeatureStore(repo_path=str(self.folder))
        return self._opened

    def _check_applied(self) -> None:
        if not self.applied:
            raise FeatureError("not_applied", "folder", self.folder.name)


def _check_ids(ids: Sequence[str]) -> None:
    for entity_id in ids:
        if not isinstance(entity_id, str):
            raise FeatureError("wrong_id_type", "ids", type(entity_id).__name__)


@cache
def _load_feast() -> Any:
    """Import Feast and undo what its metrics module does to the process.

    It points Prometheus at a temporary folder shared by processes; importing the client first keeps this
    process's metrics in memory, and dropping the variables keeps its children from inheriting them.
    """
    import os

    import prometheus_client  # noqa: F401

    before = set(os.environ)
    import feast
    import feast.metrics

    for name in ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR"):
        if name not in before:
            os.environ.pop(name, None)
    return feast


def _with_units(entity: str, frame: "pd.DataFrame") -> "pd.DataFrame":
    units = {feature.name: feature.unit for feature in features_of(entity)}
    frame.attrs["units"] = {name: units[name] for name in frame.columns if name in units}
    return frame
