"""What pages show, read through the store's repositories. Blocking: call it off the event loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy.orm import Session, sessionmaker

from crm_store.domain.policy import Viewer
from crm_store.domain.scores import Band, Reason, Source
from crm_store.repositories import views
from crm_store.repositories.scores import log as scores
from crm_store.repositories.scores.log import RankedScore, StoredScore
from crm_store.repositories.sight import sight
from crm_store.repositories.sight.sight import SightSession
from crm_store.repositories.sources import event_log
from crm_store.rules.engine import RuleBook
from features.engines import python_engine
from features.errors import FeatureError
from features.part_signals import declared
from serving.assessment import Assessor, shipped_assessor
from serving.kinds import ACCOUNT, Kind
from serving.language import Language
from serving.part_scores import PartScore, part_scores
from serving.workbench.addresses import ListState
from serving.workbench.evidence import Evidence
from serving.workbench.happenings import Happening, change, changes_told, state_says, tell, tell_item
from serving.workbench.standing import Standing, read_standing
from serving.workbench.trail import Trail
from serving.workbench.translations import say

PAGE_SIZE: Final = 50
TIMELINE_STEP: Final = 30
_HISTORY: Final = 100
_FACTS: Final = ("activities", "orders")
_EVIDENCE_SHOWN: Final = 200
_BANDS: Final[tuple[Band, ...]] = ("red", "yellow", "green")
_ENTITIES: Final = {
    "activity": "activity",
    "order": "order_snapshot",
    "ticket": "ticket",
    "contract": "contract",
}
_NOBODY: Final = Viewer(None, "", "", scopes=frozenset())


@dataclass(frozen=True)
class Line:
    """One line of a ranked list."""

    entity_id: str
    value: float
    band: Band
    probability: float | None
    source: Source
    title: str | None
    region: str | None
    owner: str | None
    money: float | None
    expected_loss: float | None
    main_reason: Reason | None


@dataclass(frozen=True)
class RankedList:
    """A page of a ranked list. Counts and total are None where only counting everything would tell."""

    lines: list[Line]
    start: int
    total: int | None
    counts: Mapping[Band, int | None]
    owners: dict[str, str]
    regions: list[str]
    scored_at: datetime | None
    previous: ListState | None
    next: ListState | None

    @property
    def all(self) -> int | None:
        """How many there are in all colours."""
        return _sum(self.counts.values())


@dataclass(frozen=True)
class Timeline:
    """Part of a timeline, newest first, and the mark to go on from, None at its end."""

    items: list[Happening]
    before: views.Mark | None


@dataclass(frozen=True)
class Detail:
    """One lead or account. ``history`` is newest first; the timeline is its first part.

    ``standing`` is a scored account's.
    """

    entity_id: str
    title: str | None
    record: Mapping[str, Any]
    owner: str | None
    score: StoredScore | None
    money: float | None
    expected_loss: float | None
    history: list[StoredScore]
    timeline: Timeline
    parts: list[PartScore]
    standing: Standing | None = None


class StoreReader:
    """Reads pages in the eyes of one visitor: ``seen_by`` gives theirs.

    ``book`` holds the rules of part scores. Raises the repositories' BadCursor for a page position that no
    longer holds.
    """

    def __init__(
        self,
        factory: sessionmaker[Session],
        book: RuleBook,
        viewer: Viewer = _NOBODY,
        trail: Trail | None = None,
        assessor: Assessor | None = None,
    ) -> None:
        self._factory = factory
        self._book = book
        self._assessor = assessor or shipped_assessor()
        self._viewer = viewer
        self._trail = trail or Trail()

    def seen_by(self, viewer: Viewer) -> StoreReader:
        """Return the reader of a visitor's pages."""
        return StoreReader(self._factory, self._book, viewer, self._trail, self._assessor)

    def _session(self) -> AbstractContextManager[SightSession]:
        return sight.viewer_session(self._factory, self._viewer)

    def ranked(self, kind: Kind, state: ListState) -> RankedList:
        """Return the page at which an address stands."""
        with self._session() as session:
            page = _page(session, kind, state, state.band, PAGE_SIZE, state.after)
            counts = _counts(session, kind, state)
            owners = views.owners(session)
            regions = views.regions(session, kind.model)
            stored = scores.latest(session, kind.model, [item.entity_id for item in page.items])
        following = state.at(state.page + 1, page.next_cursor) if page.next_cursor else None
        if following is not None:
            self._trail.walked(state, following)
        return RankedList(
            lines=[_line(kind, item, stored.get(item.entity_id), owners) for item in page.items],
            start=(state.page - 1) * PAGE_SIZE + 1,
            total=page.total if page.total is not None else _total(state, counts),
            counts=counts,
            owners=owners,
            regions=regions,
            scored_at=max((item.scored_at for item in page.items), default=None),
            previous=self._trail.before(state),
            next=following,
        )

    def detail(self, kind: Kind, entity_id: str, language: Language) -> Detail | None:
        """Return everything about one record, or None when there is none."""
        with self._session() as session:
            stored = views.record(session, kind.entity, entity_id, reveal=True)
            if stored is None:
                return None
            (record,) = sight.shown_rows(session, kind.entity, [stored])
            history = scores.history(session, kind.model, entity_id, _HISTORY)
            told = _timeline(session, kind, entity_id, language, None)
            score = history[0] if history else None
            parts = self._parts(session, kind, entity_id, record, score)
        money = record.get("annual_amount") if kind is ACCOUNT else None
        return Detail(
            entity_id=entity_id,
            title=record.get("name") or record.get("company") or record.get("contact_name"),
            record=record,
            owner=record.get("owner_name"),
            score=score,
            money=money,
            expected_loss=_expected_loss(score, money),
            history=history,
            timeline=told,
            parts=parts,
            standing=None
            if kind is not ACCOUNT or score is None
            else read_standing(self._factory, self._viewer, self._assessor, entity_id, score),
        )

    def _parts(
        self,
        session: SightSession,
        kind: Kind,
        entity_id: str,
        record: Mapping[str, Any],
        score: StoredScore | None,
    ) -> list[PartScore]:
        """Return the part scores as of the data of the main one: the page speaks of one moment."""
        if score is None:
            return []
        read = partial(event_log.entity_history, session)
        return part_scores(self._book, read, kind, entity_id, record, score.score.as_of)

    def timeline(self, kind: Kind, entity_id: str, language: Language, before: views.Mark) -> Timeline:
        """Return the part of a timeline that is older than a mark."""
        with self._session() as session:
            return _timeline(session, kind, entity_id, language, before)

    def evidence(
        self, kind: Kind, entity_id: str, feature: str, as_of: datetime, language: Language
    ) -> Evidence:
        """Return the raw records behind a feature's value as of a moment, newest first."""
        found = declared(feature)
        if found is None:
            raise FeatureError("unknown_feature", "feature", feature)
        with self._session() as session:
            history = event_log.entity_history(session, kind.entity, entity_id, found.sources)
            kinds = {id(row): source for source, rows in history.items() for row in rows}
            behind = python_engine.behind(kind.entity, found, history, entity_id, as_of)
            names = views.owners(session)
            newest = list(reversed(behind))[:_EVIDENCE_SHOWN]
            columns = {figure.column for figure in found.aggregates if figure.column}
            told = [
                _raw(session, source, row, columns, language, names)
                for source, row in _in_sight(session, kinds, newest)
            ]
        return Evidence(told, len(behind))


