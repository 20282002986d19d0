"""What leads, reps and leave tell of salespeople: states, stints with leads, absence as it was planned."""

from collections.abc import Iterator
from datetime import timedelta

from crm_store.domain.sources import REP_STATES
from crm_store.domain.stints import CLOSINGS, CONTACTED, FIT_FIELDS, Stint, fit_id, steps
from crm_store.repositories.sources.versions import Row, Version, state_row

_HOUR = timedelta(hours=1)


def rep_states(at: Version) -> Iterator[Row]:
    """Yield the rep as they stand."""
    yield state_row(REP_STATES, at)


def rep_events(at: Version) -> Iterator[Row]:
    """Yield what this version of a lead says of the reps who had it; see ``crm_store.domain.stints``."""
    for event, stint, row in _steps("rep_events", at):
        hours = (at.recorded_at - stint.since) / _HOUR if event == CONTACTED else None
        yield row | {"rep_id": stint.rep_id, "stint_id": stint.stint_id, "hours": hours}


def fit_events(at: Version) -> Iterator[Row]:
    """Yield the same by rep and field of the lead: assigned and won, and who has been contacted before."""
    for event, stint, row in _steps("fit_events", at):
        for name in FIT_FIELDS[event]:
            value = stint.fields.get(name)
            if value is not None:
                which = {"fit_id": fit_id(stint.rep_id, name, value)}
                yield row | which | {"record_id": f"{at.entry_id}#{event}"}


def _steps(fold: str, at: Version) -> Iterator[tuple[str, Stint, Row]]:
    found, at.notes[fold] = steps(at.notes.get(fold), at.state, at.record_id, at.number, at.recorded_at)
    for event, stint in found:
        closed_at = at.moment("closed_at") if event in CLOSINGS else None
        yield (
            event,
            stint,
            {
                "record_id": f"{at.entry_id}#{event}",
                "occurred_at": closed_at or at.recorded_at,
                "recorded_at": at.recorded_at,
                "lead_id": at.record_id,
                "event": event,
            },
        )


def leave_events(at: Version) -> Iterator[Row]:
    """Yield ``booked`` for an approved leave, and ``cancelled`` when it is moved, withdrawn or refused."""
    state = at.state
    start, end, rep_id = at.moment("start_at"), at.moment("end_at"), state.get("rep_id")
    wanted = (rep_id, start, end) if state.get("status") == "approved" and rep_id else None
    booked = at.notes.get("leave_events")
    if wanted == (booked and booked[1]):
        return
    common: Row = {"leave_id": at.record_id, "occurred_at": at.recorded_at, "recorded_at": at.recorded_at}
    if booked is not None:
        booking, (was, began, ended) = booked
        yield common | {
            "record_id": f"{at.entry_id}#cancelled",
            "rep_id": was,
            "booking_id": booking,
            "event": "cancelled",
            "start_at": began,
            "end_at": ended,
        }
    at.notes["leave_events"] = None if wanted is None else (at.entry_id, wanted)
    if wanted is not None:
        yield common | {
            "record_id": f"{at.entry_id}#booked",
            "rep_id": rep_id,
            "booking_id": at.entry_id,
            "event": "booked",
            "start_at": start,
            "end_at": end,
        }
