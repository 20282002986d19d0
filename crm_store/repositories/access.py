"""Queries over people, their sessions and programs' keys. What they mean, ``services.access`` decides."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm_store.models import ApiKey, User, WebSession


def user_named(session: Session, name: str) -> User | None:
    """Return the person with this sign-in name, as last committed, and keep others from changing the row."""
    query = select(User).where(User.name == name).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def user_by_id(session: Session, user_id: str) -> User | None:
    """Return the person with this id."""
    return session.get(User, user_id)


def users(session: Session) -> list[User]:
    """Return everyone, by name, the disabled too."""
    return list(session.scalars(select(User).order_by(User.name)))


def user_of_session(session: Session, session_id: str, now: datetime) -> User | None:
    """Return who is signed in with this session: neither may it be over nor its user disabled."""
    query = (
        select(User)
        .join(WebSession, WebSession.user_id == User.id)
        .where(
            WebSession.id == session_id,
            WebSession.revoked_at.is_(None),
            WebSession.expires_at > now,
            User.disabled_at.is_(None),
        )
    )
    return session.scalars(query).one_or_none()


def revoke_session(session: Session, session_id: str, now: datetime) -> None:
    """End one session; one that has ended keeps its moment."""
    session.execute(
        update(WebSession)
        .where(WebSession.id == session_id, WebSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def revoke_sessions_of(session: Session, user_id: str, now: datetime) -> None:
    """End every session of a person."""
    session.execute(
        update(WebSession)
        .where(WebSession.user_id == user_id, WebSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def live_key(session: Session, key_id: str, now: datetime) -> ApiKey | None:
    """Return the key while it is neither expired nor revoked."""
    query = select(ApiKey).where(
        ApiKey.id == key_id,
        ApiKey.revoked_at.is_(None),
        ApiKey.expires_at.is_(None) | (ApiKey.expires_at > now),
    )
    return session.scalars(query).one_or_none()


def key_by_id(session: Session, key_id: str) -> ApiKey | None:
    """Return the key, dead or alive."""
    return session.get(ApiKey, key_id)


def keys(session: Session) -> list[ApiKey]:
    """Return every key, newest first, the dead too."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)))
