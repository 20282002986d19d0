"""A Spark standalone cluster on loopback: a master and two workers, each a process of its own."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_MASTER = "org.apache.spark.deploy.master.Master"
_WORKER = "org.apache.spark.deploy.worker.Worker"
STARTUP_SECONDS = 120.0
# What lives for a minute is not worth optimising: half the processor time would go into that.
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@contextmanager
def cluster(folder: Path, workers: int = 2, memory: str = "1g") -> Iterator[str]:
    """Run a master and its workers while the block runs; give the master's URL."""
    with ExitStack() as running:
        log = running.enter_context(_process(folder / "master", _MASTER, "--port", "0", "--webui-port", "0"))
        url = _told(log, r"Starting Spark master at (spark://\S+)")
        logs = []
        for number in range(workers):
            options = (
                "--cores",
                "1",
                "--memory",
                memory,
                "--webui-port",
                "0",
                "--work-dir",
                str(folder / "work"),
            )
            logs.append(running.enter_context(_process(folder / f"worker-{number}", _WORKER, *options, url)))
        for log in logs:
            _told(log, r"Successfully registered with master (\S+)")
        yield url


@contextmanager
def _process(log: Path, name: str, *options: str) -> Iterator[Path]:
    import pyspark

    home = Path(pyspark.__file__).parent
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": SHORT_LIVED,
        "SPARK_LAUNCHER_OPTS": SHORT_LIVED,
    }
    command = [str(home / "bin" / "spark-class"), name, "--host", "127.0.0.1", *options]
    with log.open("wb") as out:
        child = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield log
        finally:
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _told(log: Path, pattern: str) -> str:
    """Wait until a process has said something, and return it."""
    ends = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < ends:
        if found := re.search(pattern, log.read_text("utf-8", "replace")):
            return found[1]
        time.sleep(0.1)
    raise TimeoutError(log.read_text("utf-8", "replace")[-2000:])
