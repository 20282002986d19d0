"""Whether the exported sources can be trusted: there, readable, whole, and as fresh as they use to be."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from crm_store.domain.sources import SOURCES
from crm_store.repositories.sources.files import files_of, read_rows
from features.declare import Feature

if TYPE_CHECKING:
    import numpy as np
    import pyarrow.parquet as pq

Fault = Literal["missing", "unreadable", "columns", "shrunk", "stale"]
FAULTS: Mapping[Fault, tuple[str, str]] = {
    "missing": ("文件不存在", "the file is missing"),
    "unreadable": ("文件已损坏，无法读取", "the file cannot be read"),
    "columns": ("缺少约定的列", "columns that were agreed are missing"),
    "shrunk": (
        "行数比上次少，而记录只增不减",
        "it has lost rows, and records are never removed",
    ),
    "stale": ("已久无新记录", "nothing has come in for unusually long"),
}
# A log loses no row; a few may go with an outside system's own corrections.
KEPT_SHARE = 0.95
# Its rhythm is read off so long before its newest row, and believed from so many active days on.
RHYTHM = timedelta(days=90)
ACTIVE_DAYS = 20
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SourceState:
    """A source at a build: ``newest`` is its last ``recorded_at``, ``quiet`` its longest usual pause."""

    name: str
    rows: int = 0
    newest: datetime | None = None
    quiet: timedelta | None = None
    fault: Fault | None = None


def inspect(folder: Path, now: datetime, before: Mapping[str, int]) -> dict[str, SourceState]:
    """Return the state of every source; ``before`` is how many rows each had at the last good build."""
    return {name: _state(folder, name, now, before.get(name, 0)) for name in SOURCES}


def sources_behind(feature: Feature) -> set[str]:
    """Return the sources without which a feature means nothing: shared rows are found by the lead's state."""
    linked = {"lead_states"} if any(one.selection.via for one in feature.aggregates) else set()
    return linked | set(feature.sources)


def groups_held(features: Iterable[Feature], states: Mapping[str, SourceState]) -> dict[str, list[str]]:
    """Return group → broken sources, for the groups that a broken source keeps from being published."""
    held: dict[str, set[str]] = {}
    for feature in features:
        broken = {name for name in sources_behind(feature) if states[name].fault}
        if broken:
            held.setdefault(feature.group, set()).update(broken)
    return {group: sorted(broken) for group, broken in held.items()}


def _state(folder: Path, name: str, now: datetime, rows_before: int) -> SourceState:
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = files_of(folder, name)
    if not files:
        return SourceState(name, fault="missing")
    try:
        with ExitStack() as opened:
            parts = [opened.enter_context(pq.ParquetFile(file)) for file in files]
            told = sum(part.metadata.num_rows for part in parts)
            if any(set(SOURCES[name].columns) - set(part.schema_arrow.names) for part in parts):
                return SourceState(name, told, fault="columns")
            rows = told if len(parts) == 1 else len(read_rows(folder, name, ["record_id"]))
            newest, quiet = _rhythm(parts)
    except (pa.ArrowInvalid, OSError):
        return SourceState(name, fault="unreadable")
    fault: Fault | None = None
    if rows < KEPT_SHARE * rows_before:
        fault = "shrunk"
    elif newest is not None and quiet is not None and now - newest > 2 * quiet + _DAY:
        fault = "stale"
    return SourceState(name, rows, newest, quiet, fault)


def _rhythm(parts: "Sequence[pq.ParquetFile]") -> tuple[datetime | None, timedelta | None]:
    """Return the newest ``recorded_at`` and the longest pause between active days in the time before it."""
    import numpy as np

    newest, since = None, None
    days: set[int] = set()
    # Later row groups tend to be newer; those that end before the time looked at are not read at all.
    groups = [(part, group) for part in parts for group in range(part.num_row_groups)]
    for source, group in reversed(groups):
        last = _last(source, group)
        if last is not None and since is not None and last < since:
            continue
        moments = _moments(source, group)
        if len(moments) == 0:
            continue
        newest = max(newest or moments.max(), moments.max())
        since = newest - np.timedelta64(RHYTHM)
        days |= set((moments[moments >= since].astype("datetime64[D]")).astype(int).tolist())
    if newest is None or since is None:
        return None, None
    active = sorted(day for day in days if day >= since.astype("datetime64[D]").astype(int))
    pauses = np.diff(active)
    quiet = timedelta(days=int(pauses.max())) if len(active) >= ACTIVE_DAYS else None
    return _aware(newest), quiet


def _moments(source: "pq.ParquetFile", group: int) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    column = source.read_row_group(group, columns=["recorded_at"]).column("recorded_at")
    found: np.ndarray[tuple[int], np.dtype[np.datetime64]] = column.drop_null().to_numpy()
    return found.astype("datetime64[us]")


def _last(source: "pq.ParquetFile", group: int) -> "np.datetime64 | None":
    import numpy as np

    place = source.schema_arrow.get_field_index("recorded_at")
    told = source.metadata.row_group(group).column(place).statistics
    if told is None or not told.has_min_max:
        return None
    return np.datetime64(told.max.replace(tzinfo=None), "us")


def _aware(moment: "np.datetime64") -> datetime:
    from datetime import UTC

    found: datetime = moment.astype(datetime)
    return found.replace(tzinfo=UTC)
