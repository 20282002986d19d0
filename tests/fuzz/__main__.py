"""``python -m tests.fuzz NAME --seconds N`` looks for inputs that break a reader, led by coverage (atheris).

``--runs N`` spoils good inputs by chance instead, the same ones for the same ``--seed``. Prints one JSON
line; an input that breaks a reader is kept in the current folder and ends the run with its traceback.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.spoiling import spoiled
from tests.fuzz.targets import TARGETS, Target

MEMORY_MB = 2_048
SLOW_S = 20


def main() -> int:
    """Run one target."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("name", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, help="look for so long, led by coverage")
    parser.add_argument("--runs", type=int, default=1_000, help="spoil so many inputs by chance")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    target = TARGETS[given.name]
    if given.seconds:
        search(given.name, target, given.seconds, given.seed)  # does not return
    start = time.monotonic()
    for data in islice(spoiled(target.seeds(), given.seed), given.runs):
        _kept_if_it_breaks(given.name, target.read, data)
    tell(given.name, given.runs, time.monotonic() - start)
    return 0


def search(name: str, target: Target, seconds: int, seed: int) -> None:
    """Let atheris look; libFuzzer ends the process, and says itself how often it ran."""
    import atheris

    runs, start = 0, time.monotonic()
    with atheris.instrument_imports(include=list(target.modules), enable_loader_override=False):
        target.read(target.seeds()[0])  # imports what is watched

    def read(data: bytes) -> None:
        nonlocal runs
        runs += 1
        target.read(data)
        if time.monotonic() - start > seconds:
            tell(name, runs, time.monotonic() - start)
            sys.stdout.flush()
            os._exit(0)

    with TemporaryDirectory(prefix="leadpulse-corpus-") as corpus:
        for number, good in enumerate(target.seeds()):
            (Path(corpus) / str(number)).write_bytes(good)
        limits = [f"-rss_limit_mb={MEMORY_MB}", f"-timeout={SLOW_S}", "-max_len=65536", f"-seed={seed}"]
        atheris.Setup([sys.argv[0], *limits, "-verbosity=0", corpus], read)
        atheris.Fuzz()


def tell(name: str, runs: int, seconds: float) -> None:
    """Print how much was tried."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"fuzz": name, "executions": runs, "seconds": round(seconds, 1), "peak_mb": peak}))


def _kept_if_it_breaks(name: str, read: Callable[[bytes], object], data: bytes) -> None:
    try:
        read(data)
    except BaseException:
        Path(f"crash-{name}").write_bytes(data)
        raise


if __name__ == "__main__":
    sys.exit(main())
