"""Who may come in: sign-in with lock-out, browser sessions that end when they should, keys for programs.

Secrets are random, shown once and stored as hashes. ``now`` is the caller's; nothing here commits.
"""

import hashlib
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from crm_store.domain.ids import new_id
from crm_store.models import ApiKey, User, WebSession
from crm_store.models.access import ROLES
from crm_store.repositories import access, problems
from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.passwords import MAX_LENGTH, MIN_LENGTH, Passwords

LOCK_AFTER = 5
LOCK_FOR = timedelta(minutes=15)
# One working day, so that nobody signs in twice on the same day or stays signed in over night.
SESSION_FOR = timedelta(hours=12)

SCOPES = ("score", "read", "admin")
KEY_MARK = "lp_"
_SECRET_BYTES = 32
_SHOWN_OF_KEY = 10
_NAME_LENGTH = 80


@dataclass(frozen=True)
class SignedInUser:
    """Who is signed in, as far as pages need to know."""

    id: str
    name: str
    role: str
    rep_id: str | None


@dataclass(frozen=True)
class SignInRefused:
    """A refusal, the same for an unknown name, a wrong password, a locked and a disabled account.

    Different answers would tell a stranger which names exist.
    """

    code: str = "sign_in_refused"
    zh: str = "用户名或密码不正确，或账号已停用；连续输错 5 次后锁定 15 分钟"
    en: str = (
        "wrong name or password, or the account is disabled; after 5 failures it is locked for 15 minutes"
    )


@dataclass(frozen=True)
class KeyHolder:
    """The program behind an API key, and what it may do. The scope ``admin`` includes the others."""

    id: str
    name: str
    scopes: tuple[str, ...]

    def allows(self, scope: str) -> bool:
        """Tell whether the key has the scope."""
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True)
class KeyInfo:
    """A key as an administrator sees it; the key itself is not kept."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


_PASSWORDS = Passwords()


def create_user(
    session: Session,
    name: str,
    password: str,
    role: str,
    now: datetime,
    rep_id: str | None = None,
    passwords: Passwords = _PASSWORDS,
) -> str:
    """Create a person who may sign in and return the id.

    Raises StoreError: ``required``, ``too_long``, ``bad_character`` or ``name_taken`` (name),
    ``not_allowed`` (role), ``password_too_short`` or ``too_long`` (password).
    """
    name = _checked_name(name)
    _check_password(password)
    if role not in ROLES:
        raise StoreError(problems.not_allowed("role", ROLES))
    if access.user_named(session, name) is not None:
        raise StoreError(_name_taken(name))
    user = User(
        id=new_id("user"),
        name=name,
        password_hash=passwords.hash(password),
        role=role,
        rep_id=rep_id,
        failed_attempts=0,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user.id


def sign_in(
    session: Session, name: str, password: str, now: datetime, passwords: Passwords = _PASSWORDS
) -> str | SignInRefused:
    """Return the token of a new session, or why not.

    A refusal is returned, not raised, so that the caller's transaction keeps the count of failures. Call it
    inside a transaction that may write: attempts on one account then queue, and none escapes the count.
    """
    user = None if "\x00" in name else access.user_named(session, _plain_name(name))
    open_user = user if user is not None and _is_open(user, now) else None
    if not passwords.matches(open_user.password_hash if open_user else None, password):
        if open_user is not None:
            _count_failure(open_user, now)
        return SignInRefused()
    if open_user is None:  # matches() is never true without a hash
        return SignInRefused()
    open_user.failed_attempts, open_user.locked_until = 0, None
    if passwords.outdated(open_user.password_hash):
        open_user.password_hash = passwords.hash(password)
    return _open_session(session, open_user, now)


def session_user(session: Session, token: str, now: datetime) -> SignedInUser | None:
    """Return who holds the token, as they are now: a new role or a disabled account counts at once."""
    user = access.user_of_session(session, _digest(token), now)
    return None if user is None else SignedInUser(user.id, user.name, user.role, user.rep_id)


def sign_out(session: Session, token: str, now: datetime) -> None:
    """End the token's session; an unknown token is no error."""
    access.revoke_session(session, _digest(token), now)


def revoke_sessions(session: Session, user_id: str, now: datetime) -> None:
    """Sign a person out everywhere."""
    access.revoke_sessions_of(session, user_id, now)


def disable_user(session: Session, user_id: str, now: datetime) -> None:
    """End an account and its sessions. Raises StoreError ``unknown_user``."""
    user = _known(session, user_id)
    user.disabled_at = user.disabled_at or now
    access.revoke_sessions_of(session, user_id, now)


