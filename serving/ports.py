"""What serving needs of the record store, as types.

The composition root passes the real ones, tests pass fakes; ``serving.records`` has the real record store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from crm_store.domain.policy import Viewer
from crm_store.domain.scores import Score
from crm_store.repositories.candidates import Field
from crm_store.repositories.sight.subjects import Subject
from serving.kinds import Entity

__all__ = [
    "CursorRefusedError",
    "History",
    "ListFilter",
    "PastScore",
    "RankedPage",
    "Records",
    "SeenRecords",
    "Subject",
    "Viewer",
]
History = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class PastScore:
    """A score from the log, and when it was given."""

    score: Score
    scored_at: datetime


@dataclass(frozen=True)
class ListFilter:
    """What a ranked list is narrowed to; None means all."""

    band: str | None = None
    owner_id: str | None = None
    region: str | None = None
    search: str | None = None


@dataclass(frozen=True)
class RankedPage:
    """One page of a ranked list: plain rows, where the next page starts, and the length where it is known."""

    items: Sequence[Mapping[str, Any]]
    next_cursor: str | None
    total: int | None


class CursorRefusedError(Exception):
    """A page cursor that this list did not give out."""


class SeenRecords(Protocol):
    """The record store in the eyes of one caller: their rows, and their fields of them."""

    def scorable(self, entity: Entity, ids: Sequence[str]) -> AbstractSet[str]:
        """Return those of ``ids`` that exist and that the caller may have scored."""
        ...

    def record(self, entity: Entity, record_id: str) -> dict[str, Any] | None:
        """Return a record as the caller may see it, or None."""
        ...

    def latest(self, model: str, ids: Sequence[str]) -> dict[str, PastScore]:
        """Return the last score of those of ``ids`` that have one."""
        ...

    def score_history(self, model: str, entity_id: str, limit: int) -> list[PastScore]:
        """Return past scores, newest first."""
        ...

    def score_at(self, model: str, entity_id: str, moment: datetime) -> PastScore | None:
        """Return the score of the latest data that is no later than a moment, or None."""
        ...

    def ranked(self, model: str, wanted: ListFilter, limit: int, cursor: str | None) -> RankedPage:
        """Return a page of the ranked list; raise CursorRefusedError for a cursor that isn't ours."""
        ...

    def visit_records(
        self, account_id: str, since: datetime, until: datetime, words: Sequence[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return ``service``, ``open_issues`` and ``notes`` of an account as the caller may see them."""
        ...

    def source_rows(self, source: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return those rows of a feature source that the caller may see, as they may see them."""
        ...


class Records(Protocol):
    """The record store. Any method may raise; what it raises counts as the store being unavailable.

    Scoring reads it whole; whatever is shown to a caller is read through ``seen_by``.
    """

    def ping(self) -> None:
        """Raise unless the store answers."""
        ...

    def viewer_of_key(self, key: str, now: datetime) -> Viewer | None:
        """Return who holds an API key, or None for a key that is unknown, expired or revoked."""
        ...

    def seen_by(self, viewer: Viewer) -> SeenRecords:
        """Return the store in a caller's eyes."""
        ...

    def subjects(self, entity: Entity, ids: Sequence[str]) -> dict[str, Subject]:
        """Return those of ``ids`` that exist and are not deleted."""
        ...

    def latest(self, model: str, ids: Sequence[str]) -> dict[str, PastScore]:
        """Return the last score of those of ``ids`` that have one."""
        ...

    def candidates(self, lead_ids: Sequence[str], now: datetime) -> Field:
        """Return everyone who could be given these leads."""
        ...

    def history(self, entity: Entity, entity_id: str, sources: Sequence[str]) -> History:
        """Return the named feature sources of an entity, as ``features`` reads them."""
        ...
