"""What a person may not read in full unless allowed to: phone numbers."""

from collections.abc import Mapping
from typing import Any

PHONE_FIELDS = frozenset({"phone"})

_SHOWN_FIRST = 3
_SHOWN_LAST = 4


def mask_phone(phone: str | None) -> str | None:
    """Return a phone with its middle starred out, ``138****1234``; all stars when that hides too little."""
    if not phone:
        return phone
    hidden = len(phone) - _SHOWN_FIRST - _SHOWN_LAST
    if hidden < _SHOWN_LAST:
        return "*" * len(phone)
    return f"{phone[:_SHOWN_FIRST]}{'*' * hidden}{phone[-_SHOWN_LAST:]}"


def mask_changes(changes: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return field → [old, new] with the phones among them masked."""
    return {
        name: [mask_phone(value) for value in pair] if name in PHONE_FIELDS else list(pair)
        for name, pair in changes.items()
    }
