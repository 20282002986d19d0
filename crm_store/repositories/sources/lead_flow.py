"""The flow of leads as a stream: each arrival and win once, for a reader that keeps sums of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.orm import Session

from crm_store.models import ChangeLog
from crm_store.repositories.history.streams import START, Position, ends, is_behind, up_to
from crm_store.repositories.sources.queries import entries
from crm_store.repositories.sources.rows import FOLDS, WON
from crm_store.repositories.sources.versions import Entry, Row, Version, versions

_TABLE: Any = ChangeLog.__table__
_FOLD = FOLDS["lead"]["lead_flow"]
_IDS = 10_000
_FETCH = 5_000


@dataclass
class FlowReader:
    """Remembers how far it has read. To be used with one session after the other, never with two at once."""

    position: Position = START

    def read(self, session: Session) -> Iterator[Row]:
        """Yield the rows that can be told by now and were not told before; all of them the first time."""
        until = ends(session, [_TABLE])[_TABLE.name]
        if not is_behind(self.position, until) or self.position == until:
            return
        if self.position == START:
            yield from _folded(session, up_to(session, _TABLE, START, until))
        else:
            yield from self._new(session, until)
        self.position = until

    def own(self, session: Session, lead_ids: Sequence[str]) -> dict[str, list[Row]]:
        """Return the rows of these leads that have been told."""
        found: dict[str, list[Row]] = {}
        if self.position == START:
            return found
        told = up_to(session, _TABLE, START, self.position)
        for start in range(0, len(lead_ids), _IDS):
            some = ChangeLog.entity_id.in_(lead_ids[start : start + _IDS])
            for row in _folded(session, told, some):
                found.setdefault(row["lead_id"], []).append(row)
        return found

    def _new(self, session: Session, until: Position) -> Iterator[Row]:
        """Fold the leads that arrived or were won since, and keep what their new entries tell."""
        new = up_to(session, _TABLE, self.position, until)
        said = cast(ChangeLog.changes, Text).contains(f'"{WON}"', autoescape=True)
        query = select(ChangeLog.entity_id, ChangeLog.version).where(
            ChangeLog.entity == "lead", new, or_(ChangeLog.version == 1, said)
        )
        telling = {(row.entity_id, row.version) for row in session.execute(query)}
        ids = sorted({lead_id for lead_id, _ in telling})
        told = up_to(session, _TABLE, START, until)
        for start in range(0, len(ids), _IDS):
            some = ChangeLog.entity_id.in_(ids[start : start + _IDS])
            for version in _versions(session, told, some):
                rows = list(_FOLD(version))  # always: a fold remembers what it has told
                if (version.record_id, version.number) in telling:
                    yield from rows


def _folded(session: Session, *which: ColumnElement[bool]) -> Iterator[Row]:
    for version in _versions(session, *which):
        yield from _FOLD(version)


def _versions(session: Session, *which: ColumnElement[bool]) -> Iterator[Version]:
    query = entries().where(ChangeLog.entity == "lead", *which)
    found = session.connection().execute(query.execution_options(yield_per=_FETCH))
    return versions(Entry(*row) for row in found)
