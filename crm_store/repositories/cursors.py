"""Opaque positions in a ranked list. A cursor is only good for the list (model, filters) it was given for."""

import base64
import hashlib
import json
import math

from crm_store.repositories.problems import Problem, StoreError

_DIGEST_BYTES = 6
_MAX_LENGTH = 400


class BadCursor(StoreError):
    """The cursor was not given by this list: cut short, made up, or of other filters. Start from the top."""

    def __init__(self) -> None:
        super().__init__(
            Problem(
                "bad_cursor",
                "cursor",
                "分页游标无效或不属于当前筛选条件，请从第一页重新开始",
                "the cursor is not valid for this list and its filters: start from the first page",
            )
        )


def encode(rank_value: float, entity_id: str, filters: tuple[str | None, ...]) -> str:
    """Return the cursor that stands behind the item (rank_value, entity_id)."""
    payload = json.dumps([rank_value, entity_id], separators=(",", ":"), allow_nan=False).encode()
    return base64.urlsafe_b64encode(_digest(payload, filters) + payload).decode().rstrip("=")


def decode(cursor: str, filters: tuple[str | None, ...]) -> tuple[float, str]:
    """Return the (rank_value, entity_id) to go on after. Raises BadCursor."""
    if len(cursor) > _MAX_LENGTH:
        raise BadCursor
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        rank_value, entity_id = json.loads(payload)
    except (ValueError, TypeError, RecursionError):
        raise BadCursor from None
    if digest != _digest(payload, filters) or not _is_position(rank_value, entity_id):
        raise BadCursor
    return float(rank_value), entity_id


def _is_position(rank_value: object, entity_id: object) -> bool:
    return (
        isinstance(rank_value, int | float)
        and not isinstance(rank_value, bool)
        and math.isfinite(rank_value)
        and isinstance(entity_id, str)
        and "\x00" not in entity_id
    )


def _digest(payload: bytes, filters: tuple[str | None, ...]) -> bytes:
    # Not a secret: it tells a slip (another list's cursor, a lost character) from a position.
    listed = json.dumps(filters).encode()
    return hashlib.blake2b(payload, key=hashlib.sha256(listed).digest(), digest_size=_DIGEST_BYTES).digest()
