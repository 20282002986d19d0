"""Facts as people and programs add them: activities, communications, order snapshots. None is ever changed.

A wrong entry is corrected by a new one that points at it, once; a correction is corrected in its turn.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm_store.domain.policy import BELONGING
from crm_store.models.choices import COMMUNICATION_CHANNELS
from crm_store.repositories import listing, problems
from crm_store.repositories.fields import FACTS, FIELDS
from crm_store.repositories.listing import Filter, Wanted
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.sight.sight import SightSession, can_write, visible_ids
from crm_store.repositories.writes.guards import check_activity
from crm_store.services import stage_one
from crm_store.services.records import AlreadyThere, check_references, check_values, identify

COMMUNICATION = (Filter("channel", "in", COMMUNICATION_CHANNELS), Filter("scene", "null", False))
"""What makes an activity a communication: somebody spoke to a customer, about something."""


def add_fact(session: SightSession, entity: str, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Add a fact and return its row.

    Raises StoreError: Refused, AlreadyThere, what ``check_activity`` and ``can_write`` raise,
    ``already_corrected`` and ``intake_incomplete``.
    """
    check_values(entity, values, now, new=True)
    record_id, offered = identify(session, entity, values)
    offered = _with_author(session, entity, offered) | {"recorded_at": now}
    check_references(session, entity, offered)
    can_write(session, session.viewer, entity, None, offered)
    if entity == "activity":
        offered |= {"entered_by": session.viewer.actor}
        check_activity(session.whole, offered, session.viewer.actor, now)
        _check_first_correction(session, offered.get("corrects_id"))
        stage_one.check_contact(session.whole, offered)
    if listing.by_id(session.whole, entity, record_id) is not None:
        seen = visible_ids(session, entity, [record_id])
        raise AlreadyThere(entity, record_id if seen else None)
    session.whole.add(FACTS[entity](id=record_id, **offered))
    session.whole.flush()
    return listing.by_id(session.whole, entity, record_id) or {}


def is_communication(row: Mapping[str, Any]) -> bool:
    """Tell whether an activity is a communication."""
    return row["channel"] in COMMUNICATION_CHANNELS and row["scene"] is not None


def check_communication(values: Mapping[str, Any]) -> None:
    """Raise StoreError unless the values are those of a communication."""
    if values.get("scene") is None:
        raise StoreError(problems.required("scene"))
    if values.get("channel") not in COMMUNICATION_CHANNELS:
        raise StoreError(problems.not_allowed("channel", COMMUNICATION_CHANNELS))


def _with_author(session: SightSession, entity: str, values: dict[str, Any]) -> dict[str, Any]:
    author = BELONGING[entity].owner
    if author in FIELDS[entity] and author not in values and session.viewer.rep_id is not None:
        return values | {author: session.viewer.rep_id}
    return values


def _check_first_correction(session: SightSession, corrected: str | None) -> None:
    """Refuse the second correction of one entry: two truths would stand side by side."""
    if corrected is None:
        return
    session.whole.get(FACTS["activity"], corrected, with_for_update=True)  # corrections queue here
    wanted = Wanted("activity", (Filter("corrects_id", "eq", corrected),), limit=1)
    found = listing.page(session.whole, wanted).rows
    if found:
        raise StoreError(_already_corrected(corrected, found[0]["id"]))


def _already_corrected(corrected: str, by: str) -> Problem:
    return Problem(
        "already_corrected",
        "corrects_id",
        f"{corrected} 已由 {by} 更正；请更正 {by}",
        f"{corrected} was corrected by {by} already: correct {by}",
    )
