"""From a batch of events to the features and scores of whomever they concern.

Features are recomputed from the whole history, never added up: so it makes no difference in what order, how
late or how often events come. A row speaks of a moment after its batch was read, and what is read for it
later: of two rows of an entity, the later one knows everything that the earlier one knew.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from crm_store.repositories.scores.moves import append_moved
from crm_store.repositories.sources.affected import Affected, affected_by
from crm_store.repositories.sources.event_log import HISTORY_SOURCES
from crm_store.repositories.sources.histories import MOVABLE, histories, moves
from crm_store.repositories.sources.lead_flow import FlowReader
from crm_store.repositories.sources.rep_reader import RepReader, Touched
from features.catalog import features_of
from features.declare import Feature, Value
from features.engines.python_engine import evaluate
from features.engines.shared_rows import SharedRows
from features.expressions import Aggregate, OneOf, Selection
from features.store import OnlineRows
from pipelines.jobs import ladders, score_rows
from serving.kinds import KINDS, LEAD, Kind

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from crm_store.repositories.history.events import Event
    from pipelines.runtime import Runtime
    from serving.ladder import Outcomes

log = logging.getLogger("leadpulse.fresh")
_Rows = dict[str, tuple[dict[str, Value], datetime]]


def _event_of(feature: Feature) -> str:
    """Return the event that a feature counts. Raises ValueError for one that does anything else."""
    match feature.value:
        case Aggregate("count", Selection(conditions=(OneOf("event", (event,)),)), None, None):
            return event
    raise ValueError(f"{feature.name} is no count of one event: the worker cannot keep it fresh")


def _moments_near(events: Sequence[Event], now: datetime) -> list[datetime]:
    """Return when events were known, of those that lie a little ahead of our clock."""
    return [event.recorded_at for event in events if now < event.recorded_at <= now + CLOCKS_DIFFER]


# How far a moment that a client sent may lie ahead of our clock and still count at once; as in the guards.
CLOCKS_DIFFER = timedelta(minutes=5)
# How long ago something can have happened and still count for a rep.
_REACH = max(
    figure.within or timedelta(0)
    for feature in features_of("rep")
    for figure in feature.aggregates
    if figure.selection.source == "activities"
)
# Each feature of a rep with leads of a kind counts one event.
_FIT_EVENTS = {feature.name: _event_of(feature) for feature in features_of("fit")}


@dataclass
class Fresh:
    """New values of one kind: features with their moment, whom of them to score, and what became of that."""

    rows: dict[str, tuple[dict[str, Value], datetime]] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=dict)


class Recompute:
    """Keeps what all entities share (the flow of leads, who moved) in memory; for one thread."""

    def __init__(self, runtime: Runtime, clock: Callable[[], datetime]) -> None:
        self._runtime, self._clock = runtime, clock
        self._flow, self._shared = FlowReader(), SharedRows()
        self._reps = RepReader(_REACH)
        self._moved: dict[str, dict[str, set[str]]] = {}
        self._values: dict[str, dict[str, tuple[dict[str, Value], datetime]]] = {}
        self._now = clock()
        self._outcomes = {name: spec.outcome for name, spec in runtime.specs().items()}
        self._ladders = ladders(runtime, lambda: self, lambda: self._now)

    def __call__(self, events: Sequence[Event]) -> dict[str, Fresh]:
        """Recompute whomever the events concern, push the features online, and return all by model.

        The events must have been read before.
        """
        self._now = max(self._now, self._clock())
        fresh = {kind.model: Fresh() for kind in KINDS}
        with self._runtime.sessions() as session:
            affected = affected_by(session, events)
            ahead = self._ahead(session, events)
            self._remember(session, affected)
            touched = self._reps.read(session, events, self._now)
            latest = max([self._now, *ahead.values(), *_moments_near(events, self._now)])
            reps = self._rep_rows(session, touched, latest)
            for kind in KINDS:
                ids = sorted(affected.ids[kind.entity])
                moments = self._moments(kind, ids, ahead)
                self._evaluate(session, kind, ids, moments, fresh[kind.model])
        for entity, rows in reps.items():
            self._runtime.features.push(entity, rows)
        self._reps.done()
        for kind in KINDS:
            self._runtime.features.push(kind.entity, fresh[kind.model].rows)
            self._score(kind, fresh[kind.model])
        return fresh

    def keep(self, session: Session, fresh: Mapping[str, Fresh]) -> int:
        """Append the scores that moved, in the caller's transaction; return how many."""
        scored_at, added = self._clock(), 0
        for kind in KINDS:
            found = fresh[kind.model]
            values = {entity_id: values for entity_id, (values, _) in found.rows.items()}
            rows = score_rows(session, kind, found.subjects, found.outcomes, values)
            added += append_moved(session, kind.model, rows, scored_at=scored_at)
        return added

    def online(self, entity: str, ids: Sequence[str]) -> OnlineRows:
        """Return the values at hand; the ladder reads them as it would the online store."""
        found = [self._values[entity][entity_id] for entity_id in ids]
        return OnlineRows([values for values, _ in found], [as_of for _, as_of in found])

    def _ahead(self, session: Session, events: Sequence[Event]) -> dict[tuple[str, str], datetime]:
        """Return the moment, for whom an event lies a little ahead of our clock."""
        found: dict[tuple[str, str], datetime] = {}
        for event in events:
            told = event.fields.get("occurred_at", event.recorded_at)
            moment = max(told, event.recorded_at)
            if self._now < moment <= self._now + CLOCKS_DIFFER:
                for entity, ids in affected_by(session, [event]).ids.items():
                    for one in ids:
                        found[entity, one] = max(moment, found.get((entity, one), moment))
        return found

    def _moments(
        self, kind: Kind, ids: Sequence[str], ahead: Mapping[tuple[str, str], datetime]
    ) -> list[datetime]:
        """Return the moment that each new row speaks of: now, and never before what is there already."""
        (some, *_) = features_of(kind.entity)
        there = self._runtime.features.online(kind.entity, ids, [some.name]).as_of
        return [
            max(self._now, ahead.get((kind.entity, entity_id), self._now), at or self._now)
            for entity_id, at in zip(ids, there, strict=True)
        ]

    def _remember(self, session: Session, affected: Affected) -> None:
        if not self._moved:
            self._moved = {kind: defaultdict(set) for kind in MOVABLE}
            for kind in MOVABLE:
                for account_id, record_id in moves(session, kind):
                    self._moved[kind][account_id].add(record_id)
        for kind, account_id, record_id in affected.moved:
            self._moved[kind][account_id].add(record_id)
        self._shared.add(self._flow.read(session), self._now)

    def _evaluate(
        self, session: Session, kind: Kind, ids: Sequence[str], moments: Sequence[datetime], fresh: Fresh
    ) -> None:
        sources = [name for name in HISTORY_SOURCES[kind.entity] if name != "lead_flow"]
        found = histories(session, kind.entity, ids, sources, self._moved)
        told = self._flow.own(session, ids) if kind is LEAD else {}
        outcome = self._outcomes[kind.model]
        for entity_id, as_of in zip(ids, moments, strict=True):
            history, own = found[entity_id], told.get(entity_id, [])

            def shared(
                figure: Any, key: str | None, own: Any = own, one: str = entity_id, at: datetime = as_of
            ) -> Any:
                return self._shared.figure(figure, key, own, one, at)

            try:
                values = evaluate(kind.entity, history, entity_id, as_of, shared=shared)
                scored = outcome.is_subject(history, as_of)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                # One record that cannot be read must not keep every other from being fresh.
                details = {"entity": kind.entity, "id": entity_id, "error": repr(error)}
                log.exception("not_recomputed", extra=details)
                continue
            fresh.rows[entity_id] = (values, as_of)
            if scored:
                fresh.subjects.append(entity_id)

    def _rep_rows(self, session: Session, touched: Touched, now: datetime) -> dict[str, _Rows]:
        """Return the rows of reps and of reps with leads of a kind, by entity; none before what is there."""
        rows: dict[str, _Rows] = {"rep": {}, "fit": {}}
        for rep_id, as_of in self._not_before("rep", sorted(touched.reps), now):
            try:
                history = self._reps.history(session, rep_id)
                values = evaluate("rep", history, rep_id, as_of, shared=self._market(as_of))
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                log.exception("not_recomputed", extra={"entity": "rep", "id": rep_id, "error": repr(error)})
                continue
            rows["rep"][rep_id] = values, as_of
        for fit_id, as_of in self._not_before("fit", sorted(touched.fits), now):
            counts: dict[str, Value] = {
                name: float(self._reps.count(fit_id, event)) for name, event in _FIT_EVENTS.items()
            }
            rows["fit"][fit_id] = counts, as_of
        return rows

    def _market(self, as_of: datetime) -> Callable[[Any, str | None], Any]:
        def figure(wanted: Any, key: str | None) -> Any:
            return self._shared.figure(wanted, key, [], "", as_of)

        return figure

    def _not_before(self, entity: str, ids: Sequence[str], now: datetime) -> list[tuple[str, datetime]]:
        (some, *_) = features_of(entity)
        there = self._runtime.features.online(entity, ids, [some.name]).as_of
        return [(one, max(now, at or now)) for one, at in zip(ids, there, strict=True)]

    def _score(self, kind: Kind, fresh: Fresh) -> None:
        self._values[kind.entity] = fresh.rows
        if fresh.subjects:
            fresh.outcomes = self._ladders[kind.model].answer(fresh.subjects)
