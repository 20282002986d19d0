"""The ways in: browser sessions, single sign-on identities, keys for programs. Secrets are hashed."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import Base


class WebSession(Base):
    """A signed-in person. The id is the SHA-256 of the token they hold.

    ``pending`` is true between the password and the second factor: such a session opens nothing else.
    """

    __tablename__ = "web_session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    pending: Mapped[bool] = mapped_column(default=False)


class Identity(Base):
    """Who a person is to an outside identity provider (OIDC issuer and subject)."""

    __tablename__ = "identity"

    issuer: Mapped[str] = mapped_column(String(200), primary_key=True)
    subject: Mapped[str] = mapped_column(String(200), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A program's key. The id is the SHA-256 of the key, which is random and long.

    A key with a ``user_id`` acts as that person, within its scopes; without one, as a service account.
    """

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    prefix: Mapped[str] = mapped_column(String(12))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(String(80))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
