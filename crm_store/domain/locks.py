"""What may no longer change: moments that have passed, and what a signed deal was agreed on."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

SIGNED = "won"
"""The stage 已签约."""

# Money and the decision chain; leaving the stage would take the lock off them.
_LOCKED_WHEN_SIGNED = ("budget", "amount", "decision_maker_id", "decision_chain", "stage")
CORRECTORS = frozenset({"manager", "admin"})
"""Roles that may correct what is locked, with a reason."""

_STATUS_FIELDS = frozenset({"status", "stage", "state"})
# Expectations, not history: they slip, and the change log keeps every slip.
_EXPECTED = frozenset({"expected_close_at", "promised_at", "due_at"})
# When a status was reached: moves on, or is emptied, with the status itself.
_REACHED = frozenset({"closed_at", "resolved_at", "completed_at", "decided_at", "shipped_at", "accepted_at"})
# What a record says has happened.
_HAPPENED = _REACHED | {"created_at", "submitted_at"}
CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours the clock of whoever writes may be."""
# Restoring a record or a person empties these.
_UNDONE = frozenset({"deleted_at", "disabled_at"})
# The latest of many: only ever moves on.
_LATEST = frozenset({"last_operated_at"})


def locked_fields(entity: str, before: Mapping[str, object], changed: Collection[str]) -> list[str]:
    """Return which changed fields are read-only because the deal is signed; empty when none is."""
    if entity != "opportunity" or before.get("stage") != SIGNED:
        return []
    return [name for name in _LOCKED_WHEN_SIGNED if name in changed]


def may_correct(role: str | None, reason: str | None) -> bool:
    """Tell whether this role, for this reason, may change what is locked."""
    return role in CORRECTORS and bool(reason and reason.strip())


def moved_moments(
    before: Mapping[str, object],
    changes: Mapping[str, datetime | None],
    changed: Collection[str],
    now: datetime,
) -> list[str]:
    """Return the moments of the past that a write would move or erase.

    ``changes`` holds the new moments, ``changed`` every field of the write. Filling an empty moment is no
    move, and neither is changing one that still lies ahead.
    """
    with_status = not _STATUS_FIELDS.isdisjoint(changed)
    return [
        name
        for name, new in changes.items()
        if isinstance(old := before.get(name), datetime)
        and old <= now
        and not _may_move(name, old, new, with_status)
    ]


def not_happened(values: Mapping[str, object], now: datetime) -> list[str]:
    """Return the fields that tell of something that has happened, at a moment that is yet to come."""
    latest = now + CLOCKS_DIFFER
    return [name for name in values if name in _HAPPENED and _is_after(values[name], latest)]


def _is_after(value: object, moment: datetime) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None and value > moment


def _may_move(name: str, old: datetime, new: datetime | None, with_status: bool) -> bool:
    if name in _UNDONE:
        return new is None
    if name in _LATEST:
        return new is not None and new > old
    if name in _REACHED:
        return with_status and (new is None or new > old)
    return name in _EXPECTED
