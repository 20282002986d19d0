"""``leadpulse work``: keep features and scores fresh until a signal ends it."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from threading import Event
from types import FrameType

from pipelines.runtime import Runtime, utc_now

# How often it is looked whether the features have been built meanwhile.
LOOK_EVERY_SECONDS = 2.0


def run_worker(home: Path | None) -> int:
    """Work for a data folder and return the exit code. Without built features it waits for them."""
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("leadpulse").setLevel(logging.INFO)
    stop = Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    runtime = Runtime.at(home)
    if not _built(runtime, stop):
        return 0
    from pipelines.fresh.worker import Worker

    Worker(runtime, utc_now).run(stop)
    return 0


def _built(runtime: Runtime, stop: Event) -> bool:
    """Wait until the features are registered; False when ended before that."""
    told = False
    while not stop.is_set():
        if runtime.features.applied:
            return True
        if not told:
            logging.getLogger("leadpulse.fresh").info("features_not_built: waiting for leadpulse build")
            told = True
        stop.wait(LOOK_EVERY_SECONDS)
    return False
