"""How to start the scoring API as a process of its own. Imports nothing heavy: the command line uses it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

SERVICE = "serving.bento_service:LeadPulse"


@dataclass(frozen=True)
class Launch:
    """A command line, and the variables to add to its environment."""

    command: list[str]
    environment: dict[str, str]


def serve_command(host: str, port: int, home: Path) -> Launch:
    """Return how to serve the data folder ``home`` on an address, through BentoML with one worker.

    BentoML's own state goes below ``home``, its telemetry is off, and its configuration is the one
    written here. The caller must make ``home`` known to the app (``LEADPULSE_HOME``) and wait for
    ``/readyz``.
    """
    state = home / "bentoml"
    state.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).resolve().parent.parent
    arguments = ["--host", host, "--port", str(port), "--working-dir", str(root), "--api-workers", "1"]
    return Launch(
        [sys.executable, "-m", "bentoml", "serve", SERVICE, *arguments],
        {
            "BENTOML_HOME": str(state),
            "BENTOML_DO_NOT_TRACK": "true",
            "PROMETHEUS_MULTIPROC_DIR": str(state / "prometheus"),
            "TZ": "UTC",
        },
    )
