"""Indexes for the lists of one salesperson and of one region, and for the first letters of a name.

Leads are listed by owner and by region, newest change first; the few that are deleted have a list of their
own. Activities are found by who entered them. Names are compared letter by letter, whatever the database's
own order of letters is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

LISTED = {
    "ix_lead_owner_id_updated_at_id": ("lead", ["owner_id", "updated_at", "id"]),
    "ix_lead_region_updated_at_id": ("lead", ["region", "updated_at", "id"]),
    "ix_account_region_updated_at_id": ("account", ["region", "updated_at", "id"]),
}
NAMES = {"ix_lead_company": ("lead", "company"), "ix_account_name": ("account", "name")}
GIVEN = {
    "ix_lead_deleted": ("lead", ["updated_at", "id"], "deleted_at IS NOT NULL"),
    "ix_activity_rep_id": ("activity", ["rep_id"], "rep_id IS NOT NULL"),
}


def upgrade() -> None:
    for name, (table, columns) in LISTED.items():
        op.create_index(name, table, columns)
    for name, (table, column) in NAMES.items():
        op.create_index(name, table, [column], postgresql_ops={column: "varchar_pattern_ops"})
    for name, (table, columns, given) in GIVEN.items():
        condition = sa.text(given)
        op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)
    op.drop_index("ix_lead_owner_id", "lead")


def downgrade() -> None:
    op.create_index("ix_lead_owner_id", "lead", ["owner_id"])
    for name, (table, *_) in (GIVEN | NAMES | LISTED).items():
        op.drop_index(name, table)
