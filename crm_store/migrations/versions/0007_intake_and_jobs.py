"""Intake, duplicates, definitions, and the bookkeeping of work that is repeated."""

import sqlalchemy as sa
from alembic import op

from crm_store.models.base import UtcMoment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = (
    "connector_state",
    "dedupe_key",
    "definition",
    "duplicate_pair",
    "idempotency_key",
    "merge_log",
    "registry_answer",
    "registry_quota",
    "webhook_endpoint",
    "identity",
    "submission",
    "webhook_receipt",
)


def upgrade() -> None:
    op.create_table(
        "connector_state",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("watermark", sa.String(length=80), nullable=True),
        sa.Column("last_run_at", UtcMoment(), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connector_state")),
    )
    op.create_table(
        "dedupe_key",
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("record_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("entity", "kind", "key", "record_id", name=op.f("pk_dedupe_key")),
    )
    with op.batch_alter_table("dedupe_key") as batch_op:
        batch_op.create_index("ix_dedupe_key_entity_record_id", ["entity", "record_id"])
    op.create_table(
        "definition",
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("kind", "name", "version", name=op.f("pk_definition")),
    )
    op.create_table(
        "duplicate_pair",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("left_id", sa.String(length=40), nullable=False),
        sa.Column("right_id", sa.String(length=40), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("found_at", UtcMoment(), nullable=False),
        sa.Column("decided_at", UtcMoment(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'merged', 'dismissed')", name=op.f("ck_duplicate_pair_status")
        ),
        sa.CheckConstraint("left_id < right_id", name=op.f("ck_duplicate_pair_ordered")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_pair")),
        sa.UniqueConstraint(
            "entity", "left_id", "right_id", name=op.f("uq_duplicate_pair_entity_left_id_right_id")
        ),
    )
    with op.batch_alter_table("duplicate_pair") as batch_op:
        batch_op.create_index("ix_duplicate_pair_right_id", ["right_id"])
        batch_op.create_index("ix_duplicate_pair_status_score", ["entity", "status", "score"])
    op.create_table(
        "idempotency_key",
        sa.Column("caller", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("expires_at", UtcMoment(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotency_key")),
    )
    with op.batch_alter_table("idempotency_key") as batch_op:
        batch_op.create_index("ix_idempotency_key_expires_at", ["expires_at"])
    op.create_table(
        "merge_log",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("survivor_id", sa.String(length=40), nullable=False),
        sa.Column("merged_id", sa.String(length=40), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("merged_at", UtcMoment(), nullable=False),
        sa.Column("undone_at", UtcMoment(), nullable=True),
        sa.Column("undone_by", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge_log")),
    )
    with op.batch_alter_table("merge_log") as batch_op:
        batch_op.create_index("ix_merge_log_merged_id", ["entity", "merged_id"])
        batch_op.create_index("ix_merge_log_survivor_id", ["entity", "survivor_id"])
    op.create_table(
        "registry_answer",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("query", sa.String(length=200), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("fetched_at", UtcMoment(), nullable=False),
        sa.Column("expires_at", UtcMoment(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "query", name=op.f("pk_registry_answer")),
    )
    op.create_table(
        "registry_quota",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "day", name=op.f("pk_registry_quota")),
    )
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("secret", sa.String(length=400), nullable=False),
        sa.Column("next_secret", sa.String(length=400), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("disabled_at", UtcMoment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint("name", name=op.f("uq_webhook_endpoint_name")),
    )
    op.create_table(
        "identity",
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_identity_user_id")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identity")),
    )
    with op.batch_alter_table("identity") as batch_op:
        batch_op.create_index(batch_op.f("ix_identity_user_id"), ["user_id"])
    op.create_table(
        "submission",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("way", sa.String(length=80), nullable=False),
        sa.Column("received_at", UtcMoment(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.Column("corrected_at", UtcMoment(), nullable=True),
        sa.Column("corrected_by", sa.String(length=80), nullable=True),
        sa.CheckConstraint(
            "status IN ('accepted', 'needs_correction', 'corrected')", name=op.f("ck_submission_status")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_submission_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
    )
    with op.batch_alter_table("submission") as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_lead_id"), ["lead_id"])
        batch_op.create_index("ix_submission_status_received_at", ["status", "received_at"])
    op.create_table(
        "webhook_receipt",
        sa.Column("endpoint_id", sa.String(length=40), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("sent_at", UtcMoment(), nullable=False),
        sa.Column("received_at", UtcMoment(), nullable=False),
        sa.Column("submission_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name=op.f("fk_webhook_receipt_endpoint_id")
        ),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_webhook_receipt_submission_id")
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "message_id", name=op.f("pk_webhook_receipt")),
    )
    with op.batch_alter_table("webhook_receipt") as batch_op:
        batch_op.create_index("ix_webhook_receipt_received_at", ["received_at"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
