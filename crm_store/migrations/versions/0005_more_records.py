"""Campaigns, products, tasks, deliveries, leave and the rest of the records."""

import sqlalchemy as sa
from alembic import op

from crm_store.models.base import UtcMoment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    "campaign",
    "leave",
    "product",
    "device",
    "document",
    "territory",
    "contact_relation",
    "task",
    "delivery",
    "evidence",
    "role_change",
)


def upgrade() -> None:
    op.create_table(
        "campaign",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("channel", sa.String(length=80), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("budget", sa.Double(), nullable=True),
        sa.Column("start_at", UtcMoment(), nullable=True),
        sa.Column("end_at", UtcMoment(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('planned', 'running', 'ended')", name=op.f("ck_campaign_status")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_campaign_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_campaign_source_external_id")),
    )
    with op.batch_alter_table("campaign") as batch_op:
        batch_op.create_index(batch_op.f("ix_campaign_owner_id"), ["owner_id"])
    op.create_table(
        "leave",
        sa.Column("rep_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("start_at", UtcMoment(), nullable=False),
        sa.Column("end_at", UtcMoment(), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('annual', 'sick', 'travel', 'training', 'other')", name=op.f("ck_leave_kind")
        ),
        sa.CheckConstraint("status IN ('planned', 'approved', 'cancelled')", name=op.f("ck_leave_status")),
        sa.CheckConstraint("end_at > start_at", name=op.f("ck_leave_term")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_leave_owner_id")),
        sa.ForeignKeyConstraint(["rep_id"], ["rep.id"], name=op.f("fk_leave_rep_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_leave_source_external_id")),
    )
    with op.batch_alter_table("leave") as batch_op:
        batch_op.create_index(batch_op.f("ix_leave_owner_id"), ["owner_id"])
        batch_op.create_index(batch_op.f("ix_leave_rep_id"), ["rep_id"])
    op.create_table(
        "product",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=True),
        sa.Column("product_line", sa.String(length=80), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=True),
        sa.Column("list_price", sa.Double(), nullable=True),
        sa.Column("need_weight", sa.Double(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_product_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_product_source_external_id")),
    )
    with op.batch_alter_table("product") as batch_op:
        batch_op.create_index(batch_op.f("ix_product_code"), ["code"])
        batch_op.create_index(batch_op.f("ix_product_owner_id"), ["owner_id"])
    op.create_table(
        "device",
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("product_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("serial_number", sa.String(length=80), nullable=True),
        sa.Column("installed_at", UtcMoment(), nullable=True),
        sa.Column("last_operated_at", UtcMoment(), nullable=True),
        sa.Column("battery_health", sa.Integer(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("battery_health BETWEEN 0 AND 100", name=op.f("ck_device_battery_health")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_device_account_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_device_owner_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_device_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_device_source_external_id")),
    )
    with op.batch_alter_table("device") as batch_op:
        batch_op.create_index(batch_op.f("ix_device_account_id"), ["account_id"])
        batch_op.create_index(batch_op.f("ix_device_owner_id"), ["owner_id"])
        batch_op.create_index(batch_op.f("ix_device_product_id"), ["product_id"])
        batch_op.create_index(batch_op.f("ix_device_serial_number"), ["serial_number"])
    op.create_table(
        "document",
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("product_line", sa.String(length=80), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("issued_at", UtcMoment(), nullable=True),
        sa.Column("expires_at", UtcMoment(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('valid', 'superseded', 'rejected')", name=op.f("ck_document_status")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_document_account_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_document_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_document_source_external_id")),
    )
    with op.batch_alter_table("document") as batch_op:
        batch_op.create_index("ix_document_account_id_product_line", ["account_id", "product_line"])
        batch_op.create_index("ix_document_expires_at", ["expires_at"])
        batch_op.create_index(batch_op.f("ix_document_owner_id"), ["owner_id"])
    op.create_table(
        "territory",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("region", sa.String(length=40), nullable=True),
        sa.Column("adcode", sa.String(length=6), nullable=True),
        sa.Column("team_id", sa.String(length=40), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_territory_owner_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_territory_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_territory")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_territory_source_external_id")),
    )
    with op.batch_alter_table("territory") as batch_op:
        batch_op.create_index(batch_op.f("ix_territory_adcode"), ["adcode"])
        batch_op.create_index(batch_op.f("ix_territory_owner_id"), ["owner_id"])
        batch_op.create_index(batch_op.f("ix_territory_team_id"), ["team_id"])
    op.create_table(
        "contact_relation",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("from_id", sa.String(length=40), nullable=False),
        sa.Column("to_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("strength", sa.Integer(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('influence', 'technical', 'reports_to')", name=op.f("ck_contact_relation_kind")
        ),
        sa.CheckConstraint("from_id <> to_id", name=op.f("ck_contact_relation_two_people")),
        sa.CheckConstraint("strength BETWEEN 0 AND 100", name=op.f("ck_contact_relation_strength")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_contact_relation_account_id")),
        sa.ForeignKeyConstraint(["from_id"], ["contact.id"], name=op.f("fk_contact_relation_from_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_contact_relation_owner_id")),
        sa.ForeignKeyConstraint(["to_id"], ["contact.id"], name=op.f("fk_contact_relation_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_relation")),
        sa.UniqueConstraint("from_id", "to_id", "kind", name=op.f("uq_contact_relation_from_id_to_id_kind")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_contact_relation_source_external_id")),
    )
    with op.batch_alter_table("contact_relation") as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_relation_account_id"), ["account_id"])
        batch_op.create_index(batch_op.f("ix_contact_relation_owner_id"), ["owner_id"])
        batch_op.create_index(batch_op.f("ix_contact_relation_to_id"), ["to_id"])
    op.create_table(
        "task",
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("due_at", UtcMoment(), nullable=True),
        sa.Column("completed_at", UtcMoment(), nullable=True),
        sa.Column("lead_id", sa.String(length=40), nullable=True),
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("contact_id", sa.String(length=40), nullable=True),
        sa.Column("opportunity_id", sa.String(length=40), nullable=True),
        sa.Column("document_id", sa.String(length=40), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'done', 'cancelled')", name=op.f("ck_task_status")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_task_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_task_contact_id")),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_task_document_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_task_lead_id")),
        sa.ForeignKeyConstraint(["opportunity_id"], ["opportunity.id"], name=op.f("fk_task_opportunity_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_task_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_task_source_external_id")),
    )
    with op.batch_alter_table("task") as batch_op:
        batch_op.create_index(batch_op.f("ix_task_account_id"), ["account_id"])
        batch_op.create_index(batch_op.f("ix_task_contact_id"), ["contact_id"])
        batch_op.create_index(batch_op.f("ix_task_document_id"), ["document_id"])
        batch_op.create_index(batch_op.f("ix_task_lead_id"), ["lead_id"])
        batch_op.create_index(batch_op.f("ix_task_opportunity_id"), ["opportunity_id"])
        batch_op.create_index(batch_op.f("ix_task_owner_id"), ["owner_id"])
        batch_op.create_index("ix_task_owner_id_status_due_at", ["owner_id", "status", "due_at"])
    op.create_table(
        "delivery",
        sa.Column("account_id", sa.String(length=40), nullable=True),
        sa.Column("contract_id", sa.String(length=40), nullable=True),
        sa.Column("order_number", sa.String(length=80), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("promised_at", UtcMoment(), nullable=True),
        sa.Column("shipped_at", UtcMoment(), nullable=True),
        sa.Column("accepted_at", UtcMoment(), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('to_schedule', 'in_production', 'shipped', 'accepted')", name=op.f("ck_delivery_state")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_delivery_account_id")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_delivery_contract_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_delivery_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_delivery_source_external_id")),
    )
    with op.batch_alter_table("delivery") as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_account_id"), ["account_id"])
        batch_op.create_index(batch_op.f("ix_delivery_contract_id"), ["contract_id"])
        batch_op.create_index(batch_op.f("ix_delivery_order_number"), ["order_number"])
        batch_op.create_index(batch_op.f("ix_delivery_owner_id"), ["owner_id"])
    op.create_table(
        "evidence",
        sa.Column("opportunity_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("document_id", sa.String(length=40), nullable=True),
        sa.Column("activity_id", sa.String(length=40), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('customer_quote', 'requirement_document', 'internal_review', "
            "'quotation', 'contract_draft', 'signed_contract')",
            name=op.f("ck_evidence_kind"),
        ),
        sa.CheckConstraint(
            "text IS NOT NULL OR document_id IS NOT NULL OR activity_id IS NOT NULL",
            name=op.f("ck_evidence_content"),
        ),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_evidence_activity_id")),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_evidence_document_id")),
        sa.ForeignKeyConstraint(
            ["opportunity_id"], ["opportunity.id"], name=op.f("fk_evidence_opportunity_id")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_evidence_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_evidence_source_external_id")),
    )
    with op.batch_alter_table("evidence") as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_opportunity_id"), ["opportunity_id"])
        batch_op.create_index(batch_op.f("ix_evidence_owner_id"), ["owner_id"])
    op.create_table(
        "role_change",
        sa.Column("account_id", sa.String(length=40), nullable=False),
        sa.Column("contact_id", sa.String(length=40), nullable=True),
        sa.Column("activity_id", sa.String(length=40), nullable=True),
        sa.Column("person", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("old_role", sa.String(length=80), nullable=True),
        sa.Column("new_role", sa.String(length=80), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("decided_at", UtcMoment(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("owner_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcMoment(), nullable=False),
        sa.Column("updated_at", UtcMoment(), nullable=False),
        sa.Column("deleted_at", UtcMoment(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('proposed', 'accepted', 'rejected')", name=op.f("ck_role_change_status")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_role_change_account_id")),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_role_change_activity_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_role_change_contact_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["rep.id"], name=op.f("fk_role_change_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_change")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_role_change_source_external_id")),
    )
    with op.batch_alter_table("role_change") as batch_op:
        batch_op.create_index(batch_op.f("ix_role_change_account_id"), ["account_id"])
        batch_op.create_index(batch_op.f("ix_role_change_activity_id"), ["activity_id"])
        batch_op.create_index(batch_op.f("ix_role_change_contact_id"), ["contact_id"])
        batch_op.create_index(batch_op.f("ix_role_change_owner_id"), ["owner_id"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
