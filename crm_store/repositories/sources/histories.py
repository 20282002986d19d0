"""The source rows of several leads or accounts at once: a handful of queries, however many there are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from sqlalchemy import ColumnElement, Text, cast, select, union
from sqlalchemy.orm import Session

from crm_store.domain.sources import KNOWN_UNTIL, SOURCES
from crm_store.models import ChangeLog, Contract, Ticket
from crm_store.repositories.sources import queries as source_queries
from crm_store.repositories.sources.aliases import Alias, aliases_into
from crm_store.repositories.sources.rows import folded
from crm_store.repositories.sources.versions import Entry, Row

EntityName = Literal["lead", "account"]
Histories = dict[str, dict[str, list[Row]]]
Moved = Mapping[str, Mapping[str, Collection[str]]]
"""Kind of record (ticket, contract) → account → ids of the records that were once moved to or from it."""

# Parameters in one statement: SQLite allows 32,766.
_IDS = 10_000
_EVENT_RECORDS: dict[str, tuple[str, type[Ticket] | type[Contract]]] = {
    "ticket_events": ("ticket", Ticket),
    "contract_events": ("contract", Contract),
}
MOVABLE = tuple(kind for kind, _ in _EVENT_RECORDS.values())


def histories(
    session: Session,
    entity: EntityName,
    ids: Sequence[str],
    sources: Iterable[str],
    moved: Moved | None = None,
) -> Histories:
    """Return id → source → rows in order of time, as ``event_log.entity_history`` gives them for one.

    ``moved`` saves the search for tickets and contracts that changed hands, which reads all their entries.
    Of ``lead_flow`` a lead gets its own rows only: those of its campaign, its channel and the market are
    every lead's.
    """
    found: Histories = {entity_id: {} for entity_id in ids}
    known = aliases_into(session, entity, set(ids)) if ids else []
    for source in sources:
        by_id = _rows_by_id(session, source, entity, ids, known, moved)
        for entity_id in ids:
            found[entity_id][source] = in_time(source, by_id.get(entity_id, ()))
    return found


def flow(session: Session) -> list[Row]:
    """Return the flow of all leads, in order of time."""
    return in_time("lead_flow", _folded(session, "lead_flow", [ChangeLog.entity == "lead"]))


def in_time(source: str, rows: Iterable[Row]) -> list[Row]:
    """Return a source's rows with every column there, in order of time."""
    columns = SOURCES[source].columns
    whole = [{name: row.get(name) for name in columns} for row in rows]
    return sorted(whole, key=lambda row: (row["occurred_at"], row["recorded_at"], row["record_id"]))


def moves(session: Session, kind: str) -> Iterator[tuple[str, str]]:
    """Yield (account, record) for every time that a ticket or contract was moved to or from an account."""
    query = select(ChangeLog.entity_id, ChangeLog.changes).where(
        ChangeLog.entity == kind,
        ChangeLog.version > 1,
        cast(ChangeLog.changes, Text).contains('"account_id"', autoescape=True),
    )
    for record_id, changes in session.execute(query):
        for account_id in changes.get("account_id", ()):
            if account_id is not None:
                yield account_id, record_id


def _rows_by_id(
    session: Session,
    source: str,
    entity: str,
    ids: Sequence[str],
    known: list[Alias],
    moved: Moved | None,
) -> Mapping[str, list[Row]]:
    key = f"{entity}_id"
    if KNOWN_UNTIL not in SOURCES[source].values:
        states = _folded(session, source, [ChangeLog.entity == entity, ChangeLog.entity_id.in_(ids)])
        return _grouped(states, key)
    own = list(dict.fromkeys([*ids, *(alias.merged_id for alias in known)]))
    by_id = _grouped(_own_rows(session, source, key, own, moved), key)
    copies = [(alias, by_id[alias.merged_id]) for alias in known if alias.merged_id in by_id]
    added = [row for alias, rows in copies for old in rows if (row := alias.row(old, key)) is not None]
    for survivor, rows in _grouped(added, key).items():
        by_id[survivor] = by_id.get(survivor, []) + rows
    return by_id


def _own_rows(
    session: Session, source: str, key: str, ids: Sequence[str], moved: Moved | None
) -> Iterator[Row]:
    """Yield the facts or events filed under these very ids."""
    if source == "orders":
        for one in ids:  # the states of an order are told apart among one account's
            yield from _facts(session, source, source_queries.fact_column(source, key) == one)
    elif source in source_queries.FACTS:
        for some in _chunks(ids):
            yield from _facts(session, source, source_queries.fact_column(source, key).in_(some))
    else:
        wanted = set(ids)
        rows = _folded(session, source, [belonging(source, ids, moved)])
        yield from (row for row in rows if row["account_id"] in wanted)


def _facts(session: Session, source: str, which: ColumnElement[bool]) -> Iterator[Row]:
    return (dict(row) for row in session.execute(source_queries.facts(source, which)).mappings())


def _folded(session: Session, source: str, which: list[ColumnElement[bool]]) -> Iterator[Row]:
    found = session.execute(source_queries.entries().where(*which))
    return (row for _, row in folded((Entry(*one) for one in found), (source,)))


def belonging(source: str, account_ids: Sequence[str], moved: Moved | None = None) -> ColumnElement[bool]:
    """Match the history of records that are, or ever were, the accounts'.

    An event stays with the account that the record had at the time, so one that moved away still counts.
    """
    kind, model = _EVENT_RECORDS[source]
    its = [select(model.id).where(model.account_id.in_(account_ids))]
    if moved is not None:
        once = {record for one in account_ids for record in moved.get(kind, {}).get(one, ())}
        mine = ChangeLog.entity_id.in_(its[0])
        return (ChangeLog.entity == kind) & (mine | ChangeLog.entity_id.in_(once) if once else mine)
    for one in account_ids:
        # A move names both accounts. Looking for one reads every later entry of that kind of record.
        was = (ChangeLog.version > 1) & cast(ChangeLog.changes, Text).contains(one, autoescape=True)
        its.append(select(ChangeLog.entity_id).where(ChangeLog.entity == kind, was))
    return (ChangeLog.entity == kind) & ChangeLog.entity_id.in_(union(*its))


def _grouped(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    by_id: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_id[row[key]].append(row)
    return dict(by_id)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS):
        yield ids[start : start + _IDS]
