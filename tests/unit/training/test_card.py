"""The card of a version and the policy document: what people read and edit."""

import json
import re
from pathlib import Path

import pytest

from tests.unit.training.training_fakes import CATALOG, NOW, Company, FakeRules, FakeTracking
from training.policy import FILE_NAME, ModelPolicy, PolicyRefused
from training.report import TrainingReport, kept_report
from training.specs import ModelSpec
from training.train import Baseline, train_model


@pytest.fixture(scope="module")
def trained(
    spec: ModelSpec, company: Company, sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TrainingReport]:
    models, baseline = tmp_path_factory.mktemp("models"), Baseline(FakeRules(), ("lead_chats_30d",))
    from dataclasses import replace

    fair = replace(spec, fair_across=("lead_channel",))
    return models, train_model(
        fair, company.frame_of, sources, NOW, models, FakeTracking(), catalog=CATALOG, baseline=baseline
    )


def card(trained: tuple[Path, TrainingReport]) -> str:
    models, report = trained
    return (models / "lead_health" / f"{report.version}.card.html").read_text("utf-8")


def test_the_card_lies_beside_the_bundle_in_both_languages(trained: tuple[Path, TrainingReport]) -> None:
    page = card(trained)
    for heading in ("模型卡", "Model card", "如何对评分提出异议", "How to contest a score", "局限", "Limits"):
        assert heading in page
    assert trained[1].version in page
    assert trained[1].dataset_digest in page


def test_the_card_says_how_good_it_is_for_each_channel_with_its_rows(
    trained: tuple[Path, TrainingReport],
) -> None:
    assert trained[1].groups
    for part in trained[1].groups:
        assert f"lead_channel = {part['value']}" in card(trained)
        assert f">{part['n']}<" in card(trained)


def test_the_card_holds_its_plots_and_loads_nothing(trained: tuple[Path, TrainingReport]) -> None:
    page = card(trained)
    assert page.count("<svg") == 4
    assert not re.search(r"<script|src=|url\(|@import|href=\"(?!#)", page)


def test_the_report_is_kept_beside_the_bundle_with_its_gates(trained: tuple[Path, TrainingReport]) -> None:
    models, report = trained
    kept = kept_report(models, "lead_health", report.version)
    assert kept is not None
    assert [gate["name"] for gate in kept["gates"]] == [gate["name"] for gate in report.gates]
    assert kept_report(models, "lead_health", "another") is None


def test_a_data_folder_may_have_its_own_policy(tmp_path: Path) -> None:
    own = ModelPolicy.of().model_dump() | {"retrain_days": 7}
    (tmp_path / FILE_NAME).write_text(json.dumps(own), "utf-8")
    assert ModelPolicy.of(tmp_path).retrain_days == 7
    assert ModelPolicy.of().retrain_days == 28


@pytest.mark.parametrize(
    ("text", "place"), [("{", "JSON"), ('{"retrain_days": 0}', "retrain_days"), ("[]", "JSON")]
)
def test_a_policy_that_cannot_be_used_names_the_place(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / FILE_NAME).write_text(text, "utf-8")
    with pytest.raises(PolicyRefused) as caught:
        ModelPolicy.of(tmp_path)
    assert caught.value.field == place
    assert FILE_NAME in caught.value.zh
