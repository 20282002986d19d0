"""Many records of one kind created or patched at once, each row with its own outcome.

A few statements for all rows, however many there are. What one row does wrong never touches the others:
values are checked row by row before anything is written. When the database itself refuses, rows whose key
another record has are looked for together; what else it refuses is halved until it stands alone.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm_store.domain.ids import stable_id
from crm_store.models import ChangeLog
from crm_store.repositories.fields import FIELDS, check_changes
from crm_store.repositories.problems import Problem, StoreError, unknown_reference
from crm_store.repositories.rows import any_of, insert_rows, update_rows
from crm_store.repositories.writes.chains import Chain, Entry, Signature, checked_step
from crm_store.repositories.writes.constraints import (
    holders,
    missing_references,
    refusal,
    taken,
    unique_columns,
)
from crm_store.repositories.writes.records import Conflict, check_version
from crm_store.repositories.writes.stored import hidden_defaults, lock_all, remember, table_of
from crm_store.repositories.writes.upsert_plan import OutsideKey, Plan, Request, RowResult

MAX_ROWS = 5_000
"""Rows in one call: what a request may carry, and what one transaction should hold locked."""
_TRIES = 3


class UpsertRow(NamedTuple):
    """What a record should become: field → new value, for the fields that are given.

    The record is the one with ``id``, else the one whose ``source`` and ``external_id`` are among the
    values; one that does not exist is created. ``expected_version`` 0 means "must not exist yet".
    """

    values: Mapping[str, Any]
    id: str | None = None
    expected_version: int | None = None


def upsert_records(
    session: Session,
    entity: str,
    rows: Sequence[UpsertRow],
    *,
    actor: str,
    reason: str | None = None,
    recorded_at: datetime,
    now: datetime,
    role: str | None = None,
) -> list[RowResult]:
    """Create or patch up to 5,000 records of one kind and return each row's outcome, in the rows' order.

    Rows of one record are applied one after the other, each seeing what the one before it did. The log entry
    of every change is written with it, as ``write_record`` does. Raises StoreError ``too_many_rows``;
    whatever is wrong with a row is in its result.
    """
    if len(rows) > MAX_ROWS:
        raise StoreError(_too_many(len(rows)))
    batch = _Batch(session, entity, Signature(actor, reason, recorded_at, now, role))
    results: dict[int, RowResult] = {}
    requests = []
    with _uncollected():
        for place, row in enumerate(rows):
            try:
                requests.append(_request(entity, place, row))
            except StoreError as error:
                results[place] = RowResult("invalid", row.id, problem=error.problem)
        batch.apply(requests, results)
    return [results[place] for place in range(len(rows))]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the search for cyclic garbage back: each batch would make it look through the whole process.

    The rows of a batch make no cycles, and go when it ends.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _request(entity: str, place: int, row: UpsertRow) -> Request:
    offered = check_changes(entity, row.values)
    source, external_id = offered.get("source"), offered.get("external_id")
    key = (str(source), str(external_id)) if source is not None and external_id is not None else None
    if row.id is None and key is None:
        raise StoreError(_no_key())
    return Request(place, row.id, key, offered, row.expected_version)


class _Batch:
    """The rows of one call, or a part of them, on their way into the store."""

    def __init__(self, session: Session, entity: str, signature: Signature) -> None:
        self._session, self._entity, self._signature = session, entity, signature

    def apply(self, requests: Sequence[Request], results: dict[int, RowResult], tries: int = _TRIES) -> None:
        """Write the rows and note their results; rows that the database refuses are parted from the rest.

        When someone else has just created records of the batch, all of it is tried again, so that its locks
        are taken anew and in order: batches that meet while they hold parts would wait for each other.
        """
        if not requests:
            return
        plan = Plan(self._entity, self._signature.recorded_at)
        try:
            with self._session.begin_nested():
                results |= self._write(requests, plan)
        except IntegrityError as error:
            if tries > 1 and self._met_another(plan):
                self.apply(requests, results, tries - 1)
                return
            if len(requests) > 1:
                taken = self._taken(requests, plan)
                if taken:
                    results |= taken
                    self.apply([one for one in requests if one.place not in taken], results)
                    return
                middle = len(requests) // 2
                self.apply(requests[:middle], results)
                self.apply(requests[middle:], results)
                return
            only = requests[0]
            problem = refusal(self._session, self._entity, only.offered, error)
            results[only.place] = RowResult("invalid", only.id, problem=problem)

    def _write(self, requests: Sequence[Request], plan: Plan) -> dict[int, RowResult]:
        plan.keys = self._known_keys(request.key for request in requests if request.id is None)
        ids = {self._id_of(request, plan) for request in requests}
        plan.chains = lock_all(self._session, self._entity, sorted(ids))
        plan.before = {record_id: chain.version for record_id, chain in plan.chains.items()}
        plan.missing = self._missing(requests)
        plan.results = {request.place: self._step(request, plan) for request in requests}
        self._store(plan)
        return plan.results

    def _met_another(self, plan: Plan) -> bool:
        """Tell whether a record that was to be created exists by now, under its id or its outside id."""
        if self._known_keys(key for key, record_id in plan.keys.items() if record_id not in plan.before):
            return True
        table = table_of(self._entity)
        connection = self._session.connection()
        query = select(table.c.id).where(any_of(connection, table.c.id, plan.created())).limit(1)
        return connection.execute(query).first() is not None

    def _taken(self, requests: Sequence[Request], plan: Plan) -> dict[int, RowResult]:
        """Return the rows that give a record what must be its own and is another's, outside this batch.

        What a record of the batch has may become free by the batch itself; that is left to the database.
        """
        found: dict[int, RowResult] = {}
        for columns in unique_columns(self._entity):
            wanted = {one: tuple(plan.chains[one].state[name] for name in columns) for one in plan.changed}
            held = holders(self._session, self._entity, columns, set(wanted.values()))
            for request in requests:
                result = plan.results[request.place]
                key = wanted.get(result.id or "")
                if result.status not in ("created", "updated") or key is None:
                    continue
                gives = dict(zip(columns, key, strict=True)).items() & request.offered.items()
                if gives and held.get(key, result.id) not in plan.chains:
                    problem = taken(self._entity, columns)
                    found[request.place] = RowResult("invalid", request.id, problem=problem)
        return found

    def _known_keys(self, keys: Iterable[OutsideKey | None]) -> dict[OutsideKey, str]:
        """Return the id of each outside id that the store knows."""
        by_source: dict[str, list[str]] = {}
        for source, external_id in {key for key in keys if key is not None}:
            by_source.setdefault(source, []).append(external_id)
        table, connection = table_of(self._entity), self._session.connection()
        found: dict[OutsideKey, str] = {}
        for source, external_ids in by_source.items():
            query = select(table.c.external_id, table.c.id).where(
                table.c.source == source, any_of(connection, table.c.external_id, external_ids)
            )
            found |= {(source, row[0]): row[1] for row in connection.execute(query)}
        return found

    def _id_of(self, request: Request, plan: Plan) -> str:
        if request.id is not None:
            return request.id
        key = request.key
        assert key is not None  # noqa: S101 - a request without an id has a key
        if key not in plan.keys:
            plan.keys[key] = stable_id(self._entity, *key)
            plan.assumed.add(plan.keys[key])
        return plan.keys[key]

    def _missing(self, requests: Sequence[Request]) -> dict[str, set[str]]:
        """Return the ids that rows refer to and that do not exist, by the kind that they should be of."""
        wanted: dict[str, set[str]] = {}
        for name, kind in _references(self._entity):
            named = {str(one.offered[name]) for one in requests if one.offered.get(name) is not None}
            wanted.setdefault(kind, set()).update(named)
        missing = missing_references(self._session, {kind: ids for kind, ids in wanted.items() if ids})
        return {kind: ids for kind, ids in missing.items() if ids}

    def _step(self, request: Request, plan: Plan) -> RowResult:
        record_id = request.id or plan.resolve(request, self._id_of(request, plan))
        chain = plan.chains.get(record_id) or Chain.unborn(self._entity, self._signature.recorded_at)
        born = chain.version == 0
        try:
            check_version(self._entity, record_id, chain, request.offered, request.expected_version)
            if plan.missing:
                self._check_references(request, plan)
            step = checked_step(
                self._session, self._entity, record_id, chain, request.offered, self._signature
            )
        except Conflict as conflict:
            return RowResult("conflict", record_id, conflict.actual, conflict.problem, conflict.values)
        except StoreError as error:
            return RowResult("invalid", None if born else record_id, chain.version or None, error.problem)
        if step is None:
            return RowResult("unchanged", record_id, chain.version)
        plan.take(record_id, chain, step)
        return RowResult("created" if born else "updated", record_id, chain.version)

    def _check_references(self, request: Request, plan: Plan) -> None:
        for name, kind in _references(self._entity):
            value = request.offered.get(name)
            if value is not None and value in plan.missing.get(kind, ()):
                raise StoreError(unknown_reference(name, kind))

    def _store(self, plan: Plan) -> None:
        """Write every entry, then the records that are new, then those that changed."""
        connection, table = self._session.connection(), table_of(self._entity)
        log: Any = ChangeLog.__table__
        # In one order everywhere, so that two batches that create the same records do not block each other;
        # those of one record stay as they are, by version.
        entries = sorted(plan.entries, key=attrgetter("entity_id"))
        insert_rows(connection, log, Entry._fields, entries)
        insert_rows(connection, table, *plan.rows(plan.created(), hidden_defaults(self._entity)))
        update_rows(connection, table, *plan.rows(plan.updated()))
        for record_id in plan.changed if self._session.identity_map else ():
            chain = plan.chains[record_id]
            own = {"version": chain.version, "updated_at": chain.recorded_at}
            remember(self._session, self._entity, record_id, {**chain.state, **own})


@cache
def _references(entity: str) -> list[tuple[str, str]]:
    return [(name, one.reference) for name, one in FIELDS[entity].items() if one.reference is not None]


def _no_key() -> Problem:
    return Problem(
        "no_key",
        "external_id",
        "每行需要 id，或同时给出 source 和 external_id",
        "a row needs an id, or both a source and an external_id",
    )


def _too_many(count: int) -> Problem:
    return Problem(
        "too_many_rows",
        None,
        f"一次最多写入 {MAX_ROWS:,} 行，收到 {count:,} 行，请分批提交",
        f"at most {MAX_ROWS:,} rows at a time, not {count:,}: send them in parts",
    )