def change_password(
    session: Session, user_id: str, password: str, now: datetime, passwords: Passwords = _PASSWORDS
) -> None:
    """Set a password, unlock the account and sign the person out everywhere.

    Raises StoreError: ``unknown_user``, ``password_too_short``, ``too_long``.
    """
    user = _known(session, user_id)
    _check_password(password)
    user.password_hash = passwords.hash(password)
    user.failed_attempts, user.locked_until = 0, None
    access.revoke_sessions_of(session, user_id, now)


def create_api_key(
    session: Session, name: str, scopes: Iterable[str], now: datetime, expires_at: datetime | None = None
) -> str:
    """Create a program's key and return it, ``lp_…``: this is the only time it can be read.

    Raises StoreError: ``required``, ``too_long``, ``bad_character`` (name), ``not_allowed`` (scopes),
    ``already_past`` (expires_at).
    """
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise StoreError(problems.not_allowed("scopes", SCOPES))
    if expires_at is not None and expires_at <= now:
        raise StoreError(_already_past())
    key = KEY_MARK + secrets.token_urlsafe(_SECRET_BYTES)
    session.add(
        ApiKey(
            id=_digest(key),
            name=_checked_name(name),
            prefix=key[:_SHOWN_OF_KEY],
            scopes=wanted,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return key


def check_api_key(session: Session, key: str, scope: str | None, now: datetime) -> KeyHolder | None:
    """Return the key's holder when it is alive and has the scope (None: any), else None."""
    if not key.startswith(KEY_MARK):
        return None
    found = access.live_key(session, _digest(key), now)
    if found is None:
        return None
    holder = KeyHolder(found.id, found.name, tuple(found.scopes))
    return holder if scope is None or holder.allows(scope) else None


def revoke_api_key(session: Session, key_id: str, now: datetime) -> None:
    """End a key by its id. Raises StoreError ``unknown_key``."""
    found = access.key_by_id(session, key_id)
    if found is None:
        raise StoreError(_unknown("key", "密钥", "API key"))
    found.revoked_at = found.revoked_at or now


def api_keys(session: Session) -> list[KeyInfo]:
    """Return every key, newest first, the dead too."""
    return [
        KeyInfo(
            key.id, key.name, key.prefix, tuple(key.scopes), key.created_at, key.expires_at, key.revoked_at
        )
        for key in access.keys(session)
    ]


def _is_open(user: User, now: datetime) -> bool:
    return user.disabled_at is None and (user.locked_until is None or user.locked_until <= now)


def _count_failure(user: User, now: datetime) -> None:
    user.failed_attempts += 1
    if user.failed_attempts >= LOCK_AFTER:
        user.failed_attempts, user.locked_until = 0, now + LOCK_FOR


def _open_session(session: Session, user: User, now: datetime) -> str:
    token = secrets.token_urlsafe(_SECRET_BYTES)
    session.add(WebSession(id=_digest(token), user_id=user.id, created_at=now, expires_at=now + SESSION_FOR))
    session.flush()
    return token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _plain_name(name: str) -> str:
    # One person, one spelling: full-width letters and stray spaces are typing, not another name.
    return unicodedata.normalize("NFKC", name).strip()


def _checked_name(name: str) -> str:
    plain = _plain_name(name)
    if not plain:
        raise StoreError(problems.required("name"))
    if len(plain) > _NAME_LENGTH:
        raise StoreError(problems.too_long("name", _NAME_LENGTH))
    if not plain.isprintable():
        raise StoreError(problems.bad_character("name"))
    return plain


def _check_password(password: str) -> None:
    if len(password) < MIN_LENGTH:
        raise StoreError(
            Problem(
                "password_too_short",
                "password",
                f"密码至少需要 {MIN_LENGTH} 个字符",
                f"a password needs at least {MIN_LENGTH} characters",
            )
        )
    if len(password) > MAX_LENGTH:
        raise StoreError(problems.too_long("password", MAX_LENGTH))


def _known(session: Session, user_id: str) -> User:
    user = access.user_by_id(session, user_id)
    if user is None:
        raise StoreError(_unknown("user", "用户", "user"))
    return user


def _name_taken(name: str) -> Problem:
    return Problem("name_taken", "name", f"用户名 {name} 已被使用", f"the name {name} is taken")


def _unknown(what: str, zh: str, en: str) -> Problem:
    return Problem(f"unknown_{what}", "id", f"{zh}不存在", f"no such {en}")


def _already_past() -> Problem:
    return Problem("already_past", "expires_at", "到期时间已过", "expires_at has already passed")
