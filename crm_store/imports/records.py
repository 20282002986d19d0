"""Applying imported rows to records: each row is one version, the first of an unknown id creates it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Table, select

from crm_store.database import session_factory, transaction
from crm_store.imports.batches import Batch
from crm_store.imports.mapping import ColumnMapping
from crm_store.imports.rejects import Rejects
from crm_store.repositories import bulk
from crm_store.repositories.fields import RECORDS, Value, check_whole, complete_new
from crm_store.repositories.problems import StoreError
from crm_store.repositories.records import write_record
from crm_store.repositories.rows import in_batches

_LOOKUP = 5_000


@dataclass(frozen=True)
class Version:
    """One row: what a record was said to be, since when, and where in the file."""

    id: str
    external_id: str
    recorded_at: datetime
    fields: dict[str, Value]
    place: int


class RecordImport:
    """Applies batches of one file. Rows that cannot be applied are rejected one by one."""

    def __init__(self, engine: Engine, mapping: ColumnMapping, actor: str, now: datetime) -> None:
        self._engine, self._mapping, self._actor, self._now = engine, mapping, actor, now
        self._reason = f"import {mapping.name}"

    def apply(self, batch: Batch, rejects: Rejects) -> int:
        """Write what is new or different, and return how many versions that were."""
        versions = sorted(self._versions(batch), key=lambda version: version.recorded_at)
        stored = self.stored(version.external_id for version in versions)
        fresh = [version for version in versions if version.external_id not in stored]
        known = [version for version in versions if version.external_id in stored]
        dated = any(rule.field == "recorded_at" for rule in self._mapping.columns)
        added = self._create(fresh, batch, rejects)
        return added + self.update(known, stored, batch, rejects, dated=dated)

    def _versions(self, batch: Batch) -> Iterable[Version]:
        clear = {rule.field for rule in self._mapping.columns if rule.clear_empty}
        for place, row in enumerate(batch.table.to_pylist()):
            record_id, recorded_at = row.pop("id"), row.pop("recorded_at")
            external_id = row.pop("external_id")
            fields = {name: value for name, value in row.items() if value is not None or name in clear}
            yield Version(record_id, external_id, recorded_at, fields, place)

    def stored(self, external_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return the stored records of this source by outside id, whatever their own id is."""
        table: Table = RECORDS[self._mapping.entity].__table__  # type: ignore[attr-defined]
        found: dict[str, Mapping[str, Any]] = {}
        with self._engine.connect() as connection:
            for some in in_batches(dict.fromkeys(external_ids), _LOOKUP):
                query = select(*table.c).where(
                    table.c.source == self._mapping.source, table.c.external_id.in_(some)
                )
                found |= {row["external_id"]: row for row in connection.execute(query).mappings()}
        return found

    def _create(self, versions: list[Version], batch: Batch, rejects: Rejects) -> int:
        good: list[Version] = []
        states: dict[str, dict[str, Value]] = {}
        for version in versions:
            state = states.get(version.id)
            try:
                states[version.id] = self._rehearsed(version, state)
            except StoreError as error:
                rejects.add(batch.lines[version.place], error.problem, batch.rows[version.place])
                continue
            good.append(version)
        if not good:
            return 0
        return bulk.load_history(
            self._engine,
            self._mapping.entity,
            [self._as_row(version) for version in good],
            actor=self._actor,
            reason=self._reason,
            now=self._now,
        )

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

    def update(
        self,
        versions: list[Version],
        stored: dict[str, Mapping[str, Any]],
        batch: Batch,
        rejects: Rejects,
        *,
        dated: bool,
    ) -> int:
        """Patch records that exist, and return how many versions that made.

        ``dated``: the versions carry their own times, and those no later than what is stored are known.
        """
        written = 0
        changed = [version for version in versions if _differs(version, stored[version.external_id], dated)]
        if not changed:
            return 0
        with transaction(session_factory(self._engine)) as session:
            for version in changed:
                record_id = stored[version.external_id]["id"]
                before = stored[version.external_id]["version"]
                try:
                    after = write_record(
                        session,
                        self._mapping.entity,
                        record_id,
                        version.fields,
                        actor=self._actor,
                        reason=self._reason,
                        recorded_at=version.recorded_at,
                        now=self._now,
                    )
                except StoreError as error:
                    rejects.add(batch.lines[version.place], error.problem, batch.rows[version.place])
                    continue
                written += after > before
        return written


def _differs(version: Version, record: Mapping[str, Any], dated: bool) -> bool:
    if dated and version.recorded_at <= record["updated_at"]:
        return False
    return any(record[name] != value for name, value in version.fields.items())
