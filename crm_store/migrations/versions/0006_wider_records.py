"""Owners, outside ids, relations and new columns on the records, facts and users that were there before."""

import sqlalchemy as sa
from alembic import op

from crm_store.models.base import UtcMoment
from crm_store.repositories.writes.changelog import GENESIS, chain

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _fill_what_must_not_be_empty() -> None:
    """Add such columns empty and fill them first: a default in the database would outlive its purpose."""
    op.add_column("contact", sa.Column("status", sa.String(length=16)))
    op.add_column("import_job", sa.Column("status", sa.String(length=12)))
    op.add_column("import_job", sa.Column("position", sa.Integer()))
    op.add_column("lead", sa.Column("intake_state", sa.String(length=12)))
    op.add_column("web_session", sa.Column("pending", sa.Boolean()))
    op.add_column("user_account", sa.Column("source", sa.String(length=40)))
    op.add_column("user_account", sa.Column("external_id", sa.String(length=120)))
    op.add_column("user_account", sa.Column("updated_at", UtcMoment()))
    op.add_column("user_account", sa.Column("version", sa.Integer()))
    op.execute("UPDATE contact SET status = 'active'")
    op.execute("UPDATE import_job SET status = 'finished', position = rows_read")
    op.execute("UPDATE lead SET intake_state = 'complete'")
    op.execute("UPDATE web_session SET pending = false")
    op.execute(
        "UPDATE user_account SET source = 'leadpulse', external_id = id, updated_at = created_at, version = 1"
    )
    _log_users()


def _log_users() -> None:
    """Give users, who had no history, its first entry."""
    users = sa.table(
        "user_account",
        *(sa.column(name) for name in ("id", "name", "role", "rep_id")),
        sa.column("created_at", UtcMoment()),
        sa.column("disabled_at", UtcMoment()),
    )
    log = sa.table(
        "change_log",
        *(sa.column(name) for name in ("entity", "entity_id", "version", "actor", "previous_hash", "hash")),
        sa.column("changes", sa.JSON()),
        sa.column("recorded_at", UtcMoment()),
        sa.column("written_at", UtcMoment()),
    )
    connection = op.get_bind()
    logged = sa.select(log.c.entity_id).where(log.c.entity == "user")
    for user in connection.execute(sa.select(users).where(users.c.id.not_in(logged))).all():
        values = {
            "source": "leadpulse",
            "external_id": user.id,
            "created_at": user.created_at.isoformat(),
            "name": user.name,
            "role": user.role,
            "rep_id": user.rep_id,
            "disabled_at": user.disabled_at and user.disabled_at.isoformat(),
        }
        changes = {name: [None, value] for name, value in values.items() if value is not None}
        entry = (
            GENESIS,
            "user",
            user.id,
            1,
            changes,
            "job:migration",
            None,
            user.created_at,
            user.created_at,
        )
        names = ("previous_hash", "entity", "entity_id", "version", "changes", "actor", "reason")
        columns = dict(zip(names, entry, strict=False)) | {
            "recorded_at": user.created_at,
            "written_at": user.created_at,
            "hash": chain(*entry),
        }
        del columns["reason"]
        connection.execute(sa.insert(log).values(columns))


