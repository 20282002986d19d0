"""Who may come in, and who they then are: every request of a person or a program starts here.

Secrets are random, shown once and stored as hashes. ``now`` is the caller's; nothing here commits. Accounts,
keys and sign-in are in modules of their own, gathered here under one name.
"""

from datetime import datetime
from typing import Literal

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from crm_store.domain.policy import EVERY_SCOPE, SCOPES, Viewer
from crm_store.repositories import access
from crm_store.services.accounts import (
    change_account,
    change_password,
    create_user,
    disable_user,
    enable_user,
    user_id_of,
)
from crm_store.services.api_keys import (
    KEY_MARK,
    KeyInfo,
    api_keys,
    create_api_key,
    key_id_of,
    revoke_api_key,
)
from crm_store.services.sign_in import (
    LOCK_AFTER,
    LOCK_FOR,
    SESSION_FOR,
    SecondFactorNeeded,
    SignInRefused,
    confirm_code,
    revoke_sessions,
    shows_both,
    shows_password,
    sign_in,
    sign_out,
    waits_for_code,
)
from crm_store.services.tokens import digest

__all__ = [
    "KEY_MARK",
    "LOCK_AFTER",
    "LOCK_FOR",
    "SCOPES",
    "SESSION_FOR",
    "KeyInfo",
    "SecondFactorNeeded",
    "SignInRefused",
    "Viewer",
    "api_keys",
    "change_account",
    "change_password",
    "confirm_code",
    "create_api_key",
    "create_user",
    "disable_user",
    "enable_user",
    "key_id_of",
    "revoke_api_key",
    "revoke_sessions",
    "shows_both",
    "shows_password",
    "sign_in",
    "sign_out",
    "user_id_of",
    "viewer_of_key",
    "viewer_of_session",
    "waits_for_code",
]


def viewer_of_session(session: Session, token: str, now: datetime) -> Viewer | None:
    """Return who holds the token, as they are now: a new role or a disabled account counts at once.

    A session that waits for its second factor is nobody's yet.
    """
    found = access.person_of_session(session, digest(token), now)
    if found is None or found["role"] == "service":  # a program has no browser
        return None
    return _person(found, EVERY_SCOPE, "user")


def viewer_of_key(session: Session, key: str, now: datetime) -> Viewer | None:
    """Return who holds an API key that is alive: a person, if it is bound to one, else a service account."""
    if not key.startswith(KEY_MARK):
        return None
    found = access.key_and_person(session, digest(key), now)
    if found is None:
        return None
    scopes = frozenset(found["scopes"])
    if found["bound_to"] is None:
        return Viewer(None, found["name"], "service", scopes=scopes, way="api")
    return None if found["user_id"] is None else _person(found, scopes, "api")


def _person(found: RowMapping, scopes: frozenset[str], way: Literal["user", "api"]) -> Viewer:
    return Viewer(
        user_id=found["user_id"],
        name=found["person"],
        role=found["role"],
        rep_id=found["rep_id"],
        team_id=found["team_id"],
        region=found["region"],
        scopes=scopes,
        way=way,
    )
