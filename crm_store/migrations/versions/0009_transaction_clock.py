"""What the feed and the seals order by on PostgreSQL: every row of a log carries its transaction's number.

A default is not enough: an insert that names the column and leaves it empty, as the ORM's do, would pass it
by. The numbers go on counting where they left off when a store is restored into a younger cluster, whose own
count starts low: ``txid_offset`` is what a restore adds to it (``crm_store.repositories.history.clock``).
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STAMPED = ("change_log", "activity", "order_snapshot")
OWN_NUMBER = "pg_current_xact_id()::text::bigint"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # one writer at a time: rows lie in the order in which they were committed
    op.execute(
        "CREATE FUNCTION txid_offset() RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE "
        "AS 'SELECT 0::bigint'"
    )
    op.execute(
        "CREATE FUNCTION stamp_txid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"NEW.txid := {OWN_NUMBER} + txid_offset(); RETURN NEW; END $$"
    )
    for table in STAMPED:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN txid SET DEFAULT ({OWN_NUMBER} + txid_offset())")
        op.execute(
            f"CREATE TRIGGER {table}_stamps_txid BEFORE INSERT ON {table} "
            "FOR EACH ROW WHEN (NEW.txid IS NULL) EXECUTE FUNCTION stamp_txid()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table in STAMPED:
        op.execute(f"DROP TRIGGER {table}_stamps_txid ON {table}")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN txid SET DEFAULT ({OWN_NUMBER})")
    op.execute("DROP FUNCTION stamp_txid()")
    op.execute("DROP FUNCTION txid_offset()")
