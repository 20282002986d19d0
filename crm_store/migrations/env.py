"""Runs migrations on the connection that ``crm_store.database`` hands over. Not run by itself."""

from typing import Any

from alembic import context
from sqlalchemy import Connection

from crm_store.models import Base

# Any constant does; it names the lock that keeps two migrations of one PostgreSQL database apart.
_LOCK = 5_318_008_001


def differs_in_default(_context: Any, _inspected: Any, column: Any, *_: Any) -> bool | None:
    """Leave the transaction number alone, whose default only PostgreSQL has; None is Alembic's own check."""
    return False if column.name == "txid" else None


def run(connection: Connection) -> None:
    """Apply the steps between the store's revision and the wanted one, in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
        compare_type=True,
        compare_server_default=differs_in_default,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            # A migration that cannot get its lock soon gives way to the running application.
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            connection.exec_driver_sql("SET LOCAL statement_timeout = '15min'")
        context.run_migrations()


run(context.config.attributes["connection"])
