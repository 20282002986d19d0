"""What is on record of salespeople, kept at hand for whoever recomputes one after the other.

A rep's figures are made of every lead that they ever had. Reading those anew for each event would cost what
the rep's whole past costs, so what leads tell of reps stays in memory: about 1 KB a lead, read once at the
start (some 50 µs an entry of a lead). A lead with a new version is read and folded as a whole, and what it
told before is replaced; so it makes no difference in what order, how late or how often events come.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, select
from sqlalchemy.orm import Session

from crm_store.domain.sources import KNOWN_UNTIL, SOURCES
from crm_store.models import Activity, ChangeLog, Leave
from crm_store.repositories.history.events import Event
from crm_store.repositories.rows import in_batches
from crm_store.repositories.sources import queries as source_queries
from crm_store.repositories.sources.histories import in_time
from crm_store.repositories.sources.rows import folded
from crm_store.repositories.sources.versions import Entry, Row

KINDS = ("rep", "leave")
"""The kinds of record that only reps' features are computed from; leads and activities tell of them too."""

_IDS = 10_000
_FETCH = 5_000
_OF_LEADS = ("rep_events", "fit_events")
_COLUMNS = tuple(SOURCES["rep_events"].columns)


@dataclass
class Touched:
    """Whose rows are to be recomputed: reps, and reps with leads of a kind (``fit_id``)."""

    reps: set[str] = field(default_factory=set)
    fits: set[str] = field(default_factory=set)


