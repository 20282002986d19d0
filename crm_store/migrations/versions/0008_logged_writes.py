"""The database refuses a record that changes without its log entry, a deleted record, and a rewritten fact.

Each transaction on PostgreSQL also stamps its number on what the feed reads. A later batch migration of one
of these tables on SQLite recreates it, and must then recreate its triggers.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
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
# Secrets of users change without a log entry; these columns do not.
USER_FIELDS = "id, name, email, role, rep_id, region, owner_id, disabled_at, deleted_at, version"
APPEND_ONLY = ("activity", "order_snapshot", "definition", "webhook_receipt")
STAMPED = ("change_log", "activity", "order_snapshot")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _upgrade_sqlite()
    else:
        _upgrade_postgres()


def _upgrade_sqlite() -> None:
    for entity, table in RECORDS.items():
        fields = f" OF {USER_FIELDS}" if entity == "user" else ""
        entry = f"entity = '{entity}' AND entity_id = NEW.id AND version = NEW.version"
        unlogged = f"WHEN NOT EXISTS (SELECT 1 FROM change_log WHERE {entry})"  # noqa: S608 - names only
        refuse = "BEGIN SELECT RAISE(ABORT, '{}'); END"
        op.execute(
            f"CREATE TRIGGER {table}_logs_insert BEFORE INSERT ON {table} {unlogged} "
            + refuse.format(f"{table}: no log entry for this version")
        )
        op.execute(
            f"CREATE TRIGGER {table}_logs_update BEFORE UPDATE{fields} ON {table} "
            f"{unlogged} OR NEW.version <= OLD.version OR NEW.id <> OLD.id "
            + refuse.format(f"{table}: no log entry for this version")
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_delete BEFORE DELETE ON {table} "
            + refuse.format(f"{table}: records are never deleted")
        )
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _upgrade_postgres() -> None:
    op.execute(
        "CREATE FUNCTION require_log_entry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF TG_OP = 'UPDATE' AND (NEW.version <= OLD.version OR NEW.id <> OLD.id) OR NOT EXISTS ("
        "SELECT 1 FROM change_log "
        "WHERE entity = TG_ARGV[0] AND entity_id = NEW.id AND version = NEW.version) THEN "
        "RAISE EXCEPTION '%: no log entry for this version', TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE FUNCTION refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '%: records are never deleted', TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END $$"
    )
    for entity, table in RECORDS.items():
        fields = f" OF {USER_FIELDS}" if entity == "user" else ""
        op.execute(
            f"CREATE TRIGGER {table}_logs_write BEFORE INSERT OR UPDATE{fields} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION require_log_entry('{entity}')"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_delete BEFORE DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_delete()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_delete()"
        )
    for table in APPEND_ONLY:
        if table == "activity":
            continue  # its triggers are of an earlier migration, and PostgreSQL keeps them
        op.execute(
            f"CREATE TRIGGER {table}_refuses_rewrite BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()"
        )
    for table in STAMPED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN txid SET DEFAULT (pg_current_xact_id()::text::bigint)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in RECORDS.values():
            for name in ("logs_insert", "logs_update", "refuses_delete"):
                op.execute(f"DROP TRIGGER {table}_{name}")
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_refuses_update")
            op.execute(f"DROP TRIGGER {table}_refuses_delete")
        return
    for table in STAMPED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN txid DROP DEFAULT")
    for table in RECORDS.values():
        for name in ("logs_write", "refuses_delete", "refuses_truncate"):
            op.execute(f"DROP TRIGGER {table}_{name} ON {table}")
    for table in APPEND_ONLY:
        if table != "activity":
            op.execute(f"DROP TRIGGER {table}_refuses_rewrite ON {table}")
            op.execute(f"DROP TRIGGER {table}_refuses_truncate ON {table}")
    op.execute("DROP FUNCTION require_log_entry()")
    op.execute("DROP FUNCTION refuse_delete()")
