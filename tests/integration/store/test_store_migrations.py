"""Migrations lead to exactly the models' schema, and back to nothing, on both stores."""

from datetime import UTC, datetime
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, column, insert, inspect, select, table
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import downgrade, migrate, open_engine, session_factory, transaction
from crm_store.models import Base, Team
from crm_store.models.base import UtcMoment
from crm_store.repositories.writes.changelog import verify
from crm_store.repositories.writes.records import states_of, write_record

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def test_base_to_head_to_base_to_head(empty_store_url: str) -> None:
    migrate(empty_store_url)
    first = schema(empty_store_url)
    downgrade(empty_store_url, "base")
    assert set(schema(empty_store_url)) <= {"alembic_version"}
    migrate(empty_store_url)
    assert schema(empty_store_url) == first
    assert set(first) == set(Base.metadata.tables) | {"alembic_version"}


def test_migrating_again_changes_nothing(store_url: str) -> None:
    before = schema(store_url)
    migrate(store_url)
    assert schema(store_url) == before


def test_models_and_migrations_do_not_drift(store_engine: Engine) -> None:
    options = {"compare_type": True, "compare_server_default": _apart_from_txid}
    with store_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


def test_checks_are_those_of_the_models(store_url: str, store_engine: Engine) -> None:
    """Alembic compares columns, keys and indexes, but no CHECK constraints: drop all, create, compare."""
    migrated = schema(store_url)
    downgrade(store_url, "base")
    Base.metadata.create_all(store_engine)
    created = schema(store_url)
    assert {name: created[name]["checks"] for name in Base.metadata.tables} == {
        name: migrated[name]["checks"] for name in Base.metadata.tables
    }


def test_a_store_may_lie_in_a_folder_with_odd_signs(tmp_path: Any) -> None:
    folder = tmp_path / "100% 线索"
    folder.mkdir()
    migrate(f"sqlite:///{folder / 'store.db'}")
    assert "lead" in schema(f"sqlite:///{folder / 'store.db'}")


def test_rows_survive_going_one_step_back_and_forth(store_url: str, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        team = {"source": "s", "external_id": "1", "name": "华东"}
        write_record(session, "team", "tea_1", team, actor="job:test", recorded_at=MOMENT, now=MOMENT)
    sessions.kw["bind"].dispose()
    downgrade(store_url, "-1")
    migrate(store_url)
    with sessions() as session:
        assert session.execute(select(Team.name, Team.created_at)).all() == [("华东", MOMENT)]


def test_users_of_before_get_the_history_they_lacked(empty_store_url: str) -> None:
    migrate(empty_store_url, "0004")
    engine = open_engine(empty_store_url)
    columns = ["id", "name", "password_hash", "role", "failed_attempts", "created_at"]
    users = table("user_account", *map(column, columns[:-1]), column("created_at", UtcMoment()))
    row = ("use_1", "王芳", "$argon2id$", "manager", 0, MOMENT)
    with engine.begin() as connection:
        connection.execute(insert(users).values(dict(zip(columns, row, strict=True))))
    migrate(empty_store_url)
    with session_factory(engine)() as session:
        assert verify(session) == []
        assert [state["name"] for state in states_of(session, "user", "use_1")] == ["王芳"]
    engine.dispose()


def _apart_from_txid(_context: Any, _inspected: Any, metadata_column: Any, *_: Any) -> bool | None:
    """Compare every default but the transaction number, which only PostgreSQL has."""
    return False if metadata_column.name == "txid" else None


def schema(url: str) -> dict[str, Any]:
    engine = open_engine(url)
    inspector = inspect(engine)
    found = {
        name: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"])
                for column in inspector.get_columns(name)
            ],
            "indexes": sorted(str(index["name"]) for index in inspector.get_indexes(name)),
            "uniques": sorted(str(one["name"]) for one in inspector.get_unique_constraints(name)),
            "checks": sorted(
                (str(one["name"]), one["sqltext"]) for one in inspector.get_check_constraints(name)
            ),
            "foreign": sorted(str(one["name"]) for one in inspector.get_foreign_keys(name)),
        }
        for name in inspector.get_table_names()
    }
    engine.dispose()
    return found
