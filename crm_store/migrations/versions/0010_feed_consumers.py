"""How far each consumer of the feed has read, who reads for it, and a way from an entry to its correction."""

import sqlalchemy as sa
from alembic import op

from crm_store.models.base import UtcMoment

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_consumer",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("holder", sa.String(length=80), nullable=True),
        sa.Column("held_until", UtcMoment(), nullable=True),
        sa.Column("reached_at", UtcMoment(), nullable=True),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed_consumer")),
    )
    given = sa.text("corrects_id IS NOT NULL")
    op.create_index(
        "ix_activity_corrects_id", "activity", ["corrects_id"], sqlite_where=given, postgresql_where=given
    )


def downgrade() -> None:
    op.drop_index("ix_activity_corrects_id", "activity")
    op.drop_table("feed_consumer")
