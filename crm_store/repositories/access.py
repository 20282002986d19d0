"""Queries over people, their sessions and programs' keys. What they mean, ``services.access`` decides."""

from datetime import datetime

from sqlalchemy import RowMapping, String, bindparam, func, select, update
from sqlalchemy.orm import Session

from crm_store.models import ApiKey, Identity, Rep, User, WebSession
from crm_store.models.base import UtcMoment

_ID = bindparam("id", type_=String())
_NOW = bindparam("now", type_=UtcMoment())
_OPEN = (User.disabled_at.is_(None), User.deleted_at.is_(None))
_PERSON = (
    User.id.label("user_id"),
    User.name.label("person"),
    User.role,
    User.rep_id,
    Rep.team_id,
    User.region,
)
# Built once: both are run for every request, and composing a statement costs more than running it.
_BY_SESSION = (
    select(*_PERSON)
    .select_from(WebSession)
    .join(User, User.id == WebSession.user_id)
    .outerjoin(Rep, Rep.id == User.rep_id)
    .where(
        WebSession.id == _ID,
        WebSession.pending.is_(False),
        WebSession.revoked_at.is_(None),
        WebSession.expires_at > _NOW,
        *_OPEN,
    )
)
_BY_KEY = (
    select(ApiKey.name, ApiKey.scopes, ApiKey.user_id.label("bound_to"), *_PERSON)
    .select_from(ApiKey)
    .outerjoin(User, (User.id == ApiKey.user_id) & _OPEN[0] & _OPEN[1])
    .outerjoin(Rep, Rep.id == User.rep_id)
    .where(
        ApiKey.id == _ID,
        ApiKey.revoked_at.is_(None),
        ApiKey.expires_at.is_(None) | (ApiKey.expires_at > _NOW),
    )
)


def person_of_session(session: Session, session_id: str, now: datetime) -> RowMapping | None:
    """Return who is signed in with a session that is neither over, revoked nor pending: id, name, role, …"""
    return session.execute(_BY_SESSION, {"id": session_id, "now": now}).mappings().one_or_none()


def key_and_person(session: Session, key_id: str, now: datetime) -> RowMapping | None:
    """Return a key that is neither expired nor revoked, and whom it is bound to while they may enter."""
    return session.execute(_BY_KEY, {"id": key_id, "now": now}).mappings().one_or_none()


def user_named(session: Session, name: str) -> User | None:
    """Return the person with this sign-in name, as last committed, and keep others from changing the row."""
    query = select(User).where(User.name == name).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def user_by_id(session: Session, user_id: str) -> User | None:
    """Return the person with this id, as last committed, and keep others from changing the row."""
    query = select(User).where(User.id == user_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def users_with_email(session: Session, email: str) -> list[User]:
    """Return the people with this e-mail address, in any case, and keep others from changing the rows."""
    query = select(User).where(func.lower(User.email) == email.lower(), User.deleted_at.is_(None))
    return list(session.scalars(query.with_for_update()))


def users(session: Session) -> list[User]:
    """Return everyone, by name, the disabled too."""
    return list(session.scalars(select(User).order_by(User.name)))


def pending_session(session: Session, session_id: str, now: datetime) -> WebSession | None:
    """Return a session between the password and the second factor, while it lasts."""
    query = select(WebSession).where(
        WebSession.id == session_id,
        WebSession.pending.is_(True),
        WebSession.revoked_at.is_(None),
        WebSession.expires_at > now,
    )
    return session.scalars(query.with_for_update()).one_or_none()


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


def identity_user(session: Session, issuer: str, subject: str) -> User | None:
    """Return the person linked to a subject of an identity provider."""
    query = select(User).join(Identity, Identity.user_id == User.id)
    return session.scalars(query.where(Identity.issuer == issuer, Identity.subject == subject)).one_or_none()


def is_linked(session: Session, issuer: str, user_id: str) -> bool:
    """Tell whether a person is linked to any subject of an identity provider."""
    query = select(Identity.subject).where(Identity.issuer == issuer, Identity.user_id == user_id)
    return session.scalars(query).first() is not None


def key_by_id(session: Session, key_id: str) -> ApiKey | None:
    """Return the key, dead or alive."""
    return session.get(ApiKey, key_id)


def keys_with_prefix(session: Session, prefix: str) -> list[ApiKey]:
    """Return the keys that begin with this, dead or alive."""
    return list(session.scalars(select(ApiKey).where(ApiKey.prefix == prefix)))


def keys(session: Session) -> list[ApiKey]:
    """Return every key, newest first, the dead too."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)))
