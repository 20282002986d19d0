"""Records and facts."""

import sqlalchemy as sa
from alembic import op

from crm_store.models.base import UtcMoment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "team",
    "rep",
    "account",
    "contact",
    "lead",
    "opportunity",
    "ticket",
    "contract",
    "activity",
    "order_snapshot",
)


def upgrade() -> None:
    op.create_table(
        "team",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("region", sa.String(length=40), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_team_source_external_id")),
    )

    op.create_table(
        "rep",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("team_id", sa.String(length=40), nullable=True),
        sa.Column("region", sa.String(length=40), nullable=True),
        sa.Column("hired_at", UtcMoment(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rep")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_rep_source_external_id")),
    )
    op.create_index(op.f("ix_rep_team_id"), "rep", ["team_id"])

    op.create_table(
        "account",
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("industry", sa.String(length=80), nullable=True),
        sa.Column("region", sa.String(length=40), nullable=True),
        sa.Column("city", sa.String(length=80), nullable=True),
        sa.Column("tier", sa.String(length=1), nullable=True),
        sa.Column("employees", sa.Integer(), nullable=True),
        sa.Column("annual_amount", sa.Double(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("tier IN ('S', 'A', 'B')", name=op.f("ck_account_tier")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_account_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_account_source_external_id")),
    )
    op.create_index(op.f("ix_account_owner_id"), "account", ["owner_id"])

    op.create_table(
        "contact",
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("email", sa.String(length=200), nullable=True),
        sa.Column("weight", sa.Integer(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("weight BETWEEN 0 AND 100", name=op.f("ck_contact_weight")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_contact_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_contact_source_external_id")),
    )
    op.create_index(op.f("ix_contact_account_id"), "contact", ["account_id"])

    op.create_table(
        "lead",
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("company", sa.String(length=200), nullable=True),
        sa.Column("contact_name", sa.String(length=120), nullable=True),
        sa.Column("title", sa.String(length=80), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("need", sa.String(length=120), nullable=True),
        sa.Column("expected_volume", sa.Double(), nullable=True),
        sa.Column("channel", sa.String(length=80), nullable=True),
        sa.Column("campaign", sa.String(length=120), nullable=True),
        sa.Column("industry", sa.String(length=80), nullable=True),
        sa.Column("region", sa.String(length=40), nullable=True),
        sa.Column("city", sa.String(length=80), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("closed_at", UtcMoment(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('new', 'contacted', 'qualified', 'won', 'lost')", name=op.f("ck_lead_status")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_lead_account_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_lead_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_lead_source_external_id")),
    )
    op.create_index(op.f("ix_lead_account_id"), "lead", ["account_id"])
    op.create_index(op.f("ix_lead_campaign_created_at"), "lead", ["campaign", "created_at"])
    op.create_index(op.f("ix_lead_owner_id"), "lead", ["owner_id"])
    op.create_index(op.f("ix_lead_status"), "lead", ["status"])

    op.create_table(
        "opportunity",
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("expected_close_at", UtcMoment(), nullable=True),
        sa.Column("closed_at", UtcMoment(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "stage IN ('need_confirmed', 'proposal', 'negotiation', 'won', 'lost')",
            name=op.f("ck_opportunity_stage"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_opportunity_account_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_opportunity_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunity")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_opportunity_source_external_id")),
    )
    op.create_index(op.f("ix_opportunity_account_id"), "opportunity", ["account_id"])
    op.create_index(op.f("ix_opportunity_lead_id"), "opportunity", ["lead_id"])
    op.create_index(op.f("ix_opportunity_owner_id"), "opportunity", ["owner_id"])

    op.create_table(
        "ticket",
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("opened_at", UtcMoment(), nullable=False),
        sa.Column("first_response_at", UtcMoment(), nullable=True),
        sa.Column("resolved_at", UtcMoment(), nullable=True),
        sa.Column("satisfaction", sa.Integer(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'answered', 'resolved')", name=op.f("ck_ticket_status")),
        sa.CheckConstraint("satisfaction BETWEEN 1 AND 5", name=op.f("ck_ticket_satisfaction")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_ticket_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_ticket_source_external_id")),
    )
    op.create_index(op.f("ix_ticket_account_id"), "ticket", ["account_id"])

    op.create_table(
        "contract",
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("product_line", sa.String(length=80), nullable=True),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("start_at", UtcMoment(), nullable=False),
        sa.Column("end_at", UtcMoment(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("closed_at", UtcMoment(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('active', 'renewed', 'lapsed')", name=op.f("ck_contract_status")),
        sa.CheckConstraint("end_at > start_at", name=op.f("ck_contract_term")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_contract_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_contract_source_external_id")),
    )
    op.create_index(op.f("ix_contract_account_id"), "contract", ["account_id"])

    op.create_table(
        "activity",
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("rep_id", sa.String(length=40), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("corrects_id", sa.String(length=40), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("occurred_at", UtcMoment(), nullable=False),
        sa.Column("recorded_at", UtcMoment(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('chat', 'call', 'email', 'meeting', 'site', 'download', 'search', 'view', 'assign')",
            name=op.f("ck_activity_channel"),
        ),
        sa.CheckConstraint("direction IN ('in', 'out', 'internal')", name=op.f("ck_activity_direction")),
        sa.CheckConstraint("lead_id IS NOT NULL OR account_id IS NOT NULL", name=op.f("ck_activity_subject")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index(op.f("ix_activity_account_id_occurred_at"), "activity", ["account_id", "occurred_at"])
    op.create_index(op.f("ix_activity_lead_id_occurred_at"), "activity", ["lead_id", "occurred_at"])

    op.create_table(
        "order_snapshot",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("quantity", sa.Double(), nullable=True),
        sa.Column("freight", sa.Double(), nullable=True),
        sa.Column("product", sa.String(length=80), nullable=True),
        sa.Column("delivery_state", sa.String(length=20), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("occurred_at", UtcMoment(), nullable=False),
        sa.Column("recorded_at", UtcMoment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_snapshot")),
    )
    op.create_index(
        op.f("ix_order_snapshot_account_id_occurred_at"), "order_snapshot", ["account_id", "occurred_at"]
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
