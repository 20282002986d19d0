"""Keys of programs: what they may do, until when, and whose they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from crm_store.domain.policy import SCOPES
from crm_store.models import ApiKey
from crm_store.repositories import access, problems
from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.accounts import checked_name, known
from crm_store.services.tokens import digest, new_token

KEY_MARK = "lp_"
_SHOWN_OF_KEY = 10


@dataclass(frozen=True)
class KeyInfo:
    """A key as an administrator sees it; the key itself is not kept. ``user_id``: whom it acts as."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    user_id: str | None = None
    created_by: str | None = None


def create_api_key(
    session: Session,
    name: str,
    scopes: Iterable[str],
    now: datetime,
    expires_at: datetime | None = None,
    *,
    user_id: str | None = None,
    created_by: str | None = None,
) -> str:
    """Create a program's key and return it, ``lp_…``: this is the only time it can be read.

    A key bound to a person acts as that person, within its scopes. Raises StoreError: ``required``,
    ``too_long``, ``bad_character`` (name), ``not_allowed`` (scopes), ``already_past`` (expires_at),
    ``unknown_user``.
    """
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise StoreError(problems.not_allowed("scopes", SCOPES))
    if expires_at is not None and expires_at <= now:
        raise StoreError(_already_past())
    if user_id is not None:
        known(session, user_id)
    key = KEY_MARK + new_token()
    session.add(
        ApiKey(
            id=digest(key),
            name=checked_name(name),
            prefix=key[:_SHOWN_OF_KEY],
            scopes=wanted,
            created_at=now,
            expires_at=expires_at,
            user_id=user_id,
            created_by=created_by,
        )
    )
    session.flush()
    return key


def revoke_api_key(session: Session, key_id: str, now: datetime) -> None:
    """End a key by its id. Raises StoreError ``unknown_key``."""
    found = access.key_by_id(session, key_id)
    if found is None:
        raise StoreError(_unknown_key())
    found.revoked_at = found.revoked_at or now
    session.flush()


def key_id_of(session: Session, shown: str) -> str:
    """Return the id of a key given by its id, its prefix, or whole.

    Raises StoreError ``unknown_key``, also for a prefix that several keys have.
    """
    whole = digest(shown) if shown.startswith(KEY_MARK) else shown
    if access.key_by_id(session, whole) is not None:
        return whole
    found = access.keys_with_prefix(session, shown)
    if len(found) != 1:
        raise StoreError(_unknown_key())
    return found[0].id


def api_keys(session: Session) -> list[KeyInfo]:
    """Return every key, newest first, the dead too."""
    return [
        KeyInfo(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            scopes=tuple(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            user_id=key.user_id,
            created_by=key.created_by,
        )
        for key in access.keys(session)
    ]


def _unknown_key() -> Problem:
    return Problem("unknown_key", "id", "密钥不存在", "no such API key")


def _already_past() -> Problem:
    return Problem("already_past", "expires_at", "到期时间已过", "expires_at has already passed")
