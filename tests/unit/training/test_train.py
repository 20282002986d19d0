"""A whole training on a small made-up company, with fakes for features, rules and registry."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.training.training_fakes import CATALOG, NOW, Company, FakeRules, FakeTracking
from training.bundle import BundleBroken, load_champion
from training.datasets import DatasetRefused
from training.gates import Limits
from training.report import TrainingReport
from training.specs import ModelSpec
from training.train import Baseline, Catalog, train_model

BASELINE = Baseline(FakeRules(), ("lead_chats_30d", "not_in_the_catalog"))


@pytest.fixture
def tracking() -> FakeTracking:
    return FakeTracking()


def train(
    spec: ModelSpec, company: Company, sources: Path, models: Path, tracking: FakeTracking, **changes: object
) -> TrainingReport:
    given = {"catalog": CATALOG, "baseline": BASELINE} | changes
    return train_model(spec, company.frame_of, sources, NOW, models, tracking, **given)  # type: ignore[arg-type]


def test_a_model_that_passes_every_gate_becomes_champion(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    report = train(spec, company, sources, tmp_path, tracking)
    assert [gate["name"] for gate in report.gates if not gate["passed"]] == []
    assert report.champion
    assert tracking.promoted == [("lead_health", "1")]
    champion = load_champion(tmp_path, "lead_health")
    assert champion.version == report.version
    assert champion.catalog_hash == CATALOG.hash
    assert set(report.metrics) == {"rules", "bayes", "lightgbm"}
    assert len({metrics["n"] for metrics in report.metrics.values()}) == 1


def test_one_shut_gate_leaves_no_champion_but_a_logged_run(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    strict = replace(spec, limits=Limits(ece=0.2, positives=100_000))
    report = train(strict, company, sources, tmp_path, tracking)
    assert not report.champion
    assert tracking.promoted == []
    assert tracking.runs[0].tags["gates"] == "refused"
    with pytest.raises(BundleBroken, match="no_champion"):
        load_champion(tmp_path, "lead_health")


def test_a_challenger_is_measured_against_the_champion_on_the_same_rows(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    first = train(spec, company, sources, tmp_path, tracking)
    blind = replace(spec, features=("lead_noise",), limits=Limits(ece=0.5))
    second = train(blind, company, sources, tmp_path, tracking)
    assert second.metrics["champion"] == first.metrics["lightgbm"]
    shut = {gate["name"] for gate in second.gates if not gate["passed"]}
    assert "not_worse_than_champion" in shut
    assert load_champion(tmp_path, "lead_health").version == first.version


def test_a_broken_champion_does_not_stand_in_the_way(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    first = train(spec, company, sources, tmp_path, tracking)
    (tmp_path / "lead_health" / first.version / "booster.txt").write_text("broken")
    other = replace(spec, boosting=replace(spec.boosting, seed=11))
    second = train(other, company, sources, tmp_path, tracking)
    assert second.champion
    assert "champion" not in second.metrics
    assert load_champion(tmp_path, "lead_health").version == second.version


def test_training_again_on_the_same_data_gives_the_same_version(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    first = train(spec, company, sources, tmp_path / "a", tracking)
    second = train(spec, company, sources, tmp_path / "b", tracking)
    assert first.version == second.version
    assert first.dataset_digest == second.dataset_digest
    assert tracking.runs[0].files["bundle/booster.txt"] == tracking.runs[1].files["bundle/booster.txt"]


def test_the_report_is_json_and_says_where_time_was_cut(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    report = train(spec, company, sources, tmp_path, tracking)
    said = json.loads(report.json())
    assert said["dates"]["fit_to"] < said["dates"]["stop_from"] < said["dates"]["calibration_from"]
    assert said["dates"]["calibration_to"] < said["dates"]["split_at"] == said["dates"]["test_from"]
    assert said["rows"]["test"]["rows"] == said["metrics"]["lightgbm"]["n"]
    run = tracking.runs[0]
    assert run.dataset_digest == report.dataset_digest
    assert {"rules.auc", "bayes.ap", "lightgbm.ece"} <= set(run.metrics)
    assert run.tags["catalog_hash"] == CATALOG.hash
    assert run.files["calibration.svg"].startswith(b"<svg")


def test_progress_runs_from_nothing_to_all(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    told: list[float] = []
    train(spec, company, sources, tmp_path, tracking, progress=lambda _stage, share: told.append(share))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


def test_a_column_that_no_catalog_knows_is_refused(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    leaking = replace(spec, features=(*spec.features, "lead_won_date"))
    with pytest.raises(DatasetRefused) as caught:
        train(leaking, company, sources, tmp_path, tracking)
    assert (caught.value.code, caught.value.field) == ("leak_column", "lead_won_date")
    assert tracking.runs == []


def test_a_feature_store_that_loses_rows_is_refused(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    class Forgetful(Company):
        def frame_of(self, entity: str, rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
            return super().frame_of(entity, rows, features).iloc[1:]

    with pytest.raises(DatasetRefused) as caught:
        train(spec, Forgetful(), sources, tmp_path, tracking)
    assert caught.value.code == "frame_rows"


def test_another_catalog_cannot_be_compared_with_a_champion_of_vanished_features(
    spec: ModelSpec, company: Company, sources: Path, tmp_path: Path, tracking: FakeTracking
) -> None:
    train(spec, company, sources, tmp_path, tracking)
    smaller = Catalog(("lead_chats_30d", "lead_channel"), "another-hash")
    fewer = replace(spec, features=("lead_chats_30d", "lead_channel"))
    report = train(fewer, company, sources, tmp_path, tracking, catalog=smaller)
    assert "champion" not in report.metrics
    assert report.champion
