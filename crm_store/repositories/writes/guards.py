"""What the store refuses however a write arrives: the three noes and the locks.

``write_record`` and the bulk upsert ask before each changed row. Every path that adds an activity for a
person asks ``check_activity``.

The noes: no bulk change of status across contacts, leads or opportunities; no editing of a moment of the
past; no data by a way other than a form, the API or an import job.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from crm_store.domain.locks import CLOCKS_DIFFER, locked_fields, may_correct, moved_moments
from crm_store.models import Activity
from crm_store.models.choices import COMMUNICATION_CHANNELS
from crm_store.repositories import problems
from crm_store.repositories.fields import MOMENTS, Value
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes import refusals

# How data may come in; ``job`` is work of our own, ``user`` a person at the workbench or the command line.
WAYS = ("user", "form", "api", "webhook", "import", "job")
# An import brings states from outside and a job computes them: nobody ticks boxes to look busy.
_MAY_CHANGE_STATUSES = frozenset({"import", "job"})
# Chats that a webhook captures, imports and jobs know no scene; a person who types an entry does.
_PEOPLE = frozenset({"user", "form", "api"})
_STATUS = {"contact": "status", "lead": "status", "opportunity": "stage"}
_TOUCHED = "statuses_changed"

_Touched = dict[tuple[str, str], SessionTransaction]


class Write(NamedTuple):
    """A write about to happen: ``before`` is the stored state, ``changes`` field → (old, new).

    ``role`` is the actor's role where the caller knows it; without one nothing locked can be corrected.
    """

    entity: str
    record_id: str
    before: Mapping[str, Value]
    changes: Mapping[str, tuple[Value, Value]]
    actor: str
    reason: str | None
    now: datetime
    role: str | None = None


def check_write(session: Session, write: Write) -> None:
    """Raise StoreError when the write must not happen, to a record that is there.

    Codes: ``unknown_way``, ``past_moment``, ``locked``, ``bulk_status_change``.
    """
    way = check_way(write.actor)
    _check_moments(write)
    _check_lock(write)
    _check_status(session, write, way)


@lru_cache
def check_way(actor: str) -> str:
    """Return the way of ``way:name``. Raises StoreError for any other way in, or nobody's."""
    way, _, name = actor.partition(":")
    if way not in WAYS or not name.strip():
        raise StoreError(refusals.unknown_way(actor, WAYS))
    return way


def check_activity(session: Session, values: Mapping[str, Value], actor: str, now: datetime) -> None:
    """Raise StoreError unless an activity may be added as it is.

    By whatever way it needs a subject, and a correction must be of an entry about the same one. A person's
    entry by chat, call, e-mail or meeting also names its scene, has happened, and is recorded now: codes
    ``required``, ``no_subject``, ``in_the_future``, ``backdated_entry``, ``unknown_reference``,
    ``other_subject``.
    """
    way = check_way(actor)
    if values.get("lead_id") is None and values.get("account_id") is None:
        raise StoreError(problems.no_subject())
    if way in _PEOPLE:
        _check_entry(values, now)
    _check_correction(session, values)


def _check_moments(write: Write) -> None:
    moments = MOMENTS[write.entity]
    if moments.isdisjoint(write.changes):
        return
    new: dict[str, Any] = {name: pair[1] for name, pair in write.changes.items() if name in moments}
    moved = moved_moments(write.before, new, write.changes, write.now)
    if moved:
        raise StoreError(refusals.past_moment(moved[0]))


def _check_lock(write: Write) -> None:
    locked = locked_fields(write.entity, write.before, write.changes)
    if locked and not may_correct(write.role, write.reason):
        raise StoreError(refusals.locked(locked))


def _check_status(session: Session, write: Write, way: str) -> None:
    """Refuse the second record of a kind whose status one transaction changes.

    The kinds are counted apart: signing a deal may close its lead in the same step.
    """
    if way in _MAY_CHANGE_STATUSES or _STATUS.get(write.entity) not in write.changes:
        return
    touched = _touched(session)
    if any(entity == write.entity and one != write.record_id for entity, one in touched):
        raise StoreError(refusals.bulk_status_change(write.entity, _STATUS[write.entity]))
    current = session.get_nested_transaction() or session.get_transaction()
    if current is not None:
        touched.setdefault((write.entity, write.record_id), current)


def _touched(session: Session) -> _Touched:
    """Return whose status this transaction has changed, each with the savepoint in which it was."""
    if _TOUCHED not in session.info:
        session.info[_TOUCHED] = {}
        event.listen(session, "after_soft_rollback", _forget_rolled_back)
        event.listen(session, "after_transaction_end", _forget_finished)
    touched: _Touched = session.info[_TOUCHED]
    return touched


def _forget_rolled_back(session: Session, ended: SessionTransaction) -> None:
    touched: _Touched = session.info[_TOUCHED]
    for key in [key for key, inner in touched.items() if _is_within(inner, ended)]:
        del touched[key]


def _forget_finished(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:
        session.info[_TOUCHED].clear()


def _is_within(inner: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while inner is not None and inner is not outer:
        inner = inner.parent
    return inner is outer


def _check_entry(values: Mapping[str, Value], now: datetime) -> None:
    if values.get("channel") in COMMUNICATION_CHANNELS and values.get("scene") is None:
        raise StoreError(problems.required("scene"))
    occurred_at, recorded_at = values.get("occurred_at"), values.get("recorded_at", now)
    if isinstance(occurred_at, datetime) and occurred_at > now + CLOCKS_DIFFER:
        raise StoreError(refusals.in_the_future())
    if recorded_at != now:
        raise StoreError(refusals.backdated_entry())


def _check_correction(session: Session, values: Mapping[str, Value]) -> None:
    if values.get("corrects_id") is None:
        return
    old = session.get(Activity, values["corrects_id"])
    if old is None:
        raise StoreError(problems.unknown_reference("corrects_id", "activity"))
    if (old.lead_id, old.account_id) != (values.get("lead_id"), values.get("account_id")):
        raise StoreError(refusals.other_subject())
