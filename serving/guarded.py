"""The record store as scoring asks it: within a deadline, and not while it keeps failing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_store.domain.policy import Viewer
from crm_store.repositories.candidates import Field
from serving.gate import Gate
from serving.kinds import Entity
from serving.ports import History, PastScore, Records, SeenRecords, Subject


@dataclass(frozen=True)
class GuardedRecords:
    """Implements ``Records``: reads of the whole store raise DownError in time.

    Who calls and what they see is not scoring's to ask: that goes straight to the store.
    """

    records: Records
    gate: Gate

    def ping(self) -> None:
        """Raise unless the store answers in time."""
        self.gate.call(self.records.ping)

    def viewer_of_key(self, key: str, now: datetime) -> Viewer | None:
        """Return who holds an API key, without a deadline."""
        return self.records.viewer_of_key(key, now)

    def seen_by(self, viewer: Viewer) -> SeenRecords:
        """Return the store in a caller's eyes, without a deadline."""
        return self.records.seen_by(viewer)

    def subjects(self, entity: Entity, ids: Sequence[str]) -> dict[str, Subject]:
        """Return those of ``ids`` that exist and are not deleted."""
        return self.gate.call(lambda: self.records.subjects(entity, ids), len(ids))

    def latest(self, model: str, ids: Sequence[str]) -> dict[str, PastScore]:
        """Return the last score of those of ``ids`` that have one."""
        return self.gate.call(lambda: self.records.latest(model, ids), len(ids))

    def candidates(self, lead_ids: Sequence[str], now: datetime) -> Field:
        """Return everyone who could be given these leads."""
        return self.gate.call(lambda: self.records.candidates(lead_ids, now), len(lead_ids))

    def history(self, entity: Entity, entity_id: str, sources: Sequence[str]) -> History:
        """Return the named feature sources of an entity."""
        return self.gate.call(lambda: self.records.history(entity, entity_id, sources))
