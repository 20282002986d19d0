"""What ``leadpulse user`` and ``leadpulse key`` do; each returns its exit code."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.access_settings import AccessSettings
from pipelines.commands import migrated, told
from pipelines.runtime import Runtime

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@told
def add_user(
    home: Path | None,
    name: str,
    password: str | None,
    role: str,
    *,
    email: str | None = None,
    rep: str | None = None,
    region: str | None = None,
) -> int:
    """Add a person."""
    from crm_store.services.access import create_user

    with _store(home) as (session, now):
        create_user(session, name, password, role, now, rep, actor=_actor(), email=email, region=region)
    print(f"{name} ({role}) added 已添加")
    return 0


@told
def list_users(home: Path | None) -> int:
    """List everybody."""
    from crm_store.repositories.access import users

    with _store(home) as (session, now):
        for user in users(session):
            locked = user.locked_until is not None and user.locked_until > now
            marks = [
                *([f"rep {user.rep_id}"] if user.rep_id else []),
                *([user.region] if user.region else []),
                *([user.email] if user.email else []),
                *(["2FA"] if user.totp_secret else []),
                *(["locked 已锁定"] if locked else []),
                *(["disabled 已停用"] if user.disabled_at else []),
            ]
            print(f"{user.name:24} {user.role:11} {' · '.join(marks)}".rstrip())
    return 0


@told
def disable_user(home: Path | None, name: str) -> int:
    """End an account."""
    from crm_store.services.access import disable_user as disable
    from crm_store.services.access import user_id_of

    with _store(home) as (session, now):
        disable(session, user_id_of(session, name), now, _actor())
    print(f"{name} disabled 已停用")
    return 0


@told
def enable_user(home: Path | None, name: str) -> int:
    """Open an account again."""
    from crm_store.services.access import enable_user as enable
    from crm_store.services.access import user_id_of

    with _store(home) as (session, now):
        enable(session, user_id_of(session, name), now, _actor())
    print(f"{name} enabled 已启用")
    return 0


@told
def change_role(
    home: Path | None, name: str, role: str, *, rep: str | None = None, region: str | None = None
) -> int:
    """Give a person another role; an empty ``rep`` or ``region`` takes theirs away."""
    from crm_store.services.access import change_account, user_id_of

    given = {"rep_id": rep, "region": region}
    changes = {field: value or None for field, value in given.items() if value is not None}
    with _store(home) as (session, now):
        change_account(session, user_id_of(session, name), {"role": role} | changes, now, _actor())
    print(f"{name} ({role}) must sign in again 需重新登录")
    return 0


@told
def change_password(home: Path | None, name: str, password: str) -> int:
    """Set another password."""
    from crm_store.services.access import change_password as change
    from crm_store.services.access import user_id_of

    with _store(home) as (session, now):
        change(session, user_id_of(session, name), password, now)
    print(f"{name}: password changed, signed out everywhere 密码已修改，所有会话已结束")
    return 0


@told
def set_up_second_factor(home: Path | None, name: str, ask: Callable[[], str]) -> int:
    """Show a second factor, ask for a code of it, keep it, and print the recovery codes once."""
    import segno

    from crm_store.services import second_factor
    from crm_store.services.access import user_id_of

    vault = AccessSettings().vault(Runtime.at(home).settings.folder)
    with _store(home) as (session, now):
        user_id = user_id_of(session, name)
        offered = second_factor.offer(user_id, name, now, vault)
    segno.make(offered.uri, error="m").terminal(compact=True)
    print(f"Scan it, or type this key 扫码或输入密钥: {offered.secret}")
    code = ask()
    with _store(home) as (session, now):
        codes = second_factor.take_up(session, user_id, offered.sealed, code, now, vault)
    print("Recovery codes, shown only now; each works once 恢复码仅显示一次，每个只能用一次:")
    print("\n".join(codes))
    return 0


@told
def remove_second_factor(home: Path | None, name: str) -> int:
    """Take a second factor away."""
    from crm_store.services import second_factor
    from crm_store.services.access import revoke_sessions, user_id_of

    with _store(home) as (session, now):
        user_id = user_id_of(session, name)
        second_factor.remove(session, user_id)
        revoke_sessions(session, user_id, now)
    print(f"{name}: second factor removed, signed out everywhere 二次验证已移除，所有会话已结束")
    return 0


@told
def create_key(
    home: Path | None,
    name: str,
    scopes: list[str],
    *,
    user: str | None = None,
    expires: datetime | None = None,
) -> int:
    """Create an API key and print it, once."""
    from crm_store.services.access import create_api_key, user_id_of

    ends = expires.replace(tzinfo=UTC) if expires else None
    with _store(home) as (session, now):
        user_id = user_id_of(session, user) if user else None
        key = create_api_key(session, name, scopes, now, ends, user_id=user_id, created_by=_actor())
    print(key)
    return 0


@told
def list_keys(home: Path | None) -> int:
    """List the keys."""
    from crm_store.repositories.access import users
    from crm_store.services.access import api_keys

    with _store(home) as (session, now):
        names = {user.id: user.name for user in users(session)}
        for key in api_keys(session):
            ended = key.expires_at is not None and key.expires_at <= now
            marks = [
                *([f"as {names.get(key.user_id, key.user_id)}"] if key.user_id else []),
                *([f"until {key.expires_at:%Y-%m-%d %H:%M}"] if key.expires_at else []),
                *(["expired 已过期"] if ended else []),
                *(["revoked 已撤销"] if key.revoked_at else []),
            ]
            print(f"{key.prefix:11} {key.name:24} {','.join(key.scopes):24} {' · '.join(marks)}".rstrip())
    return 0


@told
def revoke_key(home: Path | None, key: str) -> int:
    """End a key."""
    from crm_store.services.access import key_id_of, revoke_api_key

    with _store(home) as (session, now):
        revoke_api_key(session, key_id_of(session, key), now)
    print("revoked 已撤销")
    return 0


@contextmanager
def _store(home: Path | None) -> Iterator[tuple[Session, datetime]]:
    """Give a transaction of the data folder's store, brought to the newest schema, and the time."""
    from crm_store.database import transaction

    with transaction(migrated(home).sessions) as session:
        yield session, datetime.now(UTC)


def _actor() -> str:
    """Return whom the change log names: who has the command line has the data folder."""
    return f"user:{getuser()}@cli"
