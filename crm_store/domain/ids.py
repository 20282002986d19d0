"""Stable ids: the same outside record always gets the same id, so that a retry or a rerun adds nothing."""

import hashlib
import uuid

_PREFIX_LENGTH = 3
_DIGEST_BYTES = 12


def stable_id(kind: str, source: str, external_id: str) -> str:
    """Return the id of an outside record, e.g. ``lea_9f3c…``: 3 letters of the kind and 24 hex digits.

    Two imports of the same record, in whatever order, agree on it without a look-up.
    """
    digest = hashlib.blake2b(
        f"{kind}\x1f{source}\x1f{external_id}".encode(), digest_size=_DIGEST_BYTES
    ).hexdigest()
    return f"{kind[:_PREFIX_LENGTH]}_{digest}"


def new_id(kind: str) -> str:
    """Return a random id for a record that is born here."""
    return f"{kind[:_PREFIX_LENGTH]}_{uuid.uuid4().hex[: 2 * _DIGEST_BYTES]}"
