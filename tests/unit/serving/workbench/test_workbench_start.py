"""The workbench starts quickly: none of what makes models or features in bulk comes with it."""

import subprocess
import sys

HEAVY = (
    "feast",
    "mlflow",
    "lightgbm",
    "pandas",
    "pyarrow",
    "duckdb",
    "ibis",
    "sklearn",
    "bentoml",
    "matplotlib",
)
PROGRAM = """
import sys
from datetime import UTC, datetime
from sqlalchemy.orm import sessionmaker
from serving.workbench.app import create_workbench
from serving.workbench.deps import WorkbenchDeps
assert "nicegui" not in sys.modules, "importing the module must be instant"
create_workbench(WorkbenchDeps(sessionmaker(), lambda: datetime.now(UTC), ("http://localhost:8080",)))
print(*(name for name in {heavy!r} if name in sys.modules))
"""


def test_building_it_imports_nothing_heavy() -> None:
    program = PROGRAM.format(heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
