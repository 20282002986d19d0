"""Applying imported rows to records: each row is one version, the first of an unknown id creates it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.imports.batches import Batch
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.rejects import Refused
from crm_store.repositories.fields import Value, check_whole, complete_new
from crm_store.repositories.import_jobs import histories, known_by_outside_id
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes.bulk import add_history
from crm_store.repositories.writes.records import write_record

State = Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """One row: what a record was said to be, since when, and where in the batch."""

    id: str
    external_id: str
    recorded_at: datetime
    fields: dict[str, Value]
    place: int


@dataclass(frozen=True)
class Loaded:
    """What became of a batch: rows that said something new, and those that the store refused."""

    added: int
    refused: list[Refused]


class RecordImport:
    """Applies batches of one file, each within the caller's transaction. Refused rows stop no other."""

    def __init__(self, mapping: ColumnMapping, actor: str, now: datetime) -> None:
        self._mapping, self._actor, self._now = mapping, actor, now
        self._reason = f"import {mapping.name}"
        self._dated = any(rule.field == "recorded_at" for rule in mapping.columns)

    def __call__(self, session: Session, batch: Batch) -> Loaded:
        """Write what is new or different."""
        versions = list(self._versions(batch))
        stored = self.stored(session, (version.external_id for version in versions))
        fresh = [version for version in versions if version.external_id not in stored]
        known = [version for version in versions if version.external_id in stored]
        created = self._create(session, fresh, batch)
        if self._dated:
            known, untold = self._split_by_time(session, known, stored, batch)
        else:
            untold = []
        updated = self.update(session, known, stored, batch)
        return Loaded(created.added + updated.added, created.refused + untold + updated.refused)

    def _versions(self, batch: Batch) -> Iterable[Version]:
        clear = {rule.field for rule in self._mapping.columns if rule.clear_empty}
        for place, row in enumerate(batch.table.to_pylist()):
            record_id, recorded_at = row.pop("id"), row.pop("recorded_at")
            external_id = row.pop("external_id")
            fields = {name: value for name, value in row.items() if value is not None or name in clear}
            yield Version(record_id, external_id, recorded_at, fields, place)

    def stored(self, session: Session, external_ids: Iterable[str]) -> dict[str, State]:
        """Return the stored records of this source by outside id."""
        mapping = self._mapping
        return known_by_outside_id(session.connection(), mapping.entity, mapping.source, external_ids)

    def _create(self, session: Session, versions: Sequence[Version], batch: Batch) -> Loaded:
        good: list[dict[str, Any]] = []
        refused: list[Refused] = []
        states: dict[str, dict[str, Value]] = {}
        for version in versions:
            try:
                states[version.id] = self._rehearsed(version, states.get(version.id))
            except StoreError as error:
                refused.append(batch.refuse(version.place, error.problem))
            else:
                good.append(self._as_row(version))
        if not good:
            return Loaded(0, refused)
        added = add_history(
            session.connection(),
            self._mapping.entity,
            good,
            actor=self._actor,
            reason=self._reason,
            now=self._now,
        )
        return Loaded(added, refused)

    def _rehearsed(self, version: Version, state: dict[str, Value] | None) -> dict[str, Value]:
        """Return the state after a version. Raises StoreError when the store would refuse it."""
        entity = self._mapping.entity
        origin = {"source": self._mapping.source, "external_id": version.external_id}
        born: dict[str, Value] = {"created_at": version.recorded_at, **origin} if state is None else state
        after = complete_new(entity, {**born, **version.fields})
        check_whole(entity, after)
        return after

    def _as_row(self, version: Version) -> dict[str, Any]:
        return {
            "id": version.id,
            "source": self._mapping.source,
            "external_id": version.external_id,
            "recorded_at": version.recorded_at,
            "fields": version.fields,
        }

    def _split_by_time(
        self, session: Session, versions: Sequence[Version], stored: Mapping[str, State], batch: Batch
    ) -> tuple[list[Version], list[Refused]]:
        """Return the versions that may be written, and the refusals of those that come too late.

        What the log says already, as after a rerun, is neither: it is known.
        """
        late = [one for one in versions if one.recorded_at <= stored[one.external_id]["updated_at"]]
        told = histories(
            session.connection(), self._mapping.entity, (stored[one.external_id]["id"] for one in late)
        )
        news = [one for one in versions if one.recorded_at > stored[one.external_id]["updated_at"]]
        refused: list[Refused] = []
        for one in late:
            record = stored[one.external_id]
            if _is_told(one, told.get(record["id"], [])):
                continue
            if one.recorded_at == record["updated_at"]:
                news.append(one)
            else:
                refused.append(batch.refuse(one.place, _older_than_stored(record["updated_at"])))
        return sorted(news, key=lambda version: version.recorded_at), refused

    def update(
        self, session: Session, versions: Sequence[Version], stored: Mapping[str, State], batch: Batch
    ) -> Loaded:
        """Patch records that exist, in the order given."""
        written, refused = 0, []
        current = {external_id: dict(record) for external_id, record in stored.items()}
        for version in versions:
            record = current[version.external_id]
            if all(record[name] == value for name, value in version.fields.items()):
                continue
            try:
                after = self._write(session, record["id"], version)
            except StoreError as error:
                refused.append(batch.refuse(version.place, error.problem))
                continue
            written += after > record["version"]
            record |= {**version.fields, "version": after}
        return Loaded(written, refused)

    def _write(self, session: Session, record_id: str, version: Version) -> int:
        return write_record(
            session,
            self._mapping.entity,
            record_id,
            version.fields,
            actor=self._actor,
            reason=self._reason,
            recorded_at=version.recorded_at,
            now=self._now,
        )


def _is_told(version: Version, history: Sequence[tuple[datetime, dict[str, Value]]]) -> bool:
    """Say whether the record was already known, at the version's time, to be what the version says."""
    before = [state for moment, state in history if moment < version.recorded_at][-1:]
    then = [state for moment, state in history if moment == version.recorded_at]
    return any(
        all(state.get(name) == value for name, value in version.fields.items()) for state in before + then
    )


def _older_than_stored(updated_at: datetime) -> Problem:
    zh = f"该行早于已保存的最近一次变更（{updated_at:%Y-%m-%d %H:%M:%S} UTC），历史只能追加，不能插入"
    en = (
        f"the row is older than the latest change on record ({updated_at:%Y-%m-%d %H:%M:%S} UTC): "
        "history is only added to, so load older rows before newer ones"
    )
    return Problem("older_than_stored", "recorded_at", zh, en)
