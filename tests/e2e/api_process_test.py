"""The scoring API as it runs: BentoML in its own process, over a real data folder, asked over a socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from crm_store.database import open_engine, session_factory, transaction
from crm_store.services.access import api_keys, create_api_key, revoke_api_key
from serving.launch import serve_command

pytestmark = pytest.mark.xdist_group("api_process")
ROOT = Path(__file__).resolve().parents[2]
# Importing Feast alone takes ten seconds, several times that on a busy machine.
START_SECONDS = 180.0
SCORE = "/v1/leads/score"


class Api:
    """A running service, its data folder, and a client with a key."""

    def __init__(self, folder: Path, port: int) -> None:
        built = json.loads((folder / "bench.json").read_text())
        self.folder = folder
        self.ids: list[str] = built["ids"]
        self.port = port
        headers = {"Authorization": f"Bearer {built['key']}"}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30)

    def one(self) -> dict[str, Any]:
        """Score the first lead."""
        response = self.client.post(SCORE, json={"ids": self.ids[:1]})
        assert response.status_code == 200, response.text
        score: dict[str, Any] = response.json()["results"][0]["score"]
        return score


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    environment = os.environ | {"LEADPULSE_HOME": str(folder), "TZ": "UTC"}
    build = [sys.executable, "-m", "tests.bench._serve_home", str(folder), "60", "20"]
    subprocess.run(build, check=True, cwd=ROOT, env=environment, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launch = serve_command("127.0.0.1", port, folder)
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen(
            launch.command,
            env=environment | launch.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        running = Api(folder, port)
        try:
            until(lambda: running.client.get("/readyz").status_code == 200, START_SECONDS)
            until(lambda: running.one()["rung"] == "model", START_SECONDS)
            yield running
        finally:
            running.client.close()
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Ask again and again until the answer is yes."""
    pause, stop_at = threading.Event(), time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except (httpx.TransportError, KeyError):
            pass
        assert time.monotonic() < stop_at, "it never came true"
        pause.wait(0.05)


def test_a_lead_is_scored_by_the_champion_with_reasons_and_a_trace(api: Api) -> None:
    response = api.client.post(
        SCORE, json={"ids": [*api.ids[:3], "lea_none"]}, headers={"Accept-Language": "en"}
    )
    scores = [result["score"] for result in response.json()["results"]]
    assert [score and score["source"] for score in scores] == ["model", "model", "model", None]
    assert scores[0]["version"] == "bench-1"
    reasons = scores[0]["reasons"]["for"] + scores[0]["reasons"]["against"]
    assert reasons
    assert all(reason["sentence"].strip() for reason in reasons)
    traced = api.client.get(reasons[0]["trace"])
    assert traced.status_code == 200
    assert traced.json()["feature"] == reasons[0]["feature"]


def test_health_metrics_and_documentation_are_ours_and_not_bentomls(api: Api) -> None:
    ready = api.client.get("/readyz").json()
    assert ready["parts"]["champion:lead_health"] == {"state": "ok", "detail": "bench-1"}
    assert ready["parts"]["champion:account_churn"]["detail"] == "no_champion"
    assert ready["status"] == "degraded"
    assert api.client.get("/livez").json() == {"status": "alive"}
    assert 'leadpulse_scores_total{model="lead_health"' in api.client.get("/metrics").text
    assert "openapi.json" in api.client.get("/docs").text
    assert len(api.client.get("/docs/swagger-ui-bundle.js").content) > 100_000
    assert "/v1/leads/score" in api.client.get("/openapi.json").json()["paths"]
    for path in ("/", "/schema.json", "/docs.json", "/healthz", "/static_content/index.css", "/v1/nothing"):
        assert api.client.get(path).json()["error"]["code"] == "not_found", path


def test_a_large_body_is_refused_and_the_next_request_is_served(api: Api) -> None:
    for content in (b" " * 5_000_000, iter([b" " * 100_000] * 50)):
        refused = api.client.post(SCORE, content=content)
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "body_too_large")
    assert api.one()["rung"] == "model"


def test_a_pickle_is_only_a_body_that_is_not_json(api: Api) -> None:
    headers = {"Content-Type": "application/vnd.bentoml+pickle"}
    refused = api.client.post(SCORE, content=b"cos\nsystem\n(S'true'\ntR.", headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "json_invalid")


def test_a_broken_bundle_is_answered_by_rules_and_a_repaired_one_by_the_model(api: Api) -> None:
    pointer = api.folder / "models" / "lead_health" / "champion.json"
    whole = pointer.read_text()
    try:
        pointer.write_text(json.dumps(json.loads(whole) | {"manifest_sha256": "0" * 64}))
        until(lambda: api.one()["rung"] == "rules_online")
        score = api.one()
        assert (score["source"], score["why"]["code"]) == ("rules", "bundle_broken")
        pointer.unlink()
        until(lambda: api.one()["why"]["code"] == "no_champion")
    finally:
        pointer.write_text(whole)
    until(lambda: api.one()["rung"] == "model")


def test_a_revoked_key_dies_within_seconds(api: Api) -> None:
    engine = open_engine(f"sqlite:///{api.folder / 'crm.db'}")
    sessions = session_factory(engine)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with transaction(sessions) as session:
        key = create_api_key(session, "short-lived", ["read"], now)

    def status() -> int:
        return httpx.get(f"http://127.0.0.1:{api.port}/v1/leads", headers={"X-API-Key": key}).status_code

    assert status() == 200
    with transaction(sessions) as session:
        (known,) = [info for info in api_keys(session) if info.name == "short-lived"]
        revoke_api_key(session, known.id, now)
    until(lambda: status() == 401, 10)
    engine.dispose()


def test_nothing_is_left_outside_the_data_folder_and_no_stack_trace_in_the_log(api: Api) -> None:
    assert (api.folder / "bentoml").is_dir()
    assert "Traceback" not in (api.folder / "api.log").read_text()
