"""The record store as serving sees it: short read-only transactions over the repositories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from crm_store.domain.policy import Viewer
from crm_store.repositories import visits
from crm_store.repositories.candidates import Field, field_of
from crm_store.repositories.cursors import BadCursor
from crm_store.repositories.fields import FIELDS
from crm_store.repositories.scores import log as scores
from crm_store.repositories.scores.log import StoredScore
from crm_store.repositories.sight import sight
from crm_store.repositories.sight.subjects import Subject, subjects
from crm_store.repositories.sources import event_log
from crm_store.repositories.writes.records import get_record
from crm_store.services.access import viewer_of_key
from serving.kinds import Entity
from serving.ports import CursorRefusedError, ListFilter, PastScore, RankedPage, SeenRecords


@dataclass(frozen=True)
class StoreRecords:
    """Reads the record store through its repositories; implements ``serving.ports.Records``."""

    sessions: sessionmaker[Session]

    def ping(self) -> None:
        """Raise unless the store answers."""
        with self.sessions() as session:
            subjects(session, "lead", ["-"])

    def viewer_of_key(self, key: str, now: datetime) -> Viewer | None:
        """Return who holds an API key, or None for a key that is unknown, expired or revoked."""
        with self.sessions() as session:
            return viewer_of_key(session, key, now)

    def seen_by(self, viewer: Viewer) -> SeenRecords:
        """Return the store in a caller's eyes."""
        return StoreInSight(self.sessions, viewer)

    def subjects(self, entity: Entity, ids: Sequence[str]) -> dict[str, Subject]:
        """Return those of ``ids`` that exist and are not deleted."""
        with self.sessions() as session:
            return subjects(session, entity, ids)

    def latest(self, model: str, ids: Sequence[str]) -> dict[str, PastScore]:
        """Return the last score of those of ``ids`` that have one."""
        with self.sessions() as session:
            return {key: _past(kept) for key, kept in scores.latest(session, model, ids).items()}

    def candidates(self, lead_ids: Sequence[str], now: datetime) -> Field:
        """Return everyone who could be given these leads."""
        with self.sessions() as session:
            return field_of(session, lead_ids, now)

    def history(
        self, entity: Entity, entity_id: str, sources: Sequence[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the named feature sources of an entity."""
        with self.sessions() as session:
            return event_log.entity_history(session, entity, entity_id, sources)


@dataclass(frozen=True)
class StoreInSight:
    """What one caller may read; implements ``serving.ports.SeenRecords``."""

    sessions: sessionmaker[Session]
    viewer: Viewer

    def scorable(self, entity: Entity, ids: Sequence[str]) -> AbstractSet[str]:
        """Return those of ``ids`` that exist and that the caller may have scored."""
        with sight.viewer_session(self.sessions, self.viewer) as session:
            return sight.visible_ids(session, entity, ids, "score")

    def record(self, entity: Entity, record_id: str) -> dict[str, Any] | None:
        """Return a record's fields as the caller may see them; None where there is none for them."""
        with sight.viewer_session(self.sessions, self.viewer) as session:
            record = get_record(session, entity, record_id)
            if record is None or record.deleted_at is not None:
                return None
            (shown,) = sight.shown_rows(session, entity, [record])
        return {name: shown[name] for name in FIELDS[entity] if name in shown and name != "deleted_at"}

    def latest(self, model: str, ids: Sequence[str]) -> dict[str, PastScore]:
        """Return the last score of those of ``ids`` that have one."""
        with sight.viewer_session(self.sessions, self.viewer) as session:
            return {key: _past(kept) for key, kept in scores.latest(session, model, ids).items()}

    def score_history(self, model: str, entity_id: str, limit: int) -> list[PastScore]:
        """Return past scores, newest first."""
        with sight.viewer_session(self.sessions, self.viewer) as session:
            return [_past(kept) for kept in scores.history(session, model, entity_id, limit)]

    def score_at(self, model: str, entity_id: str, moment: datetime) -> PastScore | None:
        """Return the score of the latest data that is no later than a moment, or None."""
        with sight.viewer_session(self.sessions, self.viewer) as session:
            kept = scores.standing_at(session, model, entity_id, moment)
        return None if kept is None else _past(kept)

    def ranked(self, model: str, wanted: ListFilter, limit: int, cursor: str | None) -> RankedPage:
        """Return a page of the ranked list; raise CursorRefusedError for a cursor that isn't ours."""
        try:
            with sight.viewer_session(self.sessions, self.viewer) as session:
                page = scores.ranked(session, model, **asdict(wanted), limit=limit, cursor=cursor)
        except BadCursor as error:
            raise CursorRefusedError from error
        return RankedPage([_row(asdict(item)) for item in page.items], page.next_cursor, page.total)

    def visit_records(
        self, account_id: str, since: datetime, until: datetime, words: Sequence[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return ``service``, ``open_issues`` and ``notes`` of an account as the caller may see them."""
        with sight.viewer_session(self.sessions, self.viewer) as session:
            return visits.shown_visit_records(session, account_id, since, until, words)

    def source_rows(self, source: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return those rows of a feature source that the caller may see, as they may see them."""
        with sight.viewer_session(self.sessions, self.viewer) as session:
            return sight.shown_source_rows(session, source, rows)


def _past(kept: StoredScore) -> PastScore:
    return PastScore(kept.score, kept.scored_at)


def _row(item: dict[str, Any]) -> dict[str, Any]:
    """Name the id as clients do; how a list is sorted is not theirs to see."""
    del item["rank_value"]
    return {"id": item.pop("entity_id")} | item
