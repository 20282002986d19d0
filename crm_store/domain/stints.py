"""Who had a lead and what became of it there: a stint is one lead in one rep's hands.

It begins when the lead gets that owner (``assigned``) and ends with the first of ``released``, ``won`` and
``lost``. A lead that is opened again after its end begins a new stint. Read off the lead's own versions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

ASSIGNED, RELEASED, CONTACTED, WON, LOST = "assigned", "released", "contacted", "won", "lost"
CLOSINGS = (WON, LOST)
_IN_TOUCH = ("contacted", "qualified", "won")
_OF_THE_LEAD = ("need", "channel", "industry", "region")
# Which fields of the lead an event of a stint is also told by.
FIT_FIELDS: Mapping[str, tuple[str, ...]] = {
    ASSIGNED: _OF_THE_LEAD,
    WON: _OF_THE_LEAD,
    CONTACTED: ("lead", "account"),
    RELEASED: (),
    LOST: (),
}


@dataclass(frozen=True)
class Stint:
    """One lead with one rep; ``fields`` are the lead's as they stood when it began."""

    rep_id: str
    stint_id: str
    since: datetime
    fields: Mapping[str, Any]
    contacted: bool = False
    ended: bool = False


def fit_id(rep_id: str, field: str, value: str) -> str:
    """Return the key of a rep's leads that have this value."""
    return f"{rep_id}|{field}|{value}"


def steps(
    before: Stint | None, state: Mapping[str, Any], lead_id: str, version: int, now: datetime
) -> tuple[list[tuple[str, Stint]], Stint | None]:
    """Return what a new version of a lead says, as (event, stint) in order, and the stint it is in now."""
    owner, status = state.get("owner_id"), state.get("status")
    closed, told = status in CLOSINGS, list[tuple[str, Stint]]()
    current = before
    moved = current is None or current.rep_id != owner or (current.ended and not closed)
    if moved:
        if current is not None and not current.ended:
            told.append((RELEASED, current))
        # A closed lead that changes hands is in nobody's any more, unless it came that way.
        current = (
            None
            if owner is None or (before is not None and before.ended and closed)
            else _begun(owner, state, lead_id, version, now)
        )
        if current is None:
            return told, before if before is not None and before.ended else None
        told.append((ASSIGNED, current))
    assert current is not None  # noqa: S101 - follows from the above
    if status in _IN_TOUCH and not current.contacted:
        first = before is None or not before.contacted
        fields = {**current.fields, "account": state.get("account_id")}
        current = replace(current, contacted=True, fields=fields)
        if first:
            told.append((CONTACTED, current))
    if closed and not current.ended:
        current = replace(current, ended=True)
        told.append((str(status), current))
    return told, current


def _begun(owner: str, state: Mapping[str, Any], lead_id: str, version: int, now: datetime) -> Stint:
    fields = {name: state.get(name) for name in _OF_THE_LEAD}
    return Stint(owner, f"{lead_id}@{version}", now, {**fields, "lead": lead_id})
