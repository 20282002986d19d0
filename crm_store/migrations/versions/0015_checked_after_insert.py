"""SQLite looks for a new record's log entry once the row is in, not before.

Before it is in, the row is copied column by column for the trigger to see; on the wide tables of records that
took longer than the look-up. What the trigger refuses is taken back with the whole statement either way.
Updates have nothing to gain, and PostgreSQL already asks after the statement.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Entity in the log → its table.
RECORDS = {
    name: name
    for name in (
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
    )
} | {"user": "user_account"}


def upgrade() -> None:
    _ask("AFTER")


def downgrade() -> None:
    _ask("BEFORE")


def _ask(when: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for entity, table in RECORDS.items():
        entry = f"entity = '{entity}' AND entity_id = NEW.id AND version = NEW.version"
        op.execute(f"DROP TRIGGER {table}_logs_insert")
        op.execute(
            f"CREATE TRIGGER {table}_logs_insert {when} INSERT ON {table} "  # noqa: S608 - names only
            f"WHEN NOT EXISTS (SELECT 1 FROM change_log WHERE {entry}) "
            f"BEGIN SELECT RAISE(ABORT, '{table}: no log entry for this version'); END"
        )