def upgrade() -> None:
    _fill_what_must_not_be_empty()
    with op.batch_alter_table("account") as batch_op:
        batch_op.add_column(sa.Column("credit_code", sa.String(length=18), nullable=True))
        batch_op.add_column(sa.Column("phone", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("address", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("adcode", sa.String(length=6), nullable=True))
        batch_op.add_column(sa.Column("industry_code", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("expected_margin", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("registered_capital", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("insured_headcount", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("parent_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("merged_into", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_account_credit_code"), ["credit_code"])
        batch_op.create_index(batch_op.f("ix_account_merged_into"), ["merged_into"])
        batch_op.create_index(batch_op.f("ix_account_parent_id"), ["parent_id"])
        batch_op.create_foreign_key(batch_op.f("fk_account_merged_into"), "account", ["merged_into"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_account_parent_id"), "account", ["parent_id"], ["id"])
    with op.batch_alter_table("activity") as batch_op:
        batch_op.add_column(sa.Column("contact_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("opportunity_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("scene", sa.String(length=24), nullable=True))
        batch_op.add_column(sa.Column("entered_by", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("txid", sa.BigInteger(), nullable=True))
        batch_op.create_index(
            "ix_activity_contact_id",
            ["contact_id"],
            postgresql_where=sa.text("contact_id IS NOT NULL"),
            sqlite_where=sa.text("contact_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_activity_opportunity_id",
            ["opportunity_id"],
            postgresql_where=sa.text("opportunity_id IS NOT NULL"),
            sqlite_where=sa.text("opportunity_id IS NOT NULL"),
        )
        batch_op.create_index("ix_activity_txid_id", ["txid", "id"])
        batch_op.create_foreign_key(batch_op.f("fk_activity_rep_id"), "rep", ["rep_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_activity_lead_id"), "lead", ["lead_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_activity_contact_id"), "contact", ["contact_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_activity_opportunity_id"), "opportunity", ["opportunity_id"], ["id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_activity_account_id"), "account", ["account_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_activity_corrects_id"), "activity", ["corrects_id"], ["id"]
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_activity_scene"),
            "scene IN ('price_objection', 'delivery_delay', 'payment_terms', 'need_confirmation', "
            "'technical_exchange', 'tender', 'contract_terms', 'after_sales', 'care', 'other')",
        )
    with op.batch_alter_table("api_key") as batch_op:
        batch_op.add_column(sa.Column("user_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("created_by", sa.String(length=80), nullable=True))
        batch_op.create_index(batch_op.f("ix_api_key_user_id"), ["user_id"])
        batch_op.create_foreign_key(batch_op.f("fk_api_key_user_id"), "user_account", ["user_id"], ["id"])
    # Not in a batch, which on SQLite would recreate the table without its triggers.
    op.add_column("change_log", sa.Column("txid", sa.BigInteger(), nullable=True))
    op.create_index("ix_change_log_txid_id", "change_log", ["txid", "id"])
    with op.batch_alter_table("contact") as batch_op:
        batch_op.add_column(sa.Column("role", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("department", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("wechat", sa.String(length=80), nullable=True))
        batch_op.alter_column("status", existing_type=sa.String(length=16), nullable=False)
        batch_op.add_column(sa.Column("owner_id", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_contact_owner_id"), ["owner_id"])
        batch_op.create_foreign_key(batch_op.f("fk_contact_owner_id"), "rep", ["owner_id"], ["id"])
        batch_op.create_check_constraint(
            batch_op.f("ck_contact_status"), "status IN ('active', 'left', 'do_not_contact')"
        )
    with op.batch_alter_table("contract") as batch_op:
        batch_op.add_column(sa.Column("opportunity_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("owner_id", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_contract_opportunity_id"), ["opportunity_id"])
        batch_op.create_index(batch_op.f("ix_contract_owner_id"), ["owner_id"])
        batch_op.create_foreign_key(batch_op.f("fk_contract_owner_id"), "rep", ["owner_id"], ["id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_contract_opportunity_id"), "opportunity", ["opportunity_id"], ["id"]
        )
    with op.batch_alter_table("import_job") as batch_op:
        batch_op.add_column(sa.Column("entity", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("mapping", sa.JSON(), nullable=True))
        batch_op.alter_column("status", existing_type=sa.String(length=12), nullable=False)
        batch_op.add_column(sa.Column("actor", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("updated_at", UtcMoment(), nullable=True))
        batch_op.alter_column("position", existing_type=sa.Integer(), nullable=False)
        batch_op.add_column(sa.Column("error", sa.String(length=300), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_import_job_status"), "status IN ('running', 'finished', 'failed', 'cancelled')"
        )
    with op.batch_alter_table("lead") as batch_op:
        batch_op.add_column(sa.Column("credit_code", sa.String(length=18), nullable=True))
        batch_op.add_column(sa.Column("phone_region", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("phone_carrier", sa.String(length=20), nullable=True))
        batch_op.add_column(sa.Column("email", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("budget", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("industry_code", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("address", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("adcode", sa.String(length=6), nullable=True))
        batch_op.add_column(sa.Column("ip_place", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("submitted_at", UtcMoment(), nullable=True))
        batch_op.alter_column("intake_state", existing_type=sa.String(length=12), nullable=False)
        batch_op.add_column(sa.Column("merged_into", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_lead_merged_into"), ["merged_into"])
        batch_op.create_foreign_key(batch_op.f("fk_lead_merged_into"), "lead", ["merged_into"], ["id"])
        batch_op.create_check_constraint(
            batch_op.f("ck_lead_intake_state"), "intake_state IN ('complete', 'phone_only')"
        )
    with op.batch_alter_table("opportunity") as batch_op:
        batch_op.add_column(sa.Column("product_line", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("budget", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("decision_maker_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("decision_chain", sa.String(length=400), nullable=True))
        batch_op.add_column(sa.Column("lost_reason", sa.String(length=120), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_opportunity_decision_maker_id"), "contact", ["decision_maker_id"], ["id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_opportunity_lead_id"), "lead", ["lead_id"], ["id"])
    with op.batch_alter_table("order_snapshot") as batch_op:
        batch_op.add_column(sa.Column("txid", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_order_snapshot_txid_id", ["txid", "id"])
        batch_op.create_foreign_key(
            batch_op.f("fk_order_snapshot_account_id"), "account", ["account_id"], ["id"]
        )
    with op.batch_alter_table("rep") as batch_op:
        batch_op.add_column(sa.Column("owner_id", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_rep_owner_id"), ["owner_id"])
        batch_op.create_foreign_key(batch_op.f("fk_rep_owner_id"), "rep", ["owner_id"], ["id"])
        batch_op.create_foreign_key("fk_rep_team_id", "team", ["team_id"], ["id"])
    with op.batch_alter_table("team") as batch_op:
        batch_op.add_column(sa.Column("owner_id", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_team_owner_id"), ["owner_id"])
        batch_op.create_foreign_key(batch_op.f("fk_team_owner_id"), "rep", ["owner_id"], ["id"])
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.add_column(sa.Column("contact_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("device_id", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("text", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("priority", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("owner_id", sa.String(length=40), nullable=True))
        batch_op.create_index(batch_op.f("ix_ticket_contact_id"), ["contact_id"])
        batch_op.create_index(batch_op.f("ix_ticket_device_id"), ["device_id"])
        batch_op.create_index(batch_op.f("ix_ticket_owner_id"), ["owner_id"])
        batch_op.create_foreign_key(batch_op.f("fk_ticket_owner_id"), "rep", ["owner_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_ticket_device_id"), "device", ["device_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_ticket_contact_id"), "contact", ["contact_id"], ["id"])
        batch_op.create_check_constraint(
            batch_op.f("ck_ticket_priority"), "priority IN ('low', 'normal', 'high', 'urgent')"
        )
    with op.batch_alter_table("user_account") as batch_op:
        batch_op.add_column(sa.Column("email", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("region", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("totp_secret", sa.String(length=400), nullable=True))
        batch_op.add_column(sa.Column("totp_used_step", sa.Integer(), nullable=True))
        batch_op.alter_column("source", existing_type=sa.String(length=40), nullable=False)
        batch_op.alter_column("external_id", existing_type=sa.String(length=120), nullable=False)
        batch_op.add_column(sa.Column("owner_id", sa.String(length=40), nullable=True))
        batch_op.alter_column("updated_at", existing_type=UtcMoment(), nullable=False)
        batch_op.add_column(sa.Column("deleted_at", UtcMoment(), nullable=True))
        batch_op.alter_column("version", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("password_hash", existing_type=sa.VARCHAR(length=200), nullable=True)
        batch_op.create_index(batch_op.f("ix_user_account_owner_id"), ["owner_id"])
        batch_op.create_unique_constraint(
            batch_op.f("uq_user_account_source_external_id"), ["source", "external_id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_user_account_rep_id"), "rep", ["rep_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_user_account_owner_id"), "rep", ["owner_id"], ["id"])
        batch_op.create_check_constraint(
            batch_op.f("ck_user_account_role"),
            "role IN ('rep', 'lead', 'manager', 'operations', 'scientist', 'service', 'admin')",
        )
    with op.batch_alter_table("web_session") as batch_op:
        batch_op.alter_column("pending", existing_type=sa.Boolean(), nullable=False)


def downgrade() -> None:
    # Who signed in by single sign-on only has no password: a mark that no password matches stands in.
    op.execute("UPDATE user_account SET password_hash = '!' WHERE password_hash IS NULL")
    with op.batch_alter_table("web_session") as batch_op:
        batch_op.drop_column("pending")
    with op.batch_alter_table("user_account") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_user_account_role"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_user_account_owner_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_user_account_rep_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_user_account_source_external_id"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_user_account_owner_id"))
        batch_op.alter_column("password_hash", existing_type=sa.VARCHAR(length=200), nullable=False)
        batch_op.drop_column("version")
        batch_op.drop_column("deleted_at")
        batch_op.drop_column("updated_at")
        batch_op.drop_column("owner_id")
        batch_op.drop_column("external_id")
        batch_op.drop_column("source")
        batch_op.drop_column("totp_used_step")
        batch_op.drop_column("totp_secret")
        batch_op.drop_column("region")
        batch_op.drop_column("email")
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_ticket_priority"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_ticket_contact_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_ticket_device_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_ticket_owner_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_ticket_owner_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_device_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_contact_id"))
        batch_op.drop_column("owner_id")
        batch_op.drop_column("priority")
        batch_op.drop_column("text")
        batch_op.drop_column("device_id")
        batch_op.drop_column("contact_id")
    with op.batch_alter_table("team") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_team_owner_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_team_owner_id"))
        batch_op.drop_column("owner_id")
    with op.batch_alter_table("rep") as batch_op:
        batch_op.drop_constraint("fk_rep_team_id", type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_rep_owner_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_rep_owner_id"))
        batch_op.drop_column("owner_id")
    with op.batch_alter_table("order_snapshot") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_order_snapshot_account_id"), type_="foreignkey")
        batch_op.drop_index("ix_order_snapshot_txid_id")
        batch_op.drop_column("txid")
    with op.batch_alter_table("opportunity") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_opportunity_lead_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_opportunity_decision_maker_id"), type_="foreignkey")
        batch_op.drop_column("lost_reason")
        batch_op.drop_column("decision_chain")
        batch_op.drop_column("decision_maker_id")
        batch_op.drop_column("budget")
        batch_op.drop_column("product_line")
    with op.batch_alter_table("lead") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_lead_intake_state"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_lead_merged_into"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_lead_merged_into"))
        batch_op.drop_column("merged_into")
        batch_op.drop_column("intake_state")
        batch_op.drop_column("submitted_at")
        batch_op.drop_column("ip_place")
        batch_op.drop_column("adcode")
        batch_op.drop_column("address")
        batch_op.drop_column("industry_code")
        batch_op.drop_column("budget")
        batch_op.drop_column("email")
        batch_op.drop_column("phone_carrier")
        batch_op.drop_column("phone_region")
        batch_op.drop_column("credit_code")
    with op.batch_alter_table("import_job") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_import_job_status"), type_="check")
        batch_op.drop_column("error")
        batch_op.drop_column("position")
        batch_op.drop_column("updated_at")
        batch_op.drop_column("actor")
        batch_op.drop_column("status")
        batch_op.drop_column("mapping")
        batch_op.drop_column("entity")
    with op.batch_alter_table("contract") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_contract_opportunity_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_contract_owner_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_contract_owner_id"))
        batch_op.drop_index(batch_op.f("ix_contract_opportunity_id"))
        batch_op.drop_column("owner_id")
        batch_op.drop_column("opportunity_id")
    with op.batch_alter_table("contact") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_contact_status"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_contact_owner_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_contact_owner_id"))
        batch_op.drop_column("owner_id")
        batch_op.drop_column("status")
        batch_op.drop_column("wechat")
        batch_op.drop_column("department")
        batch_op.drop_column("role")
    op.drop_index("ix_change_log_txid_id", "change_log")
    op.drop_column("change_log", "txid")
    with op.batch_alter_table("api_key") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_api_key_user_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_api_key_user_id"))
        batch_op.drop_column("created_by")
        batch_op.drop_column("user_id")
    with op.batch_alter_table("activity") as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_activity_scene"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_activity_corrects_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_activity_account_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_activity_opportunity_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_activity_contact_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_activity_lead_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_activity_rep_id"), type_="foreignkey")
        batch_op.drop_index("ix_activity_txid_id")
        batch_op.drop_index(
            "ix_activity_opportunity_id",
            postgresql_where=sa.text("opportunity_id IS NOT NULL"),
            sqlite_where=sa.text("opportunity_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_activity_contact_id",
            postgresql_where=sa.text("contact_id IS NOT NULL"),
            sqlite_where=sa.text("contact_id IS NOT NULL"),
        )
        batch_op.drop_column("txid")
        batch_op.drop_column("entered_by")
        batch_op.drop_column("scene")
        batch_op.drop_column("opportunity_id")
        batch_op.drop_column("contact_id")
    with op.batch_alter_table("account") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_account_parent_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_account_merged_into"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_account_parent_id"))
        batch_op.drop_index(batch_op.f("ix_account_merged_into"))
        batch_op.drop_index(batch_op.f("ix_account_credit_code"))
        batch_op.drop_column("merged_into")
        batch_op.drop_column("parent_id")
        batch_op.drop_column("insured_headcount")
        batch_op.drop_column("registered_capital")
        batch_op.drop_column("expected_margin")
        batch_op.drop_column("industry_code")
        batch_op.drop_column("adcode")
        batch_op.drop_column("address")
        batch_op.drop_column("phone")
        batch_op.drop_column("credit_code")
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER activity_refuses_{verb.lower()} BEFORE {verb} ON activity "
                "BEGIN SELECT RAISE(ABORT, 'activity is append-only'); END"
            )