def _page(
    session: Session, kind: Kind, state: ListState, band: Band | None, limit: int, cursor: str | None
) -> scores.Page:
    return scores.ranked(
        session,
        kind.model,
        band=band,
        owner_id=state.owner,
        region=state.region,
        search=state.search,
        limit=limit,
        cursor=cursor,
    )


def _counts(session: Session, kind: Kind, state: ListState) -> dict[Band, int | None]:
    if not state.narrowed:
        return dict(scores.counts_by_band(session, kind.model).items())
    return {band: _page(session, kind, state, band, 1, None).total for band in _BANDS}


def _total(state: ListState, counts: Mapping[Band, int | None]) -> int | None:
    return counts[state.band] if state.band is not None else _sum(counts.values())


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _line(kind: Kind, item: RankedScore, stored: StoredScore | None, owners: Mapping[str, str]) -> Line:
    reasons = stored.score.reasons if stored else ()
    return Line(
        entity_id=item.entity_id,
        value=item.value,
        band=item.band,
        probability=item.probability,
        source=item.source,
        title=item.title,
        region=item.region,
        owner=owners.get(item.owner_id) if item.owner_id else None,
        money=item.money,
        expected_loss=_loss(item.value, item.probability, item.money) if kind is ACCOUNT else None,
        main_reason=_main(reasons, item.band),
    )