class RepReader:
    """Remembers what has been told of reps. To be used with one session after the other, never with two.

    ``reach`` is how long ago an activity can have happened and still count for a rep.
    """

    def __init__(self, reach: timedelta) -> None:
        self._reach = reach
        self._begun = False
        self._pending = Touched()
        self._versions: dict[str, int] = {}
        self._told: dict[str, list[tuple[Any, ...]]] = {}
        self._leads: dict[str, set[str]] = defaultdict(set)
        self._fits: Counter[tuple[str, str]] = Counter()
        self._activities: dict[str, dict[str, Row]] = defaultdict(dict)
        self._leave: dict[str, set[str]] = defaultdict(set)

    def read(self, session: Session, events: Sequence[Event], now: datetime) -> Touched:
        """Take in what events tell of; everything the first time.

        Return whom these events concern, and those before them that were not said to be ``done``.
        """
        touched, first = self._pending, not self._begun
        if first:
            self._begin(session, now)
            self._begun = True
        ids: dict[str, set[str]] = defaultdict(set)
        for event in events:
            ids[event.entity].add(event.entity_id)
            if corrected := event.fields.get("corrects_id"):
                ids["activity"].add(corrected)
            if event.entity == "rep":
                touched.reps.add(event.entity_id)
            elif event.entity == "leave":
                touched.reps |= self._note_leave(event.entity_id, event.changes.get("rep_id", ()))
        for some in in_batches(sorted(ids["lead"]), _IDS):
            which = (ChangeLog.entity == "lead") & ChangeLog.entity_id.in_(some)
            record = list(_entries(session, which))
            self._take_leads(record, touched)
            if first:  # somebody else may have broken off at these
                touched.fits |= {fit_id for fit_id, _ in _fit_events(record)}
                place = _COLUMNS.index("rep_id")
                touched.reps |= {row[place] for one in some for row in self._told.get(one, ())}
        for some in in_batches(sorted(ids["activity"]), _IDS):
            touched.reps |= self._take_activities(session, Activity.id.in_(some), now)
        touched.reps |= self._of_leave(session, ids["leave"])
        return touched

    def done(self) -> None:
        """Forget whom the events concerned: their rows are kept."""
        self._pending = Touched()

    def history(self, session: Session, rep_id: str) -> dict[str, list[Row]]:
        """Return a rep's source rows, as the sources have them, in order of time.

        Of activities there are those that may still count, without their text.
        """
        states = (ChangeLog.entity == "rep") & (ChangeLog.entity_id == rep_id)
        theirs = set(session.scalars(select(Leave.id).where(Leave.rep_id == rep_id))) | self._leave[rep_id]
        leave = (ChangeLog.entity == "leave") & ChangeLog.entity_id.in_(theirs)
        rows = {
            "rep_states": [row for _, row in folded(_entries(session, states), ("rep_states",))],
            "leave_events": [row for _, row in folded(_entries(session, leave), ("leave_events",))],
            "rep_events": [
                dict(zip(_COLUMNS, told, strict=True))
                for lead_id in self._leads.get(rep_id, ())
                for told in self._told[lead_id]
            ],
            "activities": list(self._activities.get(rep_id, {}).values()),
        }
        found = {name: in_time(name, some) for name, some in rows.items()}
        return {name: [row for row in some if row["rep_id"] == rep_id] for name, some in found.items()}

    def count(self, fit_id: str, event: str) -> int:
        """Return how many events of a kind a rep has had with leads of a kind."""
        return self._fits[fit_id, event]

    def _begin(self, session: Session, now: datetime) -> None:
        self._take_leads(_entries(session, ChangeLog.entity == "lead"), Touched())
        since = now - self._reach - timedelta(days=1)  # an entry may be a little older than what it says
        self._take_activities(session, (Activity.recorded_at > since) & Activity.rep_id.is_not(None), now)
        moved = cast(ChangeLog.changes, Text).contains('"rep_id"', autoescape=True)
        query = select(ChangeLog.entity_id, ChangeLog.changes).where(ChangeLog.entity == "leave", moved)
        for leave_id, changes in session.execute(query):
            self._note_leave(leave_id, changes.get("rep_id", ()))

    def _note_leave(self, leave_id: str, reps: Iterable[str | None]) -> set[str]:
        named = {rep_id for rep_id in reps if rep_id is not None}
        for rep_id in named:
            self._leave[rep_id].add(leave_id)
        return named

    def _of_leave(self, session: Session, ids: Collection[str]) -> set[str]:
        if not ids:
            return set()
        return set(session.scalars(select(Leave.rep_id).where(Leave.id.in_(ids))))

    def _take_leads(self, entries: Iterable[Entry], touched: Touched) -> None:
        for lead_id, every in groupby(entries, key=lambda entry: entry.entity_id):
            record = list(every)
            version = self._versions.get(lead_id, 0)
            self._versions[lead_id] = record[-1].version
            before = [entry for entry in record if entry.version <= version]
            was = Counter(_fit_events(before)) if before else Counter[tuple[str, str]]()
            told = [row for name, row in folded(record, _OF_LEADS[:1])]
            self._replace(lead_id, [tuple(row.get(name) for name in _COLUMNS) for row in told], touched)
            now = Counter(_fit_events(record))
            if was != now:
                self._fits.subtract(was)
                self._fits.update(now)
                touched.fits |= {fit_id for fit_id, _ in (was - now) + (now - was)}

    def _replace(self, lead_id: str, told: list[tuple[Any, ...]], touched: Touched) -> None:
        before = self._told.get(lead_id, [])
        if told == before:
            return
        self._told[lead_id] = told
        place = _COLUMNS.index("rep_id")
        for row in before:
            self._leads[row[place]].discard(lead_id)
        for row in told:
            self._leads[row[place]].add(lead_id)
        changed = [row for row in before if row not in told] + [row for row in told if row not in before]
        touched.reps |= {row[place] for row in changed}

    def _take_activities(self, session: Session, which: ColumnElement[bool], now: datetime) -> set[str]:
        touched: set[str] = set()
        for found in session.execute(source_queries.facts("activities", which)).mappings():
            rep_id = found["rep_id"]
            if rep_id is not None and found["occurred_at"] > now - self._reach:
                self._activities[rep_id][found["record_id"]] = dict(found) | {"text": None}
                touched.add(rep_id)
        for rep_id in touched:  # what has gone out of reach is let go when something comes in
            theirs = self._activities[rep_id]
            gone = [name for name, row in theirs.items() if row["occurred_at"] <= now - self._reach]
            for name in gone:
                del theirs[name]
        return touched


def _entries(session: Session, which: ColumnElement[bool]) -> Iterator[Entry]:
    query = source_queries.entries().where(which).execution_options(yield_per=_FETCH)
    return (Entry(*row) for row in session.connection().execute(query))


def _fit_events(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    """Yield fit_id and event of what still holds."""
    for _, row in folded(entries, _OF_LEADS[1:]):
        if row[KNOWN_UNTIL] is None:
            yield row["fit_id"], row["event"]
