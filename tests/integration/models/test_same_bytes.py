"""The same data and seed give the same model, to the byte, in whatever process."""

import os
import subprocess
import sys
from pathlib import Path


def test_two_processes_train_the_same_bytes(tmp_path: Path) -> None:
    running = []
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-m", "tests.integration.models.trained_bytes", str(tmp_path / hash_seed)]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        running.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    told = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert told[0]
    assert told[0] == told[1]
