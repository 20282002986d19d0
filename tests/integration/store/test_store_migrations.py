"""Migrations lead to exactly the models' schema, and back to nothing, on both stores."""

from datetime import UTC, datetime
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, inspect, select

from crm_store.database import downgrade, migrate, open_engine
from crm_store.models import Base, Team


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
    options = {"compare_type": True, "compare_server_default": True}
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


def test_rows_survive_going_one_step_back_and_forth(store_url: str, store_engine: Engine) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    row = {"id": "tea_1", "source": "s", "external_id": "1", "name": "华东", "version": 1}
    with store_engine.begin() as connection:
        connection.execute(insert(Team), [row | {"created_at": moment, "updated_at": moment}])
    downgrade(store_url, "-1")
    migrate(store_url)
    with store_engine.connect() as connection:
        assert connection.execute(select(Team.name, Team.created_at)).all() == [("华东", moment)]


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
