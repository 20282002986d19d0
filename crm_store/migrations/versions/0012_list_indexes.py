"""Indexes that lists walk page by page.

Every kind is listed by what changed last; leads also by what came last, of one status or of all; activities
by when they were recorded.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

RECORDS = (
    "lead",
    "account",
    "contact",
    "contact_relation",
    "role_change",
    "document",
    "device",
    "opportunity",
    "evidence",
    "campaign",
    "product",
    "task",
    "ticket",
    "contract",
    "delivery",
    "rep",
    "team",
    "territory",
    "leave",
    "user_account",
)
LISTED = {
    "ix_lead_created_at_id": ("lead", ["created_at", "id"]),
    "ix_lead_status_created_at_id": ("lead", ["status", "created_at", "id"]),
    "ix_document_kind_account_id_product_line": ("document", ["kind", "account_id", "product_line"]),
    "ix_activity_recorded_at_id": ("activity", ["recorded_at", "id"]),
}


def upgrade() -> None:
    for table in RECORDS:
        op.create_index(f"ix_{table}_updated_at_id", table, ["updated_at", "id"])
    for name, (table, columns) in LISTED.items():
        op.create_index(name, table, columns)
    op.drop_index("ix_lead_status", "lead")


def downgrade() -> None:
    op.create_index("ix_lead_status", "lead", ["status"])
    for name, (table, _) in LISTED.items():
        op.drop_index(name, table)
    for table in RECORDS:
        op.drop_index(f"ix_{table}_updated_at_id", table)
