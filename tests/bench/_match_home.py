"""A demo company in a folder of its own, as far as training a match needs it: records and feature sources."""

from datetime import UTC, datetime
from pathlib import Path

from pipelines.commands import migrated
from pipelines.demo_company import generate
from pipelines.demo_company.loading import load
from pipelines.jobs import export_sources
from pipelines.runtime import Runtime

SEED = 3
NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)


def company(home: Path, scale: float, seed: int = SEED) -> Runtime:
    """Return the runtime of a new demo company of this size."""
    runtime = migrated(home)
    load(runtime.engine, generate(seed, NOW, scale), NOW)
    export_sources(runtime, lambda _done, _total: None)
    return runtime
