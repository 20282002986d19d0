"""PostgreSQL looks for the log entries of a whole statement at once, not row by row.

A batch of thousands of records is one statement, and calling a function for each row took longer than
writing it. What a row tells by itself, that its version rises and its id stays, is still asked of each row,
without a call. Users keep their trigger: theirs is of some columns only, which this kind does not allow.
SQLite runs its triggers within the statement and has nothing to gain.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Entity in the log and its table, which have the same name.
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
)
REFUSE = (
    "RAISE EXCEPTION '%: no log entry for this version', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    # A subquery for each row is answered by the log's own key, whatever the planner thinks of the sizes.
    op.execute(
        "CREATE FUNCTION require_log_entries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608
        "IF EXISTS (SELECT 1 FROM written WHERE (SELECT entry.version FROM change_log entry WHERE "
        "entry.entity = TG_ARGV[0] AND entry.entity_id = written.id AND entry.version = written.version"
        f") IS NULL) THEN {REFUSE} END IF; RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE FUNCTION refuse_version() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {REFUSE} END $$"
    )
    for table in RECORDS:
        op.execute(f"DROP TRIGGER {table}_logs_write ON {table}")
        for verb in ("INSERT", "UPDATE"):
            op.execute(
                f"CREATE TRIGGER {table}_logs_{verb.lower()} AFTER {verb} ON {table} "
                "REFERENCING NEW TABLE AS written "
                f"FOR EACH STATEMENT EXECUTE FUNCTION require_log_entries('{table}')"
            )
        op.execute(
            f"CREATE TRIGGER {table}_raises_version BEFORE UPDATE ON {table} FOR EACH ROW "
            "WHEN (NEW.version <= OLD.version OR NEW.id <> OLD.id) EXECUTE FUNCTION refuse_version()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table in RECORDS:
        for name in ("logs_insert", "logs_update", "raises_version"):
            op.execute(f"DROP TRIGGER {table}_{name} ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_logs_write BEFORE INSERT OR UPDATE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION require_log_entry('{table}')"
        )
    op.execute("DROP FUNCTION require_log_entries()")
    op.execute("DROP FUNCTION refuse_version()")
