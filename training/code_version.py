"""Which code this is: the commit in a checkout, the package's version elsewhere."""

import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


@cache
def code_version() -> str:
    """Return the commit, marked ``-dirty`` when files differ from it, or ``leadpulse`` and its version."""
    git = shutil.which("git")
    if git is not None and (_ROOT / ".git").exists():
        command = [git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        answer = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
        if answer.returncode == 0 and answer.stdout.strip():
            return answer.stdout.strip()
    try:
        return f"leadpulse {version('leadpulse')}"
    except PackageNotFoundError:
        return "unknown"
