"""Data folders that the command itself has built, once per session."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

LEADPULSE = Path(sys.executable).parent / "leadpulse"


def leadpulse(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command on a data folder, as a person would."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADPULSE_")}
    return subprocess.run(
        [str(LEADPULSE), *arguments, "--home", str(home)],
        env={**kept, "TZ": "UTC", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def last_line(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the JSON object on the last line of the output."""
    assert run.returncode == 0, run.stderr
    summary: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return summary
