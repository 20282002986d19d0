"""What a bulk upsert is about to write: its rows, where their records stand, and what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from crm_store.domain.ids import new_id
from crm_store.repositories.fields import FIELDS, Value
from crm_store.repositories.problems import Problem
from crm_store.repositories.writes.chains import Chain, Entry, Step

Status = Literal["created", "updated", "unchanged", "conflict", "invalid"]
OutsideKey = tuple[str, str]


class RowResult(NamedTuple):
    """What became of one row; ``id`` and ``version`` are those of the record as it stands afterwards.

    ``problem`` says why nothing was written (``conflict``, ``invalid``); for a conflict ``values`` holds, for
    each field offered, [what is stored, what was offered].
    """

    status: Status
    id: str | None = None
    version: int | None = None
    problem: Problem | None = None
    values: Mapping[str, list[Value]] | None = None


class Request(NamedTuple):
    """A row whose values fit, with the outside id that it names, if it names one."""

    place: int
    id: str | None
    key: OutsideKey | None
    offered: dict[str, Value]
    expected_version: int | None


@dataclass
class Plan:
    """What a batch is about to write: where each record stands by now, and the entries that took it there."""

    entity: str
    recorded_at: datetime
    keys: dict[OutsideKey, str] = field(default_factory=dict)
    assumed: set[str] = field(default_factory=set)
    chains: dict[str, Chain] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    missing: dict[str, set[str]] = field(default_factory=dict)
    results: dict[int, RowResult] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def resolve(self, request: Request, record_id: str) -> str:
        """Return the id that a row is about.

        An id made from the outside id may belong to a record that has since got another outside id.
        """
        if request.key is None or record_id not in self.assumed or record_id not in self.before:
            return record_id
        self.assumed.discard(record_id)
        self.keys[request.key] = fresh = new_id(self.entity)
        return fresh

    def take(self, record_id: str, chain: Chain, step: Step) -> None:
        """Note one step of a record."""
        self.chains[record_id] = chain
        self.entries.append(step.entry)
        self.changed[record_id] = self.changed.get(record_id, ()) + tuple(step.changes)
        if self.entity in self.missing:
            self.missing[self.entity].discard(record_id)  # from here on rows may refer to it

    def created(self) -> list[str]:
        """Return the records that are new, in the order of the rows."""
        return [record_id for record_id in self.changed if record_id not in self.before]

    def updated(self) -> list[str]:
        """Return the records that were there and have changed."""
        return [record_id for record_id in self.changed if record_id in self.before]

    def rows(
        self, ids: Sequence[str], besides: Mapping[str, Any] = MappingProxyType({})
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns that changed in any of the records, and the records' values in them.

        ``besides`` are columns that are no fields, with the value of all records.
        """
        touched = set().union(*{self.changed[record_id] for record_id in ids})
        names = [name for name in FIELDS[self.entity] if name in touched]
        rows = []
        in_order = itemgetter(*names) if len(names) > 1 else lambda state: (state[names[0]],)
        for record_id in ids:
            chain = self.chains[record_id]
            rows.append(
                (record_id, chain.version, chain.recorded_at, *in_order(chain.state), *besides.values())
            )
        return ["id", "version", "updated_at", *names, *besides], rows
