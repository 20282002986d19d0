"""The change log, the score log with its latest scores, and import jobs."""

import sqlalchemy as sa
from alembic import op

from crm_store.models.base import UtcMoment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("change_log", "score_log", "current_score", "import_job")


def upgrade() -> None:
    op.create_table(
        "change_log",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("entity_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("recorded_at", UtcMoment(), nullable=False),
        sa.Column("written_at", UtcMoment(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_log")),
        sa.UniqueConstraint(
            "entity", "entity_id", "version", name=op.f("uq_change_log_entity_entity_id_version")
        ),
    )
    op.create_index(op.f("ix_change_log_entity_recorded_at"), "change_log", ["entity", "recorded_at"])

    op.create_table(
        "score_log",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("band", sa.String(length=10), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=True),
        sa.Column("as_of", UtcMoment(), nullable=False),
        sa.Column("scored_at", UtcMoment(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_log")),
        sa.UniqueConstraint(
            "model", "entity_id", "scored_at", name=op.f("uq_score_log_model_entity_id_scored_at")
        ),
    )

    op.create_table(
        "current_score",
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(length=40), nullable=False),
        sa.Column("score_id", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("band", sa.String(length=10), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("scored_at", UtcMoment(), nullable=False),
        sa.Column("rank_value", sa.Double(), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("region", sa.String(length=40), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=True),
        sa.Column("money", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("model", "entity_id", name=op.f("pk_current_score")),
    )
    op.create_index(
        op.f("ix_current_score_band"), "current_score", ["model", "band", "rank_value", "entity_id", "title"]
    )
    op.create_index(
        op.f("ix_current_score_owner"), "current_score", ["model", "owner_id", "rank_value", "entity_id"]
    )
    op.create_index(
        op.f("ix_current_score_rank"), "current_score", ["model", "rank_value", "entity_id", "title"]
    )
    op.create_index(
        op.f("ix_current_score_region"), "current_score", ["model", "region", "rank_value", "entity_id"]
    )

    op.create_table(
        "import_job",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("preset", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("started_at", UtcMoment(), nullable=False),
        sa.Column("finished_at", UtcMoment(), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_added", sa.Integer(), nullable=False),
        sa.Column("rows_rejected", sa.Integer(), nullable=False),
        sa.Column("rejects_file", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
