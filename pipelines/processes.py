"""The services of a data folder as child processes: scoring API, workbench, MLflow UI, fresh scores."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from pipelines.settings import Settings

STARTUP_SECONDS = 90.0
POLL_SECONDS = 0.1
STOP_SECONDS = 10.0


class ServiceFailed(RuntimeError):
    """A service ended or did not come up; carries its name and where its log is."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"{name} did not start, its log is {log} ({name} 未能启动，日志见 {log})")
        self.name = name
        self.log = log


@dataclass(frozen=True)
class Service:
    """One child process: how to start it, and the address that answers once it is ready, if it has one.

    One that ``restarts`` is started again when it ends; of any other the end is everyone's.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    ready_url: str = ""
    url: str = ""
    restarts: bool = False


def free_port(host: str, wanted: int) -> int:
    """Return ``wanted`` if nothing listens there, otherwise a free port that the system chooses."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no free port on {host}")


def mlflow_service(settings: Settings, port: int) -> Service:
    """Return the MLflow UI over the folder's tracking store."""
    arguments = ["--backend-store-uri", settings.tracking, "--host", settings.host, "--port", str(port)]
    arguments += ["--artifacts-destination", str(settings.mlflow_folder / "artifacts")]
    url = f"http://{settings.host}:{port}"
    return Service(
        "MLflow UI",
        [sys.executable, "-m", "mlflow", "ui", "--workers", "1", *arguments],
        # Its job runner would start a dozen processes for features that nothing here uses.
        {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        f"{url}/health",
        url,
    )


class Supervisor:
    """Starts services, waits until each answers, and ends them together."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[tuple[Service, subprocess.Popen[bytes], IO[bytes]]] = []

    def start(self, services: list[Service]) -> None:
        """Start every service in a process group of its own; output goes to one log file each."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for service in services:
            log = self._log(service).open("wb")
            self._children.append((service, _started(service, log), log))

    def wait_ready(self, report: Callable[[int, int], None]) -> None:
        """Return when every service answers. Raises ServiceFailed if one ends or takes too long."""
        deadline = time.monotonic() + STARTUP_SECONDS
        waiting = list(self._children)
        while waiting:
            for entry in list(waiting):
                service, child, _ = entry
                if child.poll() is not None or time.monotonic() > deadline:
                    raise ServiceFailed(service.name, self._log(service))
                if not service.ready_url or _answers(service.ready_url):
                    waiting.remove(entry)
            report(len(self._children) - len(waiting), len(self._children))
            time.sleep(POLL_SECONDS)

    def run_until_signal(self) -> None:
        """Block until Ctrl-C or SIGTERM. Raises ServiceFailed if a service ends by itself."""
        stopped = False

        def stop(_signal: int, _frame: FrameType | None) -> None:
            nonlocal stopped
            stopped = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        while not stopped:
            for place, (service, child, log) in enumerate(self._children):
                if child.poll() is None:
                    continue
                if not service.restarts:
                    raise ServiceFailed(service.name, self._log(service))
                self._children[place] = (service, _started(service, log), log)
            time.sleep(0.5)

    def stop(self) -> None:
        """End every service, first politely."""
        for _, child, _ in self._children:
            _signal_group(child, signal.SIGTERM)
        for _, child, log in self._children:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                _signal_group(child, signal.SIGKILL)
                child.wait()
            log.close()
        self._children.clear()

    def _log(self, service: Service) -> Path:
        return self._logs / f"{service.name.lower().replace(' ', '-')}.log"


def _started(service: Service, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own command lines
        service.command,
        env={**os.environ, **service.environment},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


def _answers(url: str) -> bool:
    """Tell whether a service answers and, where it reports on its parts, none of them is still starting."""
    import httpx

    try:
        answer = httpx.get(url, timeout=2)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and b'"starting"' not in answer.content
