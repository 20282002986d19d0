"""A record after each of its writes, read off change-log entries: what the feature sources are told from."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crm_store.domain.sources import ColumnType, SourceTable

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One change-log entry, as far as sources need it; ``changes`` is the stored JSON, field → [old, new]."""

    entity: str
    entity_id: str
    version: int
    recorded_at: datetime
    changes: str


@dataclass(slots=True)
class Version:
    """A record after one write; ``told`` collects the events of the record that have been told already.

    ``notes`` are what a fold remembers of the versions before, by the fold's name.
    """

    entity: str
    record_id: str
    number: int
    recorded_at: datetime
    state: dict[str, Any]
    told: set[str] = field(default_factory=set)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def entry_id(self) -> str:
        """The change-log entry behind this version, as ``record@version``."""
        return f"{self.record_id}@{self.number}"

    def moment(self, name: str) -> datetime | None:
        """Return a field that holds a moment."""
        return parse_moment(self.state.get(name))

    def created_at(self) -> datetime:
        """Return when the business says the record began: its field, else when it was first recorded."""
        return self.moment("created_at") or self.recorded_at

    def event(self, name: str, occurred_at: datetime | None, **values: Any) -> Iterator[Row]:
        """Yield the event's row when it has happened and was not told before."""
        if occurred_at is None or name in self.told:
            return
        self.told.add(name)
        yield {
            "record_id": f"{self.entry_id}#{name}",
            "occurred_at": occurred_at,
            "recorded_at": self.recorded_at,
            "event": name,
            **values,
        }


def parse_moment(value: str | None) -> datetime | None:
    """Return the moment an entry holds as ISO text, in UTC. Raises ValueError when it names no time zone."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"a moment without a time zone: {value}")
    return moment.astimezone(UTC)


def versions(entries: Iterable[Entry]) -> Iterator[Version]:
    """Yield each record after each of its writes; one record's state is held at a time.

    The state is changed in place: take what you need before asking for the next version.
    """
    key: tuple[str, str] | None = None
    state: dict[str, Any] = {}
    told: set[str] = set()
    notes: dict[str, Any] = {}
    for entry in entries:
        if (entry.entity, entry.entity_id) != key:
            key, state, told, notes = (entry.entity, entry.entity_id), {}, set(), {}
        changes: Mapping[str, list[Any]] = json.loads(entry.changes)
        state.update((name, change[1]) for name, change in changes.items())
        yield Version(entry.entity, entry.entity_id, entry.version, entry.recorded_at, state, told, notes)


def number_of(value: Any) -> float | None:
    """Return a number as a float, None where there is none."""
    return None if value is None else float(value)


# Text needs no reading: the log holds it as it is.
_READERS: dict[ColumnType, Callable[[Any], Any]] = {"float": number_of, "moment": parse_moment}


def state_row(table: SourceTable, at: Version) -> Row:
    """Return the record as it stands, as a row of a source of states."""
    state = at.state
    row: Row = {name: state.get(name) for name in table.values}
    for name, kind in table.values.items():
        if kind != "string" and row[name] is not None:
            row[name] = _READERS[kind](row[name])
    row["record_id"] = at.entry_id
    row["occurred_at"] = row["recorded_at"] = at.recorded_at
    row["version"] = float(at.number)
    row[table.keys[0]] = at.record_id
    return row
