"""Many records at once for one viewer: each row with its own outcome, and none beyond what they may write.

A program that keeps its CRM in step brings states from outside, as an import does, and the log says so. A
person's key does not get past the three noes that way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_store.repositories import listing
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.sight.sight import SightSession, can_write_all
from crm_store.repositories.writes.upsert import MAX_ROWS, UpsertRow, upsert_records
from crm_store.repositories.writes.upsert_plan import RowResult
from crm_store.services import gates
from crm_store.services.records import COMPARED, after_write, problems_of

# Looking for duplicates takes a few milliseconds a record; a scan finds those of larger loads.
COMPARED_AT_ONCE = 200


@dataclass(frozen=True)
class BulkRow:
    """One row: the record by ``id`` or by source and external_id among ``values``, and what it becomes."""

    values: Mapping[str, Any]
    id: str | None = None
    version: int | None = None


@dataclass(frozen=True)
class RowOutcome:
    """What became of a row, and everything that is wrong with it."""

    result: RowResult
    problems: tuple[Problem, ...] = ()


def upsert(session: SightSession, entity: str, rows: Sequence[BulkRow], now: datetime) -> list[RowOutcome]:
    """Create or patch up to 5,000 records and return each row's outcome, in order.

    Raises StoreError ``too_many_rows``; what is wrong with a row is in its outcome.
    """
    if len(rows) > MAX_ROWS:
        raise StoreError(_too_many(len(rows)))
    befores = _befores(session, entity, rows)
    found = [tuple(problems_of(entity, row.values, now)) for row in rows]
    refused = {at: problems for at, problems in enumerate(found) if problems}
    fit = [at for at in range(len(rows)) if at not in refused]
    permits = can_write_all(session, session.viewer, entity, [(befores[at], rows[at].values) for at in fit])
    for at, problem in zip(fit, permits, strict=True):
        problem = problem or _gate_problem(session, entity, befores[at], rows[at], now)
        if problem is not None:
            refused[at] = (problem,)
    wanted = [at for at in fit if at not in refused]
    results = upsert_records(
        session.whole,
        entity,
        [UpsertRow(rows[at].values, _id_of(befores[at], rows[at]), rows[at].version) for at in wanted],
        actor=_actor(session),
        recorded_at=now,
        now=now,
        role=session.viewer.role,
    )
    outcomes = {at: RowOutcome(result) for at, result in zip(wanted, results, strict=True)}
    outcomes |= {at: RowOutcome(RowResult("invalid", rows[at].id), found) for at, found in refused.items()}
    _compare(session, entity, [one.result for one in outcomes.values()], now)
    return [outcomes[at] for at in range(len(rows))]


def _befores(session: SightSession, entity: str, rows: Sequence[BulkRow]) -> list[dict[str, Any] | None]:
    """Return each row's record as it stands, None for one that is new."""
    ids = sorted({row.id for row in rows if row.id is not None})
    by_id = {found["id"]: found for found in listing.by_ids(session.whole, entity, ids)} if ids else {}
    sources: dict[str, set[str]] = {}
    for row in rows:
        if row.id is None and (key := _outside_key(row)) is not None:
            sources.setdefault(key[0], set()).add(key[1])
    by_key = {
        (source, found["external_id"]): found
        for source, external_ids in sources.items()
        for found in listing.by_outside_ids(session.whole, entity, source, sorted(external_ids))
    }
    return [
        by_id.get(row.id) if row.id is not None else by_key.get(_outside_key(row) or ("", "")) for row in rows
    ]


def _outside_key(row: BulkRow) -> tuple[str, str] | None:
    source, external_id = row.values.get("source"), row.values.get("external_id")
    return (source, external_id) if isinstance(source, str) and isinstance(external_id, str) else None


def _id_of(before: Mapping[str, Any] | None, row: BulkRow) -> str | None:
    return row.id if before is None else before["id"]


def _gate_problem(
    session: SightSession, entity: str, before: Mapping[str, Any] | None, row: BulkRow, now: datetime
) -> Problem | None:
    if entity != "opportunity":
        return None
    try:
        gates.require(session.whole, before, row.values, now)
    except StoreError as error:
        return error.problem
    return None


def _actor(session: SightSession) -> str:
    viewer = session.viewer
    return viewer.actor if viewer.user_id is not None else f"import:{viewer.name}"[:80]


def _compare(session: SightSession, entity: str, results: Sequence[RowResult], now: datetime) -> None:
    changed = [one.id for one in results if one.status in ("created", "updated") and one.id is not None]
    if entity in COMPARED and len(changed) <= COMPARED_AT_ONCE:
        for record_id in dict.fromkeys(changed):
            after_write(session, entity, record_id, now)


def _too_many(count: int) -> Problem:
    zh, en = f"一次最多 {MAX_ROWS} 行，收到 {count} 行", f"at most {MAX_ROWS:,} rows at once, not {count:,}"
    return Problem("too_many_rows", "rows", zh, en)
