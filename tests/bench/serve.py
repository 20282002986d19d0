"""Scores with reasons over HTTP against a BentoML operation that does nothing.

Both are served by BentoML with the same settings on one worker, and asked by the same client over eight
kept-alive connections, in alternating rounds. Each request scores one lead, another one each time.
"""

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from tests.bench._load import Round, ask, post

CONNECTIONS = 8
ROUND_SECONDS = 2.0
ROUNDS = 4
START_SECONDS = 120.0
BY_MODEL = b'"rung":"model"'
ROOT = Path(__file__).resolve().parents[2]


Rounds = dict[str, list[Round]]


def run() -> dict[str, float]:
    """Return throughput and latency of each service and the ratios to the one that does nothing.

    ``computed`` reads the features and computes score and reasons for every request; ``known`` is the
    service as shipped, which keeps both while the lead's features and the champion stay the same.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        built = _build(folder)
        scores = [_score(entity_id, built["key"]) for entity_id in built["ids"]]
        idle = [post("/noop", b"{}", {})]
        with ExitStack() as running:
            ports = {}
            for service in ("known", "computed", "Noop"):
                ports[service], started = running.enter_context(_served(service, folder))
                if service == "Noop":
                    _wait(ports[service], idle[0], b"ok", started)
                    continue
                first = _wait(ports[service], scores[0], b'"score":{', started)
                by_model = _wait(ports[service], scores[0], BY_MODEL, started)
            rounds = asyncio.run(_rounds(ports, scores, idle))
    starts = {"first_score_s": round(first, 1), "first_model_score_s": round(by_model, 1)}
    return _figures(rounds) | starts


async def _rounds(ports: dict[str, int], scores: list[bytes], idle: list[bytes]) -> Rounds:
    rounds: Rounds = {service: [] for service in ports}
    for number in range(ROUNDS + 1):
        for service, port in ports.items():
            asked, expect = (idle, b"ok") if service == "Noop" else (scores, BY_MODEL)
            measured = await ask(port, asked, expect, CONNECTIONS, ROUND_SECONDS)
            if number:  # the first round is to get warm
                rounds[service].append(measured)
    return rounds


def _figures(rounds: Rounds) -> dict[str, float]:
    """Medians over the rounds. A ratio of throughput below 1 and of latency above 1 means slower."""
    figures: dict[str, float] = {}
    idle = rounds["Noop"]
    for service in ("computed", "known"):
        pairs = list(zip(rounds[service], idle, strict=True))
        figures |= {
            f"{service}_rps_ratio": _middle(s.per_second / i.per_second for s, i in pairs),
            f"{service}_p50_ratio": _middle(s.percentile(0.5) / i.percentile(0.5) for s, i in pairs),
            f"{service}_p99_ratio": _middle(s.percentile(0.99) / i.percentile(0.99) for s, i in pairs),
        }
    for service, measured in rounds.items():
        name = service.lower()
        figures |= {
            f"{name}_rps": round(_middle(r.per_second for r in measured)),
            f"{name}_p50_ms": _middle(1e3 * r.percentile(0.5) for r in measured),
            f"{name}_p99_ms": _middle(1e3 * r.percentile(0.99) for r in measured),
        }
    return figures


def _middle(figures: Iterable[float]) -> float:
    return round(statistics.median(figures), 3)


def _build(folder: Path) -> dict[str, list[str] | str]:
    """Fill the data folder in a process of its own: what that imports must not slow the client down."""
    command = [sys.executable, "-m", "tests.bench._serve_home", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, env=_environment(folder), stdout=subprocess.DEVNULL)
    return orjson.loads((folder / "bench.json").read_bytes())


def _score(entity_id: str, key: str) -> bytes:
    return post("/v1/leads/score", orjson.dumps({"ids": [entity_id]}), {"Authorization": f"Bearer {key}"})


def _environment(folder: Path) -> dict[str, str]:
    own = {"LEADPULSE_HOME": str(folder), "BENTOML_HOME": str(folder / "bentoml")}
    return os.environ | own | {"BENTOML_DO_NOT_TRACK": "true", "TZ": "UTC"}


@contextmanager
def _served(service: str, folder: Path) -> Iterator[tuple[int, float]]:
    """Serve one of the two; gives its port and when it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bentoml", "serve", f"tests.bench._serve_app:{service}"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--working-dir", str(ROOT)]
    started = time.perf_counter()
    with (folder / f"{service}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=_environment(folder), stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield port, started
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait(port: int, request: bytes, expect: bytes, started: float) -> float:
    """Ask until the answer contains ``expect``; return the seconds since the start."""
    while time.perf_counter() - started < START_SECONDS:
        try:
            asyncio.run(ask(port, [request], expect, 1, 0.01))
        except (OSError, AssertionError, EOFError, asyncio.IncompleteReadError):
            time.sleep(0.05)
        else:
            return time.perf_counter() - started
    raise TimeoutError(f"no answer with {expect!r}")
