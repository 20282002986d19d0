"""Spoiled inputs end in typed refusals: a few on every push, more at night, and most by ``tests.fuzz``."""

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.__main__ import MEMORY_MB
from tests.fuzz.spoiling import spoiled
from tests.fuzz.targets import TARGETS
from tests.sizes import full

HERE = sorted(set(TARGETS) - {"xlsx"})
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", HERE)
def test_spoiled_inputs_are_refused_or_read(name: str) -> None:
    """Whatever else is raised fails the test; so does taking for ever."""
    target = TARGETS[name]
    for data in [*target.seeds(), *islice(spoiled(target.seeds(), seed=18), full(100, 20_000))]:
        target.read(data)


def test_spoiled_workbooks_are_refused_or_read_within_bounds(tmp_path: Path) -> None:
    """In a process of its own, which forks one for each workbook."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "tests.fuzz",
        "xlsx",
        "--runs",
        str(full(60, 5_000)),
        "--seed",
        "18",
    ]
    environment = {"PYTHONPATH": str(ROOT), "TZ": "UTC"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["executions"] == full(60, 5_000)
    assert told["peak_mb"] < MEMORY_MB


def test_the_same_seed_spoils_the_same_way() -> None:
    first, again = (list(islice(spoiled([b"abc", b"12345"], seed=7), 50)) for _ in range(2))
    assert first == again
    assert len(set(first)) > 30
