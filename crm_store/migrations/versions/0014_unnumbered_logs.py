"""SQLite, which numbers no transactions, keeps nothing in the indexes by transaction.

Each held an entry for every row of its table, all without a number, and no query read them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STAMPED = ("change_log", "activity", "order_snapshot")


def upgrade() -> None:
    _create_anew(sa.text("txid IS NOT NULL"))


def downgrade() -> None:
    _create_anew(None)


def _create_anew(where: sa.TextClause | None) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in STAMPED:
        op.drop_index(f"ix_{table}_txid_id", table)
        op.create_index(f"ix_{table}_txid_id", table, ["txid", "id"], sqlite_where=where)
