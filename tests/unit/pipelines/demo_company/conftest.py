"""One small company and one of a tenth of the full size, generated once."""

from datetime import UTC, datetime

import pytest

from pipelines.demo_company import DemoCompany, generate

NOW = datetime(2025, 6, 18, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def small_company() -> DemoCompany:
    return generate(seed=11, now=NOW, scale=0.02)


@pytest.fixture(scope="session")
def tenth_company() -> DemoCompany:
    return generate(seed=11, now=NOW, scale=0.1)
