"""A generated company goes into a store whole, and only once."""

from pathlib import Path

from sqlalchemy import func, select

from crm_store.database import migrate, open_engine
from crm_store.models import Base
from pipelines.demo_company import DemoCompany
from pipelines.demo_company.loading import ORDER, load


def test_a_company_is_loaded_once(small_company: DemoCompany, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate(url)
    engine = open_engine(url)
    seen: list[tuple[int, int]] = []
    try:
        added = load(engine, small_company, small_company.now, lambda done, total: seen.append((done, total)))
        again = load(engine, small_company, small_company.now)
        with engine.connect() as connection:
            stored = {
                name: connection.scalar(select(func.count()).select_from(Base.metadata.tables[name])) or 0
                for name in (*ORDER, *small_company.facts)
            }
    finally:
        engine.dispose()

    for entity in ORDER:
        assert stored[entity] == len({row["id"] for row in small_company.histories[entity]})
        assert added[entity] >= stored[entity]
    for name, table in small_company.facts.items():
        assert added[name] == stored[name] == table.num_rows
    assert set(again.values()) == {0}
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
