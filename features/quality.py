"""The quality of inputs, recorded at each build: one line of JSON per build and entity.

A group that reads a broken source is held back: what was published of it stays, and the rest goes on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.catalog import features_of
from features.errors import FeatureError
from features.source_quality import FAULTS, SourceState, groups_held, inspect
from features.value_quality import ALERTS, Values, measure

if TYPE_CHECKING:
    import pandas as pd

    from features.store import FeatureStore

# Builds are compared with the one so long before, or the oldest there is.
REFERENCE_AGE = timedelta(days=28)
KEPT_BUILDS = 400


@dataclass(frozen=True)
class Record:
    """What a build saw: its sources, its values, and group → broken sources of what it held back."""

    as_of: datetime
    rows: int
    sources: Mapping[str, SourceState]
    features: Mapping[str, Values]
    held: Mapping[str, list[str]]

    def told(self) -> list[tuple[str, str]]:
        """Return what a person should know, in Chinese and English; nothing when all is well."""
        said = [
            (
                f"{name}：{FAULTS[state.fault][0]}{_when(state)}",
                f"{name}: {FAULTS[state.fault][1]}{_when(state)}",
            )
            for name, state in self.sources.items()
            if state.fault and any(name in broken for broken in self.held.values())
        ]
        said += [
            (f"{group} 暂停发布，沿用上次的值", f"{group} is not published; its last values stay")
            for group in self.held
        ]
        return said + [
            (f"{name}：{ALERTS[alert][0]}", f"{name}: {ALERTS[alert][1]}")
            for name, values in self.features.items()
            for alert in values.alerts
        ]


@dataclass(frozen=True)
class Build:
    """A frame with every feature, published, and what was found about it."""

    frame: "pd.DataFrame"
    record: Record


def build(store: "FeatureStore", entity: str, rows: "pd.DataFrame", now: datetime) -> Build:
    """Compute, check, publish and record the features of these rows (entity_id, as_of).

    Features of a group that is held back have, in the frame and online, the values that were last published,
    and none offline. Raises FeatureError ``sources_broken`` when nothing can be published.
    """
    declared = features_of(entity)
    earlier = history(store.folder, entity)
    good = earlier[-1].sources if earlier else {}
    states = inspect(store.sources, now, {name: one.rows for name, one in good.items()})
    held = groups_held(declared, states)
    whole = [one for one in declared if one.group not in held]
    if not whole:
        record = Record(now, 0, _kept(states, good), {}, held)
        _append(store.folder, entity, earlier, record)
        raise FeatureError("sources_broken", "sources", ", ".join(sorted(set().union(*held.values()))))
    fresh = store.compute(entity, rows, [one.name for one in whole]) if held else store.refresh(entity, rows)
    reference = _reference(earlier, now)
    values = measure(fresh, whole, reference.features if reference else {})
    record = Record(now, len(rows), _kept(states, good), values, held)
    _append(store.folder, entity, earlier, record)
    frame = _completed(store, entity, fresh, now) if held else fresh
    if held:
        empty = frame.copy()
        for one in declared:
            if one.group in held:
                empty[one.name] = None if one.dtype == "string" else float("nan")
        store.publish(entity, empty, online=False)
    store.publish(entity, frame, offline=not held)
    return Build(frame, record)


def history(folder: Path, entity: str) -> list[Record]:
    """Return the records of an entity's builds, oldest first."""
    file = _file(folder, entity)
    return (
        [_read(json.loads(line)) for line in file.read_text("utf-8").splitlines()] if file.is_file() else []
    )


def _completed(store: "FeatureStore", entity: str, fresh: "pd.DataFrame", now: datetime) -> "pd.DataFrame":
    """Return the frame with the columns of the groups held back, as they were last published."""
    declared = features_of(entity)
    missing = [one for one in declared if one.name not in fresh]
    names = [one.name for one in missing]
    last = store.online_matrix(entity, fresh["entity_id"].tolist(), names, now=now)
    columns: dict[str, Any] = {
        one.name: last.words.get(one.name, [None] * len(fresh))
        if one.dtype == "string"
        else last.numbers[:, place]
        for place, one in enumerate(missing)
    }
    frame = fresh.assign(**columns)
    return frame[["entity_id", "as_of", *(one.name for one in declared)]]


def _kept(states: Mapping[str, SourceState], good: Mapping[str, SourceState]) -> dict[str, SourceState]:
    """Return the states to record: a broken source is measured against what it was when it was whole."""
    return {
        name: SourceState(name, good[name].rows, state.newest, state.quiet, state.fault)
        if state.fault and name in good
        else state
        for name, state in states.items()
    }


def _reference(earlier: list[Record], now: datetime) -> Record | None:
    past = [record for record in earlier if record.features and record.as_of < now]
    old = [record for record in past if record.as_of <= now - REFERENCE_AGE]
    return old[-1] if old else past[0] if past else None


def _when(state: SourceState) -> str:
    return f" ({state.newest:%Y-%m-%d})" if state.fault == "stale" and state.newest else ""


def _file(folder: Path, entity: str) -> Path:
    return folder / "quality" / f"{entity}.jsonl"


def _append(folder: Path, entity: str, earlier: list[Record], record: Record) -> None:
    """Add a record; a repeated build of the same moment replaces its own, and the oldest are forgotten."""
    file = _file(folder, entity)
    kept = [one for one in earlier if one.as_of != record.as_of][-KEPT_BUILDS + 1 :]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    lines = [json.dumps(_plain(one), ensure_ascii=False) for one in (*kept, record)]
    part.write_text("\n".join(lines) + "\n", "utf-8")
    part.replace(file)


def _plain(record: Record) -> dict[str, Any]:
    return {
        "as_of": record.as_of.isoformat(),
        "rows": record.rows,
        "sources": {
            name: [
                state.rows,
                state.newest and state.newest.isoformat(),
                state.quiet and state.quiet.days,
                state.fault,
            ]
            for name, state in record.sources.items()
        },
        "features": {name: values.plain() for name, values in record.features.items()},
        "held": dict(record.held),
    }


def _read(plain: Mapping[str, Any]) -> Record:
    sources = {
        name: SourceState(
            name,
            rows,
            newest and datetime.fromisoformat(newest),
            None if quiet is None else timedelta(days=quiet),
            fault,
        )
        for name, (rows, newest, quiet, fault) in plain["sources"].items()
    }
    features = {name: Values.of_plain(values) for name, values in plain["features"].items()}
    as_of = datetime.fromisoformat(plain["as_of"])
    return Record(as_of, plain["rows"], sources, features, plain["held"])
