"""From change-log entries to rows of the feature sources: the one definition that every reader uses.

Entries come in the order of versions, one record after the other. States repeat the whole record after
each write. Events are told once, at the entry that first shows them: a later correction neither repeats
nor erases one, because at the moments in between the business believed it. What is believed now stands
in the states. Events of a record that was deleted hold until then, and again from its restoration.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

from crm_store.domain.sources import (
    ACCOUNT_STATES,
    KNOWN_UNTIL,
    LEAD_STATES,
    SOURCES,
)
from crm_store.repositories.sources.rep_rows import fit_events, leave_events, rep_events, rep_states
from crm_store.repositories.sources.versions import Entry, Row, Version, number_of, state_row, versions

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
WON = "won"
CONTRACT_ENDINGS = ("renewed", "lapsed")
MARKET = "all"


Fold = Callable[[Version], Iterator[Row]]


def lead_states(at: Version) -> Iterator[Row]:
    """Yield the lead as it stands; names and phones only as whether they are there."""
    row = state_row(LEAD_STATES, at)
    for name in ("company", "phone", "contact_name"):
        row[f"has_{name}"] = 1.0 if at.state.get(name) else 0.0
    yield row


def account_states(at: Version) -> Iterator[Row]:
    """Yield the account as it stands."""
    yield state_row(ACCOUNT_STATES, at)


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
    satisfaction = number_of(state.get("satisfaction"))
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
        "amount": number_of(state.get("amount")),
        "start_at": at.moment("start_at"),
        "end_at": at.moment("end_at"),
    }
    yield from at.event("signed", at.created_at(), **values)
    status = state.get("status")
    if status in CONTRACT_ENDINGS:
        yield from at.event(status, at.moment("closed_at") or at.recorded_at, **values)


# Which kind of record each folded source is read off, and how.
FOLDS: dict[str, dict[str, Fold]] = {
    "lead": {
        "lead_states": lead_states,
        "lead_flow": lead_flow,
        "rep_events": rep_events,
        "fit_events": fit_events,
    },
    "account": {"account_states": account_states},
    "ticket": {"ticket_events": ticket_events},
    "contract": {"contract_events": contract_events},
    "rep": {"rep_states": rep_states},
    "leave": {"leave_events": leave_events},
}


def folded(entries: Iterable[Entry], sources: Container[str]) -> Iterator[tuple[str, Row]]:
    """Yield (source, row) of every row that entries give for these sources, one record after the other."""
    return ((name, row) for _, name, row, stands in folded_records(entries, sources) if stands)


def folded_records(
    entries: Iterable[Entry], sources: Container[str]
) -> Iterator[tuple[tuple[str, str], str, Row, bool]]:
    """Yield (kind, record), source, row and whether the row stands.

    One that does not was told while the record was deleted: nobody has ever known it.
    """
    for key, record in groupby(versions(entries), key=lambda at: (at.entity, at.record_id)):
        folds = {name: fold for name, fold in FOLDS.get(key[0], {}).items() if name in sources}
        rows: list[tuple[str, Row]] = []
        lives = _Lives()
        for at in record:
            lives.note(at)
            rows += [(name, row) for name, fold in folds.items() for row in fold(at)]
        for name, row in rows:
            if KNOWN_UNTIL not in SOURCES[name].values:
                yield key, name, row, True
                continue
            held = list(lives.holding(row))
            yield from ((key, name, one, True) for one in held)
            if not held:
                yield key, name, row, False


class _Lives:
    """From when to when a record was not deleted."""

    def __init__(self) -> None:
        self._spans: list[tuple[datetime, datetime | None]] = []

    def note(self, at: Version) -> None:
        deleted = at.state.get("deleted_at") is not None
        alive = bool(self._spans) and self._spans[-1][1] is None
        if alive and deleted:
            self._spans[-1] = (self._spans[-1][0], at.recorded_at)
        elif not alive and not deleted:
            self._spans.append((at.recorded_at, None))

    def holding(self, row: Row) -> Iterator[Row]:
        """Yield the row once for each life in which it was known."""
        for start, end in self._spans:
            known = max(row["recorded_at"], start)
            if end is None or known < end:
                yield row | {"recorded_at": known, KNOWN_UNTIL: end}
