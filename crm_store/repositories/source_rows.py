"""From change-log entries to rows of the feature sources: the one definition that every reader uses.

Entries come in the order of versions, one record after the other. States repeat the whole record after
each write. Events are told once, at the entry that first shows them: a later correction neither repeats
nor erases one, because at the moments in between the business believed it. What is believed now stands
in the states.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_store.domain.sources import ACCOUNT_STATES, LEAD_STATES, ColumnType, SourceTable

Row = dict[str, Any]

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
WON = "won"
CONTRACT_ENDINGS = ("renewed", "lapsed")
MARKET = "all"


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
    """A record after one write; ``told`` collects the events of the record that have been told already."""

    entity: str
    record_id: str
    number: int
    recorded_at: datetime
    state: dict[str, Any]
    told: set[str] = field(default_factory=set)

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


Fold = Callable[[Version], Iterator[Row]]


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
    for entry in entries:
        if (entry.entity, entry.entity_id) != key:
            key, state, told = (entry.entity, entry.entity_id), {}, set()
        changes: Mapping[str, list[Any]] = json.loads(entry.changes)
        state.update((name, change[1]) for name, change in changes.items())
        yield Version(entry.entity, entry.entity_id, entry.version, entry.recorded_at, state, told)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


# Text needs no reading: the log holds it as it is.
_READERS: dict[ColumnType, Callable[[Any], Any]] = {"float": _number, "moment": parse_moment}


def _state(table: SourceTable, at: Version) -> Row:
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


def lead_states(at: Version) -> Iterator[Row]:
    """Yield the lead as it stands; names and phones only as whether they are there."""
    row = _state(LEAD_STATES, at)
    for name in ("company", "phone", "contact_name"):
        row[f"has_{name}"] = 1.0 if at.state.get(name) else 0.0
    yield row


def account_states(at: Version) -> Iterator[Row]:
    """Yield the account as it stands."""
    yield _state(ACCOUNT_STATES, at)


def lead_flow(at: Version) -> Iterator[Row]:
    """Yield ``arrived`` at the first contact and ``won`` at the (first) win, filed as known at that entry."""
    keys: Row = {"lead_id": at.record_id, "market": MARKET}
    keys |= {name: at.state.get(name) for name in ("campaign", "channel")}
    created_at = at.created_at()
    yield from at.event("arrived", created_at, **keys)
    if at.state.get("status") == WON:
        won_at = at.moment("closed_at") or at.recorded_at
        yield from at.event(WON, won_at, days_to_win=(won_at - created_at) / _DAY, **keys)


def ticket_events(at: Version) -> Iterator[Row]:
    """Yield ``opened``, ``answered`` (with hours to the response), ``resolved`` and ``rated``.

    No field says when a rating was given, so it occurred when it was recorded. A ticket nobody has
    assigned to an account yet has no events: they are known with the account.
    """
    state = at.state
    if state.get("account_id") is None:
        return
    keys = {"account_id": state["account_id"], "ticket_id": at.record_id, "category": state.get("category")}
    opened, answered = at.moment("opened_at"), at.moment("first_response_at")
    yield from at.event("opened", opened, **keys)
    response_h = (answered - opened) / _HOUR if answered and opened else None
    yield from at.event("answered", answered, response_h=response_h, **keys)
    yield from at.event("resolved", at.moment("resolved_at"), **keys)
    satisfaction = _number(state.get("satisfaction"))
    rated_at = None if satisfaction is None else at.recorded_at
    yield from at.event("rated", rated_at, satisfaction=satisfaction, **keys)


def contract_events(at: Version) -> Iterator[Row]:
    """Yield ``signed`` when the contract began to exist, and ``renewed`` or ``lapsed`` when it closed."""
    state = at.state
    if state.get("account_id") is None:
        return
    values = {
        "account_id": state["account_id"],
        "contract_id": at.record_id,
        "product_line": state.get("product_line"),
        "amount": _number(state.get("amount")),
        "start_at": at.moment("start_at"),
        "end_at": at.moment("end_at"),
    }
    yield from at.event("signed", at.created_at(), **values)
    status = state.get("status")
    if status in CONTRACT_ENDINGS:
        yield from at.event(status, at.moment("closed_at") or at.recorded_at, **values)


# Which kind of record each folded source is read off, and how.
FOLDS: dict[str, dict[str, Fold]] = {
    "lead": {"lead_states": lead_states, "lead_flow": lead_flow},
    "account": {"account_states": account_states},
    "ticket": {"ticket_events": ticket_events},
    "contract": {"contract_events": contract_events},
}
