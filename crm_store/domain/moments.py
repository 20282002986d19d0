"""Moments as other systems write them: RFC 3339, always with a time zone."""

import re
from datetime import UTC, datetime

# What ISO 8601 allows beyond this (weeks, no separators, no zone) is more often a slip than meant.
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:(\.\d{1,6})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def read(text: str) -> datetime | None:
    """Return the UTC moment of a text such as ``2026-03-01T08:00:00+08:00``, to the microsecond, or None."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, time, fraction, zone = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{time}{fraction or ''}{zone.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
