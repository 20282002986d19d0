"""``leadpulse --help`` against a bare Typer program, each in a fresh process."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

RUNS = 15
BARE = """
import typer
app = typer.Typer()

@app.command()
def hello(name: str) -> None:
    "Say hello."

@app.command()
def bye(name: str) -> None:
    "Say bye."

app()
"""


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def run() -> dict[str, float]:
    """Return the median seconds of both and the median of the paired ratios."""
    with TemporaryDirectory() as folder:
        bare_file = Path(folder) / "bare.py"
        bare_file.write_text(BARE)
        bare = [sys.executable, str(bare_file), "--help"]
        ours = [str(Path(sys.executable).parent / "leadpulse"), "--help"]
        for command in (bare, ours, bare, ours):
            _seconds(command)
        pairs = [(_seconds(ours), _seconds(bare)) for _ in range(RUNS)]
    return {
        "ratio": round(statistics.median(a / b for a, b in pairs), 3),
        "leadpulse_help_s": round(statistics.median(a for a, _ in pairs), 4),
        "bare_typer_help_s": round(statistics.median(b for _, b in pairs), 4),
    }
