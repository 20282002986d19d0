"""Who else a record has been: what happened with a record that was merged away belongs to its survivor.

It does so from the merge on, until the merge is undone, and through further merges of the survivor.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from crm_store.domain.sources import KNOWN_UNTIL, SOURCES
from crm_store.models import MergeLog
from crm_store.repositories.sources.versions import Row


@dataclass(frozen=True)
class Alias:
    """From ``since`` until ``until`` (None: still) ``merged_id`` is ``survivor_id``."""

    merged_id: str
    survivor_id: str
    since: datetime
    until: datetime | None

    def row(self, row: Row, key: str) -> Row | None:
        """Return the survivor's copy of a row of the merged record, None where it was never known there."""
        known = max(row["recorded_at"], self.since)
        ends = [moment for moment in (row.get(KNOWN_UNTIL), self.until) if moment is not None]
        until = min(ends) if ends else None
        if until is not None and until <= known:
            return None
        return row | {key: self.survivor_id, "recorded_at": known, KNOWN_UNTIL: until}


def aliases(session: Session, entity: str) -> list[Alias]:
    """Return every alias among the records of a kind, through chains of merges too."""
    query = select(MergeLog).where(MergeLog.entity == entity).order_by(MergeLog.merged_at, MergeLog.id)
    return closed(
        Alias(row.merged_id, row.survivor_id, row.merged_at, row.undone_at) for row in session.scalars(query)
    )


def aliases_into(session: Session, entity: str, ids: Collection[str]) -> list[Alias]:
    """Return the aliases of ``aliases`` whose survivor is one of ``ids``, reading only the merges below."""
    found, frontier = [], set(ids)
    seen = set(frontier)
    while frontier:
        merges = _merges(session, entity, MergeLog.survivor_id.in_(frontier))
        found += merges
        frontier = {merge.merged_id for merge in merges} - seen
        seen |= frontier
    # In the order in which the merges happened, as ``aliases`` has them.
    return [alias for alias in closed(sorted(found, key=_since)) if alias.survivor_id in ids]


def below(session: Session, entity: str, ids: Collection[str]) -> set[str]:
    """Return whoever has ever been merged into one of these records, at any remove."""
    found: set[str] = set()
    frontier = set(ids)
    while frontier:
        frontier = {m.merged_id for m in _merges(session, entity, MergeLog.survivor_id.in_(frontier))} - found
        found |= frontier
    return found


def survivors(session: Session, entity: str, ids: Collection[str]) -> set[str]:
    """Return whoever these records have ever been merged into, at any remove, also where it was undone."""
    found: set[str] = set()
    frontier = set(ids)
    while frontier:
        above = {m.survivor_id for m in _merges(session, entity, MergeLog.merged_id.in_(frontier))}
        frontier = above - found
        found |= above
    return found


def _merges(session: Session, entity: str, which: ColumnElement[bool]) -> list[Alias]:
    query = select(MergeLog.merged_id, MergeLog.survivor_id, MergeLog.merged_at, MergeLog.undone_at)
    return [Alias(*row) for row in session.execute(query.where(MergeLog.entity == entity, which))]


def _since(alias: Alias) -> tuple[datetime, str]:
    return alias.since, alias.merged_id


def closed(merges: Iterable[Alias]) -> list[Alias]:
    """Return the merges and what follows from them: A into B and B into C makes A also C, while both hold."""
    following: dict[str, list[Alias]] = defaultdict(list)
    waiting = list(merges)
    for merge in waiting:
        following[merge.merged_id].append(merge)
    found = []
    while waiting:
        alias = waiting.pop()
        found.append(alias)
        waiting += _onward(alias, following[alias.survivor_id])
    return found


def _onward(alias: Alias, merges: Iterable[Alias]) -> Iterator[Alias]:
    for merge in merges:
        since = max(alias.since, merge.since)
        ends = [moment for moment in (alias.until, merge.until) if moment is not None]
        if merge.survivor_id != alias.merged_id and (not ends or since < min(ends)):
            yield Alias(alias.merged_id, merge.survivor_id, since, min(ends) if ends else None)


def by_merged(found: Iterable[Alias]) -> dict[str, list[Alias]]:
    """Return the aliases of each merged record."""
    grouped: dict[str, list[Alias]] = defaultdict(list)
    for alias in found:
        grouped[alias.merged_id].append(alias)
    return dict(grouped)


def copies(row: Row, key: str, others: tuple[str, ...], known: dict[str, list[Alias]]) -> Iterator[Row]:
    """Yield the copies of a row for the survivors of ``row[key]``; they count for none of the ``others``."""
    record_id: Any = row.get(key)
    for alias in known.get(record_id, ()):
        copy = alias.row(row, key)
        if copy is not None:
            yield copy | dict.fromkeys(others)


def copies_of(source: str, row: Row, known: dict[str, dict[str, list[Alias]]]) -> Iterator[Row]:
    """Yield the copies of a source's row for everyone it belongs to by merges; ``known`` is by key column."""
    table = SOURCES[source]
    if KNOWN_UNTIL not in table.values:
        return
    for key in table.keys:
        if known.get(key):
            others = tuple(other for other in table.keys if other != key)
            yield from copies(row, key, others, known[key])
