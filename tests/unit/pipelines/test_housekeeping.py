"""What a served folder does by itself begins in turn, so that no two threads import one package at once."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipelines.housekeeping import Chore, housekeeping

FRESH = """
import sys, threading
from pathlib import Path
from pipelines.housekeeping import Chore, chores_of, housekeeping
from pipelines.runtime import Runtime

through = threading.Event()
with housekeeping([*chores_of(Runtime.at(Path(sys.argv[1]))), Chore("end", 600, through.set)]):
    assert through.wait(120)
"""


def test_chores_begin_one_after_the_other_and_one_that_fails_holds_nobody_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    running, seen, through = threading.Lock(), [], threading.Event()

    def work(name: str) -> None:
        alone = running.acquire(blocking=False)
        seen.append((name, alone))
        if name == "broken":
            running.release()
            raise OSError("no space left")
        running.release()

    chores = [Chore(name, 600, lambda name=name: work(name)) for name in ("one", "broken", "other")]  # type: ignore[misc]
    with housekeeping([*chores, Chore("end", 600, through.set)]):
        assert through.wait(30)
    assert seen == [("one", True), ("broken", True), ("other", True)]
    assert "broken failed 失败: no space left" in capsys.readouterr().err


def test_a_process_that_has_imported_nothing_yet_does_every_chore(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    (tmp_path / "crm.db").write_bytes(migrated_sqlite.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", FRESH, tmp_path], capture_output=True, text=True, timeout=150, check=True
    )
    assert "failed" not in done.stdout + done.stderr
