"""From the commit of an event to the online features and to a score that knows it, under a steady load.

Events are committed one by one at a set rate on the embedded store, while ``leadpulse work`` follows them in
a process of its own. The reference reads the same feed in the same run and does nothing with it. An event is
in the features when the number of the lead's chats among them has reached the event's own number. It is
scored when a score from data of a later moment stands, or when the worker has dealt with all until then and
the score had not moved.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PER_SECOND, SECONDS = 200, 60


def run() -> dict[str, Any]:
    """Return the percentiles in seconds, what was lost, and the ratio to a consumer that does nothing."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _run("tests.bench._fresh_home", folder)
        worker = _start("pipelines.cli", folder, "work")
        try:
            _run("tests.bench._fresh_load", folder, "warm")
            before = _cpu(worker.pid)
            watch = _start("tests.bench._fresh_watch", folder)
            while not (folder / "watching").exists() and watch.poll() is None:
                time.sleep(0.05)
            _run("tests.bench._fresh_load", folder, str(PER_SECOND), str(SECONDS))
            busy = (_cpu(worker.pid) - before) / (PER_SECOND * SECONDS)
            watch.wait(120)
        finally:
            worker.terminate()
            worker.wait(30)
        return _figures(json.loads((folder / "seen.json").read_text())) | {
            "worker_cpu_ms_per_event": round(1e3 * busy, 2)
        }


def _figures(seen: dict[str, Any]) -> dict[str, Any]:
    latencies: dict[str, list[float]] = seen["latencies"]
    figures: dict[str, Any] = {"events": seen["events"], "per_second": round(seen["per_second"], 1)}
    for name, label in (("features", "features"), ("score", "score"), ("noop", "noop")):
        figures |= {f"{label}_p{q}_s": round(_quantile(latencies[name], q), 3) for q in (50, 99)}
        figures[f"{label}_lost"] = seen["events"] - len(latencies[name])
    for q in (50, 99):
        ratio = _quantile(latencies["score"], q) / _quantile(latencies["noop"], q)
        figures[f"score_to_noop_p{q}"] = round(ratio, 2)
    return figures | {"scores_appended": seen["appended"], "score_max_s": round(max(latencies["score"]), 3)}


def _quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _run(module: str, folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=_environment(folder), stdout=subprocess.DEVNULL)


def _start(module: str, folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=_environment(folder), stdout=sys.stderr)


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {"LEADPULSE_HOME": str(folder), "TZ": "UTC"}


def _cpu(pid: int) -> float:
    """Return the seconds of processor time that a process has taken (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
