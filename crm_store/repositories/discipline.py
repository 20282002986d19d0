"""Queries about key fields: how complete they are, and what changed in them.

Figures are counted in the store and folded outside, so that both stores give the same ones. Every query is an
ORM select over mapped classes: in a viewer's session it counts the viewer's rows, and no others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from heapq import nsmallest
from itertools import compress
from typing import Any

from sqlalchemy import Result, Select, String, cast, func, select
from sqlalchemy.orm import Session

from crm_store.domain.completeness import Counted, KeyFields, record_share
from crm_store.domain.field_classes import CLASSES
from crm_store.domain.policy import field_rule
from crm_store.domain.weekly_brief import Moved
from crm_store.models import ChangeLog, Rep, Team
from crm_store.repositories.sight.scoped_records import JUDGED, GroupBy, Scope, ScopedRecords, flag_of
from crm_store.repositories.sight.sight import SightSession, whole_store

_STREAM = {"yield_per": 2_000}
# Classes of fields whose mask leaves something standing; a masked number is shown as nothing.
_SEEN_MASKED = frozenset({"phone", "email", "wechat", "address", "name", "text"})


@dataclass(frozen=True)
class FilledRecord:
    """One record: which of its key fields are filled; ``ungated`` as in ``Completeness``."""

    record_id: str
    owner_id: str | None
    region: str | None
    industry: str
    ungated: bool
    filled: frozenset[str]


@dataclass(frozen=True)
class FieldChange:
    """One logged change of one field."""

    record_id: str
    recorded_at: datetime
    actor: str
    old: Any
    new: Any


def countable(session: Session, entity: str, names: Sequence[str]) -> list[str]:
    """Return the fields of which a reader may know whether they are filled, be their values masked or not."""
    if not isinstance(session, SightSession):
        return list(names)
    classes = CLASSES.get(entity, {})
    shown = {name: field_rule(session.viewer, entity, name, "all") for name in names}
    return [
        name
        for name in names
        if session.may_use(entity, name) or (shown[name] == "masked" and classes[name] in _SEEN_MASKED)
    ]


def counted(
    session: Session, entity: str, key_fields: KeyFields, group_by: GroupBy, scope: Scope
) -> list[Counted]:
    """Return the counts behind completeness, by group and industry, in order of the group."""
    names = countable(session, entity, key_fields.all_of(entity))
    view = ScopedRecords(entity)
    row = view.rows(names, scope, view.group(group_by)).subquery().c
    sums = [func.sum(row[name]) for name in ("ungated", *map(flag_of, names))]
    keys = (row.group_key, row.industry, row.industry_code)
    totals = _Totals(key_fields)
    query = select(*keys, func.count(), *sums).group_by(*keys)
    for group, industry, code, *sizes in _rows(session, query, view):
        totals.add(group, industry, code, sizes)
    return [
        Counted(group, industry, records, dict(zip(names, filled, strict=True)), ungated)
        for (group, industry), (records, ungated, *filled) in totals.in_order()
    ]


def least_complete(
    session: Session, entity: str, key_fields: KeyFields, scope: Scope, limit: int, record_id: str | None
) -> list[FilledRecord]:
    """Return records with their filled key fields, the least complete first, or just one record.

    One pass over the records in scope that holds no more than ``limit`` of them.
    """
    names = countable(session, entity, key_fields.all_of(entity))
    view = ScopedRecords(entity)
    query = view.rows(names, scope)
    if record_id is not None:
        query = query.where(view.model.id == record_id)

    @cache
    def judged(industry: str | None, code: str | None, *flags: int) -> tuple[float, str, frozenset[str]]:
        kind, filled = key_fields.industry_of(industry, code), frozenset(compress(names, flags))
        return record_share(filled, key_fields.counted_of(entity, kind, names)), kind, filled

    worst = nsmallest(limit, _rows(session, query, view), key=lambda row: (judged(*row[JUDGED:])[0], row[0]))
    found = []
    for one, owner, region, ungated, *judged_by in worst:
        _, kind, filled = judged(*judged_by)
        found.append(FilledRecord(one, owner, region, kind, bool(ungated), filled))
    return found


def group_names(session: Session, group_by: GroupBy) -> dict[str, str]:
    """Return the names of salespeople or teams by id; a region is its own name."""
    if group_by == "rep":
        return dict(session.execute(select(Rep.id, Rep.name)).all())
    return dict(session.execute(select(Team.id, Team.name)).all()) if group_by == "team" else {}


def moved_since(
    session: Session, entity: str, key_fields: KeyFields, scope: Scope, moments: Sequence[datetime]
) -> list[list[Moved]]:
    """Return, for each moment, what happened since to the records that are in scope now, by industry.

    One pass over the log from the first moment on; taking entries apart is left to Python, which does so once
    for each, where the stores would for every field and moment.
    """
    names = countable(session, entity, key_fields.all_of(entity))
    view = ScopedRecords(entity)
    columns = (view.industry, view.industry_code, ChangeLog.recorded_at, ChangeLog.version, ChangeLog.changes)
    query = view.logged(select(*columns), scope).where(ChangeLog.recorded_at >= min(moments))
    totals = [_Totals(key_fields) for _ in moments]
    for industry, code, recorded_at, version, changes in session.execute(query, execution_options=_STREAM):
        steps = [_step(changes[name]) if name in changes else 0 for name in names]
        for moment, total in zip(moments, totals, strict=True):
            if recorded_at >= moment:
                total.add(None, industry, code, [version == 1, *steps])
    return [
        [
            Moved(industry, created, dict(zip(names, net, strict=True)))
            for (_, industry), (created, *net) in total.in_order()
        ]
        for total in totals
    ]


def last_changes(
    session: Session, entity: str, field: str, scope: Scope, since: datetime, until: datetime, limit: int
) -> list[FieldChange]:
    """Return the latest changes of one field of the records in scope within [since, until), newest first."""
    view = ScopedRecords(entity)
    # Looking at the text of an entry is several times faster than taking it apart, and finds the same.
    changed = cast(ChangeLog.changes, String).contains(f'"{field}":', autoescape=True)
    columns = (ChangeLog.entity_id, ChangeLog.recorded_at, ChangeLog.actor, ChangeLog.changes)
    query = (
        view.logged(select(*columns), scope)
        .where(ChangeLog.recorded_at >= since, ChangeLog.recorded_at < until, changed)
        .order_by(ChangeLog.recorded_at.desc(), ChangeLog.id.desc())
        .limit(limit)
    )
    return [FieldChange(*found, *changes[field]) for *found, changes in session.execute(query)]


class _Totals:
    """Sums of figures by group and by the industry whose list counts."""

    def __init__(self, key_fields: KeyFields) -> None:
        self._industry_of = cache(key_fields.industry_of)
        self._sums: dict[tuple[str | None, str], list[int]] = {}

    def add(self, group: str | None, industry: str | None, code: str | None, figures: Sequence[Any]) -> None:
        key = (group, self._industry_of(industry, code))
        so_far = self._sums.get(key) or [0] * len(figures)
        self._sums[key] = [one + int(more) for one, more in zip(so_far, figures, strict=True)]

    def in_order(self) -> list[tuple[tuple[str | None, str], list[int]]]:
        return sorted(self._sums.items(), key=lambda one: (one[0][0] or "", one[0][1]))


def _rows(session: Session, query: Select[Any], view: ScopedRecords) -> Result[*tuple[Any, ...]]:
    """Run a query that looks whether fields are filled, in a viewer's session on the viewer's rows.

    A viewer's own session lets no query depend on a masked field. These count what its mask shows as well,
    that there is a value, and only of ``countable`` fields; so they run on the whole store, narrowed alike.
    """
    if isinstance(session, SightSession):
        query = query.add_cte(*(session.shadow_of(name) for name in view.tables))
        session = whole_store(session)
    return session.execute(query, execution_options=_STREAM)


def _step(change: Sequence[Any]) -> int:
    """Return 1 for a change that filled a field, −1 for one that emptied it."""
    old, new = (value is not None and str(value).strip(" ") != "" for value in change)
    return new - old
