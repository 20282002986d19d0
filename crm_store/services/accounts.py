"""Accounts of people: made, changed and ended by an administrator. There is none until one is made."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.ids import new_id
from crm_store.models import User
from crm_store.models.choices import ROLES
from crm_store.repositories import access, problems
from crm_store.repositories.problems import Problem, StoreError
from crm_store.repositories.writes.records import get_record, write_record
from crm_store.services.passwords import DEFAULT, MAX_LENGTH, MIN_LENGTH, Passwords

# The change log names a writer as ``way:name`` in 80 characters.
NAME_LENGTH = 70


def create_user(
    session: Session,
    name: str,
    password: str | None,
    role: str,
    now: datetime,
    rep_id: str | None = None,
    passwords: Passwords = DEFAULT,
    actor: str = "user:setup",
    *,
    email: str | None = None,
    region: str | None = None,
) -> str:
    """Create a person who may sign in and return the id; without a password, by single sign-on only.

    Raises StoreError: ``required``, ``too_long``, ``bad_character`` or ``name_taken`` (name),
    ``not_allowed`` (role), ``password_too_short`` or ``too_long`` (password), ``email_taken``,
    ``unknown_reference`` (rep_id).
    """
    name = checked_name(name)
    if password is not None:
        _check_password(password)
    if role not in ROLES:
        raise StoreError(problems.not_allowed("role", ROLES))
    if access.user_named(session, name) is not None:
        raise StoreError(_name_taken(name))
    _check_email(session, email, None)
    _check_rep(session, rep_id)
    user_id = new_id("user")
    values = {"source": "leadpulse", "external_id": user_id, "name": name, "role": role, "rep_id": rep_id}
    values |= {"email": email, "region": region}
    write_record(session, "user", user_id, values, actor=actor, recorded_at=now, now=now)
    if password is not None:
        session.get_one(User, user_id).password_hash = passwords.hash(password)
    session.flush()
    return user_id


def change_account(
    session: Session, user_id: str, changes: Mapping[str, Any], now: datetime, actor: str = "user:setup"
) -> None:
    """Change role, e-mail, salesperson or region, and sign the person out: they return as who they now are.

    Raises StoreError: ``unknown_user``, ``not_allowed`` (role), ``email_taken``, ``unknown_reference``.
    """
    known(session, user_id)
    if "email" in changes:
        _check_email(session, changes["email"], user_id)
    _check_rep(session, changes.get("rep_id"))
    write_record(session, "user", user_id, changes, actor=actor, recorded_at=now, now=now)
    access.revoke_sessions_of(session, user_id, now)


def disable_user(session: Session, user_id: str, now: datetime, actor: str = "user:setup") -> None:
    """End an account, its sessions and what its keys open. Raises StoreError ``unknown_user``."""
    if known(session, user_id).disabled_at is None:
        change = {"disabled_at": now}
        write_record(session, "user", user_id, change, actor=actor, recorded_at=now, now=now)
    access.revoke_sessions_of(session, user_id, now)


def enable_user(session: Session, user_id: str, now: datetime, actor: str = "user:setup") -> None:
    """Open an account again, and unlock it. Raises StoreError ``unknown_user``."""
    user = known(session, user_id)
    write_record(session, "user", user_id, {"disabled_at": None}, actor=actor, recorded_at=now, now=now)
    user.failed_attempts, user.locked_until = 0, None
    session.flush()


def change_password(
    session: Session, user_id: str, password: str, now: datetime, passwords: Passwords = DEFAULT
) -> None:
    """Set a password, unlock the account and sign the person out everywhere.

    Raises StoreError: ``unknown_user``, ``password_too_short``, ``too_long``.
    """
    user = known(session, user_id)
    _check_password(password)
    user.password_hash = passwords.hash(password)
    user.failed_attempts, user.locked_until = 0, None
    session.flush()
    access.revoke_sessions_of(session, user_id, now)


def user_id_of(session: Session, name: str) -> str:
    """Return the id behind a sign-in name. Raises StoreError ``unknown_user``."""
    user = access.user_named(session, plain_name(name))
    if user is None:
        raise StoreError(_unknown_user())
    return user.id


def known(session: Session, user_id: str) -> User:
    """Return the person with this id, their row locked. Raises StoreError ``unknown_user``."""
    user = access.user_by_id(session, user_id)
    if user is None:
        raise StoreError(_unknown_user())
    return user


def plain_name(name: str) -> str:
    """Return the one spelling of a name: full-width letters and stray spaces are typing, not another name."""
    return unicodedata.normalize("NFKC", name).strip()


def checked_name(name: str) -> str:
    """Return the plain name. Raises StoreError: ``required``, ``too_long``, ``bad_character``."""
    plain = plain_name(name)
    if not plain:
        raise StoreError(problems.required("name"))
    if len(plain) > NAME_LENGTH:
        raise StoreError(problems.too_long("name", NAME_LENGTH))
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


def _check_email(session: Session, email: str | None, user_id: str | None) -> None:
    """Refuse an address that another account has: single sign-on finds a person by it."""
    if email and any(user.id != user_id for user in access.users_with_email(session, email)):
        raise StoreError(
            Problem(
                "email_taken", "email", "该邮箱已用于另一个账号", "another account has this e-mail address"
            )
        )


def _check_rep(session: Session, rep_id: str | None) -> None:
    if rep_id is not None and get_record(session, "rep", rep_id) is None:
        raise StoreError(problems.unknown_reference("rep_id", "rep"))


def _name_taken(name: str) -> Problem:
    return Problem("name_taken", "name", f"用户名 {name} 已被使用", f"the name {name} is taken")


def _unknown_user() -> Problem:
    return Problem("unknown_user", "id", "用户不存在", "no such user")
