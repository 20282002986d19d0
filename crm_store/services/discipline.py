"""Discipline in figures: how complete key fields are, the weekly brief, how late entries are made.

Answers are dataclasses of plain values that turn into JSON as they are. In a viewer's session they are about
the viewer's rows, and leave out fields that are masked for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from crm_store.domain.completeness import Completeness, KeyFields, fold_groups, record_share
from crm_store.domain.entry_delays import LATE_AFTER, DelayCell, delay_cell
from crm_store.domain.field_classes import CLASSES, PLAIN
from crm_store.domain.weekly_brief import (
    WEEK,
    WORST,
    Change,
    KindCounts,
    WeeklyBrief,
    WorstField,
    week_start_of,
    worst_fields,
)
from crm_store.repositories import delays, discipline, problems, views
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.sight.masking import masked
from crm_store.repositories.sight.scoped_records import GROUPS, GroupBy, Scope
from crm_store.services.definitions import key_fields, names

# No house has records of before; earlier weeks would leave the calendar.
_FIRST_YEAR = 1970

__all__ = [
    "EntryDelays",
    "RecordCompleteness",
    "Scope",
    "completeness",
    "entry_delays",
    "incomplete_records",
    "weekly_brief",
]

# How far back a brief looks for the last changes of a field: a quarter, the longest a target runs.
_CHANGES_WITHIN = timedelta(days=91)
_MOST_RECORDS = 1_000


@dataclass(frozen=True)
class RecordCompleteness:
    """One record: its completeness in [0, 1], the list it is held to, and the key fields it lacks.

    ``ungated``: its stage was set past the stage's checklist, by an import mostly.
    """

    record_id: str
    owner_id: str | None
    region: str | None
    industry: str
    share: float
    missing: tuple[str, ...]
    ungated: bool


@dataclass(frozen=True)
class EntryDelays:
    """The heat map of late entries, [since, until) in ISO 8601 UTC; ``reps`` names its salespeople."""

    since: str
    until: str
    late_after_h: float
    cells: tuple[DelayCell, ...]
    reps: Mapping[str, str]


def completeness(
    session: Session, entity: str, group_by: GroupBy = "all", scope: Scope | None = None
) -> list[Completeness]:
    """Return the completeness of a kind of record per group, in order of the group's name.

    ``group_by`` is ``all``, ``rep`` (owner), ``team`` or ``region``; records of no group come under None.
    Raises StoreError ``not_allowed`` for a kind without key fields, or another grouping.
    """
    keys = _keys(session, entity)
    if group_by not in GROUPS:
        raise StoreError(problems.not_allowed("group_by", GROUPS))
    rows = discipline.counted(session, entity, keys, group_by, scope or Scope())
    called = discipline.group_names(session, group_by)
    named = [replace(one, name=called.get(one.group or "")) for one in fold_groups(entity, rows, keys)]
    return sorted(named, key=lambda one: (one.name or one.group or "", one.group or ""))


def incomplete_records(
    session: Session, entity: str, scope: Scope | None = None, limit: int = 50, record_id: str | None = None
) -> list[RecordCompleteness]:
    """Return records with what they lack, the least complete first; ``record_id`` asks for one alone.

    At most 1,000. Raises StoreError ``not_allowed`` for a kind without key fields, ``out_of_range``.
    """
    keys = _keys(session, entity)
    if not 1 <= limit <= _MOST_RECORDS:
        raise StoreError(problems.out_of_range("limit", 1, _MOST_RECORDS))
    counted = set(discipline.countable(session, entity, keys.all_of(entity)))
    found = discipline.least_complete(session, entity, keys, scope or Scope(), limit, record_id)
    return [_record(entity, one, keys, counted) for one in found]


def weekly_brief(session: Session, scope: Scope, week_start: datetime, now: datetime) -> WeeklyBrief:
    """Return the brief of a week for whoever answers for the records in scope.

    It tells of open records. ``week_start`` is Monday 00:00 in Shanghai; a week that still runs is told up to
    now. Raises StoreError ``bad_week``.
    """
    if week_start.year < _FIRST_YEAR or week_start > now or week_start != week_start_of(week_start):
        raise StoreError(_bad_week())
    end, scope, keys = min(week_start + WEEK, now), replace(scope, open_only=True), key_fields(session)
    kinds = [_kind_counts(session, entity, keys, scope, week_start, end) for entity in keys.weights]
    worst = [
        replace(field, changes=_changes(session, field, scope, end))
        for field in worst_fields(kinds, keys, names(session), views.owners(session))
    ]
    records = sum(row.records for kind in kinds for row in kind.by_rep)
    return WeeklyBrief(_iso(week_start), _iso(week_start + WEEK), records, tuple(worst))


def entry_delays(
    session: Session, since: datetime, until: datetime, rep_ids: Sequence[str] | None = None
) -> EntryDelays:
    """Return how late communications entered in [since, until) were, by salesperson and business hour.

    Raises StoreError ``bad_range`` when ``until`` does not come after ``since``.
    """
    if until <= since:
        raise StoreError(_bad_range())
    found = delays.delays_by_cell(session, since, until, rep_ids)
    cells = tuple(sorted((delay_cell(*one) for one in found), key=lambda cell: (cell.rep_id, cell.hour)))
    owners, seen = views.owners(session), {cell.rep_id for cell in cells}
    called = {rep_id: name for rep_id, name in owners.items() if rep_id in seen}
    return EntryDelays(_iso(since), _iso(until), LATE_AFTER.total_seconds() / 3600, cells, called)


def _keys(session: Session, entity: str) -> KeyFields:
    keys = key_fields(session)
    if entity not in keys.weights:
        raise StoreError(problems.not_allowed("entity", tuple(keys.weights)))
    return keys


def _record(
    entity: str, found: discipline.FilledRecord, keys: KeyFields, counted: set[str]
) -> RecordCompleteness:
    weights = {name: weight for name, weight in keys.of(entity, found.industry).items() if name in counted}
    return RecordCompleteness(
        record_id=found.record_id,
        owner_id=found.owner_id,
        region=found.region,
        industry=found.industry,
        share=record_share(found.filled, weights),
        missing=tuple(name for name in weights if name not in found.filled),
        ungated=found.ungated,
    )


def _kind_counts(
    session: Session, entity: str, keys: KeyFields, scope: Scope, start: datetime, end: datetime
) -> KindCounts:
    by_rep = discipline.counted(session, entity, keys, "rep", scope)
    since_end, since_start = discipline.moved_since(session, entity, keys, scope, (end, start))
    return KindCounts(entity, by_rep, since_end, since_start)


def _changes(session: Session, field: WorstField, scope: Scope, end: datetime) -> tuple[Change, ...]:
    kind = CLASSES.get(field.entity, {}).get(field.field, "")

    def told(value: object) -> object:
        return value if kind == PLAIN else masked(kind, value)

    found = discipline.last_changes(
        session, field.entity, field.field, scope, end - _CHANGES_WITHIN, end, WORST
    )
    return tuple(
        Change(one.record_id, _iso(one.recorded_at), one.actor, told(one.old), told(one.new)) for one in found
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _bad_week() -> Problem:
    return Problem(
        "bad_week",
        "week_start",
        f"week_start 应为 {_FIRST_YEAR} 年以来已开始的某个周一零点（北京时间）",
        f"week_start must be a Monday, 00:00 in Shanghai, that has come, since {_FIRST_YEAR}",
    )


def _bad_range() -> Problem:
    return Problem("bad_range", "until", "until 必须晚于 since", "until must lie after since")
