"""Our own people: teams, salespeople, the ground they cover, when they are away, and who signs in."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from crm_store.models.base import SECRET, Base, RecordMixin, by_update, one_of, outside_id
from crm_store.models.choices import LEAVE_KINDS, LEAVE_STATUSES, ROLES


class Team(RecordMixin, Base):
    """A sales team and its region."""

    __tablename__ = "team"
    __table_args__ = (outside_id(), by_update())

    name: Mapped[str] = mapped_column(String(120))
    region: Mapped[str | None] = mapped_column(String(40))


class Rep(RecordMixin, Base):
    """A salesperson. ``owner_id`` is whom they report to."""

    __tablename__ = "rep"
    __table_args__ = (outside_id(), by_update())

    name: Mapped[str] = mapped_column(String(120))
    # A team is led by a rep, and a rep is in a team: this side of the circle is added after both tables.
    team_id: Mapped[str | None] = mapped_column(
        ForeignKey("team.id", name="fk_rep_team_id", use_alter=True), index=True
    )
    region: Mapped[str | None] = mapped_column(String(40))
    hired_at: Mapped[datetime | None]


class Territory(RecordMixin, Base):
    """A piece of the market that a team covers. ``adcode`` is the prefix of its districts (GB/T 2260)."""

    __tablename__ = "territory"
    __table_args__ = (outside_id(), by_update())

    name: Mapped[str] = mapped_column(String(120))
    region: Mapped[str | None] = mapped_column(String(40))
    adcode: Mapped[str | None] = mapped_column(String(6), index=True)
    team_id: Mapped[str | None] = mapped_column(ForeignKey("team.id"), index=True)


class Leave(RecordMixin, Base):
    """A time in which a rep is away, [start_at, end_at)."""

    __tablename__ = "leave"
    __table_args__ = (
        outside_id(),
        by_update(),
        one_of("kind", LEAVE_KINDS),
        one_of("status", LEAVE_STATUSES),
        CheckConstraint("end_at > start_at", name="term"),
    )

    rep_id: Mapped[str] = mapped_column(ForeignKey("rep.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20), default="annual")
    status: Mapped[str] = mapped_column(String(20), default="approved")
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]


class User(RecordMixin, Base):
    """A person who signs in. ``password_hash`` is argon2id; without one, single sign-on only.

    ``rep_id`` is the salesperson they are; ``region`` narrows what a manager sees, None means everywhere.
    """

    __tablename__ = "user_account"
    __table_args__ = (outside_id(), by_update(), one_of("role", ROLES))

    name: Mapped[str] = mapped_column(String(80), unique=True)
    email: Mapped[str | None] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    rep_id: Mapped[str | None] = mapped_column(ForeignKey("rep.id"))
    region: Mapped[str | None] = mapped_column(String(40))
    disabled_at: Mapped[datetime | None]
    password_hash: Mapped[str | None] = mapped_column(String(200), info=SECRET)
    failed_attempts: Mapped[int] = mapped_column(default=0, info=SECRET)
    locked_until: Mapped[datetime | None] = mapped_column(info=SECRET)
    # The second factor: its secret, encrypted, and the last time step used, so that none works twice.
    totp_secret: Mapped[str | None] = mapped_column(String(400), info=SECRET)
    totp_used_step: Mapped[int | None] = mapped_column(info=SECRET)
