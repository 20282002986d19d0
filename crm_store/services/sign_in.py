"""Signing in: the password, the second factor, and the session that follows, with lock-out at either step."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from crm_store.models import User, WebSession
from crm_store.repositories import access
from crm_store.services import second_factor
from crm_store.services.accounts import plain_name
from crm_store.services.passwords import DEFAULT, Passwords
from crm_store.services.tokens import digest, new_token
from crm_store.services.vault import Vault

LOCK_AFTER = 5
LOCK_FOR = timedelta(minutes=15)
# One working day, so that nobody signs in twice on the same day or stays signed in over night.
SESSION_FOR = timedelta(hours=12)
# Long enough to take out a telephone.
CODE_WITHIN = timedelta(minutes=5)


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


CODE_REFUSED = SignInRefused(
    "code_refused",
    "验证码不正确、已用过或已超时；连续输错 5 次后锁定 15 分钟",
    "the code is wrong, used or too late; after 5 failures the account is locked for 15 minutes",
)


@dataclass(frozen=True)
class SecondFactorNeeded:
    """The password was right; ``token`` is of a session that only ``confirm_code`` can open."""

    token: str


def sign_in(
    session: Session, name: str, password: str, now: datetime, passwords: Passwords = DEFAULT
) -> str | SecondFactorNeeded | SignInRefused:
    """Return the token of a new session, that a second factor is needed, or why there is none.

    A refusal is returned, not raised, so that the caller's transaction keeps the count of failures. Call it
    inside a transaction that may write: attempts on one account then queue, and none escapes the count.
    """
    user = None if "\x00" in name else access.user_named(session, plain_name(name))
    open_user = user if user is not None and _may_try(user, now) else None
    hash_ = open_user.password_hash if open_user else None
    if not passwords.matches(hash_, password):
        if open_user is not None and hash_ is not None:
            _count_failure(session, open_user, now)
        return SignInRefused()
    if open_user is None or hash_ is None:  # matches() is never true without a hash
        return SignInRefused()
    if passwords.outdated(hash_):
        open_user.password_hash = passwords.hash(password)
    return after_first_factor(session, open_user, now)


def after_first_factor(session: Session, user: User, now: datetime) -> str | SecondFactorNeeded:
    """Open a session for somebody who has shown one thing, or one that waits for the second."""
    if user.totp_secret is not None:
        # Failures stay counted: a known password must not buy endless guesses at the code.
        return SecondFactorNeeded(_open_session(session, user, now, CODE_WITHIN, pending=True))
    return _enter(session, user, now)


def waits_for_code(session: Session, token: str, now: datetime) -> bool:
    """Tell whether the token's session waits for its second factor."""
    return access.pending_session(session, digest(token), now) is not None


def confirm_code(session: Session, token: str, code: str, now: datetime, vault: Vault) -> str | SignInRefused:
    """Return the token of a new session when the code is the second factor of the pending one.

    Call it as ``sign_in``. The pending session ends when it has been used, and when the account is locked.
    """
    pending = access.pending_session(session, digest(token), now)
    user = None if pending is None else access.user_by_id(session, pending.user_id)
    if pending is None or user is None or not _may_try(user, now):
        return CODE_REFUSED
    if not second_factor.accepts(user, code, now, vault):
        _count_failure(session, user, now)
        if user.locked_until is not None and user.locked_until > now:
            access.revoke_session(session, pending.id, now)
        return CODE_REFUSED
    access.revoke_session(session, pending.id, now)
    return _enter(session, user, now)


def _enter(session: Session, user: User, now: datetime) -> str:
    user.failed_attempts, user.locked_until = 0, None
    return _open_session(session, user, now, SESSION_FOR, pending=False)


def is_open(user: User) -> bool:
    """Tell whether an account is open: neither disabled nor deleted, and a person's."""
    return user.disabled_at is None and user.deleted_at is None and user.role != "service"


def _may_try(user: User, now: datetime) -> bool:
    return is_open(user) and (user.locked_until is None or user.locked_until <= now)


def shows_password(
    session: Session, user_id: str, password: str, now: datetime, passwords: Passwords = DEFAULT
) -> bool:
    """Tell whether a signed-in person knows their password, before something grave; failures count.

    Who has none, and comes by single sign-on, need not.
    """
    user = access.user_by_id(session, user_id)
    if user is None or not _may_try(user, now):
        return False
    if user.password_hash is None or passwords.matches(user.password_hash, password):
        return True
    _count_failure(session, user, now)
    return False


def shows_both(
    session: Session,
    user_id: str,
    password: str,
    code: str,
    now: datetime,
    vault: Vault,
    passwords: Passwords = DEFAULT,
) -> bool:
    """Tell whether a signed-in person knows their password and has their second factor; failures count."""
    if not shows_password(session, user_id, password, now, passwords):
        return False
    user = access.user_by_id(session, user_id)
    if user is not None and second_factor.accepts(user, code, now, vault):
        return True
    if user is not None:
        _count_failure(session, user, now)
    return False


def sign_out(session: Session, token: str, now: datetime) -> None:
    """End the token's session; an unknown token is no error."""
    access.revoke_session(session, digest(token), now)


def revoke_sessions(session: Session, user_id: str, now: datetime) -> None:
    """Sign a person out everywhere."""
    access.revoke_sessions_of(session, user_id, now)


def _count_failure(session: Session, user: User, now: datetime) -> None:
    user.failed_attempts += 1
    if user.failed_attempts >= LOCK_AFTER:
        user.failed_attempts, user.locked_until = 0, now + LOCK_FOR
    session.flush()


def _open_session(session: Session, user: User, now: datetime, lasting: timedelta, *, pending: bool) -> str:
    token = new_token()
    opened = WebSession(
        id=digest(token), user_id=user.id, created_at=now, expires_at=now + lasting, pending=pending
    )
    session.add(opened)
    session.flush()
    return token