def _main(reasons: Iterable[Reason], band: Band) -> Reason | None:
    """Return the strongest reason in the colour's direction: what lifts a green score, what pulls another."""
    sign = 1 if band == "green" else -1
    return max(reasons, key=lambda reason: (sign * reason.effect > 0, abs(reason.effect)), default=None)


def _expected_loss(score: StoredScore | None, money: float | None) -> float | None:
    return None if score is None else _loss(score.score.value, score.score.probability, money)


def _loss(value: float, probability: float | None, money: float | None) -> float | None:
    """Return risk × money; rules give no probability, there the missing health stands for the risk."""
    if money is None:
        return None
    return money * (probability if probability is not None else 1 - value / 100)


def _timeline(
    session: SightSession, kind: Kind, entity_id: str, language: Language, before: views.Mark | None
) -> Timeline:
    """Lay what happened and how the record changed on one line of time."""
    names = views.owners(session)
    found = [
        _item_shown(session.viewer, item)
        for item in views.timeline(session, kind.entity, entity_id, TIMELINE_STEP + 1, before)
    ]
    items, more = found[:TIMELINE_STEP], len(found) > TIMELINE_STEP
    states = f"{kind.entity}_states"
    rows = event_log.entity_history(session, kind.entity, entity_id, [states])[states]
    changes = [
        change
        for change in changes_told(states, rows, language, names)
        if (before is None or change.occurred_at < before[0])
        and (not more or change.occurred_at >= items[-1].occurred_at)
    ]
    told = [tell_item(item, language, names) for item in items] + changes
    told.sort(key=lambda happening: (happening.occurred_at, happening.record_id), reverse=True)
    return Timeline(told, items[-1].mark if more else None)


def _item_shown(viewer: Viewer, item: views.TimelineItem) -> views.TimelineItem:
    entity = _ENTITIES[item.kind]
    details = sight.shown(viewer, entity, item.details, sight.farthest(viewer, entity))
    return replace(item, details=details)


def _in_sight(
    session: SightSession, kinds: Mapping[int, str], rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows that the visitor may see, each with its source, in their order."""
    shown: dict[tuple[str, str], Mapping[str, Any]] = {}
    for source in {kinds[id(row)] for row in rows}:
        found = sight.shown_source_rows(session, source, [row for row in rows if kinds[id(row)] == source])
        shown |= {(source, str(row["record_id"])): row for row in found}
    for row in rows:
        name = (kinds[id(row)], str(row["record_id"]))
        if name in shown:
            yield name[0], shown[name]


def _raw(
    session: SightSession,
    source: str,
    row: Mapping[str, Any],
    columns: set[str],
    language: Language,
    names: Mapping[str, str],
) -> Happening:
    """Tell a row with the record behind it: who entered it, and for a state what it said and what changed."""
    told = tell(source, row, language, names)
    if source in _FACTS:
        return told
    raw = event_log.raw_record(session, source, str(row["record_id"]), reveal=True)
    if raw is None:
        return told
    entry = sight.shown_entry(session.viewer, raw["kind"], raw, sight.farthest(session.viewer, raw["kind"]))
    what = told.what
    if source.endswith("_states"):
        changes = [change(name, old, new, language, names) for name, (old, new) in entry["changes"].items()]
        said = state_says(row, columns, language, names)
        what = say("separator.strong", language).join([said, *changes])
    elif title := entry["changes"].get("title"):
        what = say("separator", language).join((str(title[1]), what))
    return replace(told, who=str(entry["who"]), what=what)
