"""The registry on a real MLflow store: one SQLite file for the session, because a new one takes seconds."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from training.registry import MlflowTracking, RunRecord

NOW = datetime(2024, 9, 1, 12, tzinfo=UTC)
RUN = RunRecord(
    model="lead_health",
    version="lead_health-20240901T120000-0123abcd",
    company="test",
    started_at=NOW,
    finished_at=NOW,
    dataset={"source": {"outcome": "LeadWon"}, "profile": {"fit": {"rows": 3}}},
    dataset_digest="d" * 36,
    params={"learning_rate": 0.03, "outcome": "LeadWon(…)"},
    metrics={"rules.auc": 0.6, "bayes.auc": 0.65, "lightgbm.auc": 0.7},
    tags={"catalog_hash": "abc", "code_version": "1234"},
    files={"bundle/booster.txt": b"tree", "bundle/bundle.json": b"{}", "calibration.svg": b"<svg/>"},
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def tracking(home: Path) -> MlflowTracking:
    return MlflowTracking.under(home)


def test_a_run_is_logged_with_everything_that_made_it(tracking: MlflowTracking) -> None:
    registered = tracking.record(RUN)
    version = tracking.client.get_model_version("lead_health", registered)
    run = tracking.client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == RUN.metrics
    assert run.data.params["learning_rate"] == "0.03"
    assert run.data.tags["catalog_hash"] == "abc"
    assert run.inputs.dataset_inputs[0].dataset.digest == RUN.dataset_digest
    assert run.inputs.dataset_inputs[0].dataset.name == "test.lead_health"
    assert version.tags["bundle"] == RUN.version
    assert version.source.endswith("/bundle")


def test_the_bundles_files_are_kept_under_the_data_folder(tracking: MlflowTracking, home: Path) -> None:
    version = tracking.client.get_model_version("lead_health", tracking.record(RUN))
    artifacts = tracking.client.list_artifacts(version.run_id)
    assert {artifact.path for artifact in artifacts} == {"bundle", "calibration.svg"}
    kept = home / "mlflow" / "artifacts" / "lead_health" / version.run_id / "artifacts"
    assert (kept / "bundle" / "booster.txt").read_bytes() == b"tree"
    assert not list(kept.rglob("MLmodel"))
    assert not list(kept.rglob("*.pkl"))


def test_the_alias_champion_moves_only_when_promoted(tracking: MlflowTracking) -> None:
    model = replace(RUN, model="account_churn")
    first = tracking.record(model)
    assert tracking.champion("account_churn") is None
    tracking.promote("account_churn", first)
    second = tracking.record(model)
    assert tracking.champion("account_churn") == first != second
    tracking.promote("account_churn", second)
    assert tracking.champion("account_churn") == second


def test_a_second_look_at_the_same_folder_finds_the_champion(tracking: MlflowTracking, home: Path) -> None:
    promoted = replace(RUN, model="another_model")
    tracking.promote("another_model", tracking.record(promoted))
    assert MlflowTracking.under(home).champion("another_model") == "1"
