"""A whole training of a hazard, its bundle, and what it says of an account."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.training.survival.conftest import (
    CATALOG,
    NOW,
    SPEC,
    START,
    Contracts,
    FewChats,
    Trained,
    event,
)
from tests.unit.training.training_fakes import FakeTracking, write_source
from training.bundle import Bundle, BundleBroken, HazardScorer, load_champion
from training.bundle.champions import versions_of
from training.bundle.hazard import PERIOD, period_matrix
from training.datasets import DatasetRefused
from training.report import CURVE_MEASURES, kept_report
from training.survival.groups import LEAST_LOSSES
from training.survival.specs import HAZARDS
from training.survival.train import TESTED, train_hazard
from training.train import Baseline

ENDING, FAR = 20.0, 150.0


@pytest.fixture(scope="module")
def scorer(trained: Trained) -> HazardScorer:
    return HazardScorer(load_champion(trained.models, SPEC.model))


def weekly(scorer: HazardScorer, chats: float, days_to_expiry: float) -> tuple[float, ...]:
    (score,) = scorer.score([{"account_chats_30d": chats, "account_days_to_expiry": days_to_expiry}], NOW)
    assert score.weekly is not None
    assert score.probability == pytest.approx(sum(score.weekly))
    return score.weekly


def test_a_hazard_that_passes_its_gates_becomes_champion(trained: Trained) -> None:
    report = trained.report
    assert [gate["name"] for gate in report.gates if not gate["passed"]] == []
    assert report.champion
    assert trained.tracking.promoted == [(SPEC.model, "1")]
    assert {"kaplan_meier", "cox", "rules", "lightgbm"} == set(report.metrics)
    assert len({measured["n"] for measured in report.metrics.values()}) == 1
    assert report.dates["learn_from"] < report.dates["stop_at"] < report.dates["split_at"]
    assert report.dates["split_at"] == report.dates["test_from"]


def test_what_serves_knows_the_test_and_what_was_tested_is_kept_out_of_sight(trained: Trained) -> None:
    report, place = trained.report, trained.models / SPEC.model
    assert report.dates["served_to"] > report.dates["split_at"]
    served, tested = Bundle.load(place / report.version), Bundle.load(place / TESTED / report.version)
    assert served.version == tested.version == report.version
    assert served.booster != tested.booster
    assert versions_of(trained.models, SPEC.model) == [report.version]


def test_the_loss_threatens_when_the_contract_ends(scorer: HazardScorer) -> None:
    ending, far = weekly(scorer, 0, ENDING), weekly(scorer, 0, FAR)
    assert np.argmax(ending) + 1 in (3, 4)
    assert np.argmax(far) + 1 in (22, 23)


def test_the_silent_are_likelier_lost_than_the_talkative(scorer: HazardScorer) -> None:
    assert sum(weekly(scorer, 0, ENDING)) > 2 * sum(weekly(scorer, 6, ENDING))


@given(st.none() | st.floats(0, 50), st.none() | st.floats(-60, 800))
def test_the_chance_of_staying_never_rises(scorer: HazardScorer, chats: float, days: float) -> None:
    rows = [{"account_chats_30d": chats, "account_days_to_expiry": days}]
    curve = scorer.curves(scorer.bundle.encoding.matrix(rows))[0]
    assert (np.diff(curve) <= 0).all()
    assert ((curve >= 0) & (curve <= 1)).all()


def test_warnings_come_months_ahead_and_are_told(trained: Trained) -> None:
    warned = trained.report.warning["lightgbm"]
    assert warned["lead_days"] > 30
    assert warned["recall"] > 0.5
    assert {"lightgbm.ibs", "warning.lightgbm.lead_days"} <= set(trained.tracking.runs[0].metrics)


def test_the_card_tells_curves_warnings_and_segments_in_both_languages(trained: Trained) -> None:
    report = trained.report
    page = (trained.models / SPEC.model / f"{report.version}.card.html").read_text("utf-8")
    for word in (*CURVE_MEASURES.values(), "提前天数", "召回率"):
        assert word in page
    assert "How to contest a score" in page
    assert str(report.warning["lightgbm"]["losses"]) in page
    assert f"account_tier = {report.groups[0]['value']}" in page
    assert not re.search(r"<script|src=|url\(|@import|href=\"(?!#)", page)


def test_every_segment_is_measured_and_small_ones_tell_no_lead_time(trained: Trained) -> None:
    told = {group["value"]: group for group in trained.report.groups}
    assert set(told) == {"A", "B"}
    for group in told.values():
        assert group["n"] > 100
        assert 0.5 < group["auc_90"] <= 1
        assert (group["recall"] is None) == (group["losses"] < LEAST_LOSSES)
    gate = next(gate for gate in trained.report.gates if gate["name"] == "fair")
    assert gate["passed"]
    assert "account_tier" in str(gate["measured"])


def test_the_report_is_kept_for_who_asks_when_it_was_trained(trained: Trained) -> None:
    kept = kept_report(trained.models, SPEC.model, trained.report.version)
    assert kept is not None
    assert kept["trained_at"] == NOW.isoformat()


def test_the_same_data_give_the_same_version_and_a_champion_is_measured_too(
    trained: Trained, contracts: Contracts, contract_sources: Path
) -> None:
    again = train_hazard(
        SPEC, contracts.frame_of, contract_sources, NOW, trained.models, FakeTracking(),
        catalog=CATALOG, baseline=Baseline(FewChats(), ("account_chats_30d",)),
    )  # fmt: skip
    assert again.dataset_digest == trained.report.dataset_digest
    assert again.metrics["champion"] == again.metrics["lightgbm"] == trained.report.metrics["lightgbm"]


def test_a_company_that_lost_nobody_is_refused(
    contracts: Contracts, contract_sources: Path, tmp_path: Path
) -> None:
    young = replace(SPEC, until=START + timedelta(weeks=34))
    with pytest.raises(DatasetRefused, match="nobody was lost"):
        train_hazard(
            young, contracts.frame_of, contract_sources, NOW, tmp_path, FakeTracking(), catalog=CATALOG
        )


@pytest.mark.parametrize("signed_days_ago", [None, 1, 40, 300])
def test_a_company_without_a_history_is_refused(
    contracts: Contracts, tmp_path: Path, signed_days_ago: int | None
) -> None:
    events = []
    if signed_days_ago is not None:
        signed = NOW - timedelta(days=signed_days_ago)
        events = [event("acc_1", "con_1", "signed", signed, NOW + timedelta(days=100))]
    write_source(tmp_path, "contract_events", events)
    with pytest.raises(DatasetRefused, match="nobody was lost"):
        train_hazard(SPEC, contracts.frame_of, tmp_path, NOW, tmp_path, FakeTracking(), catalog=CATALOG)


def test_only_the_week_moves_the_columns_of_a_period() -> None:
    features = ("account_days_since_order", "account_order_interval_days", "account_days_to_expiry", *PERIOD)
    rows = np.array([[10.0, 20.0, 30.0, *[np.nan] * 4]])
    told = period_matrix(np.repeat(rows, 2, axis=0), features, [1, 4])
    assert told[:, :3].tolist() == [[10, 20, 30]] * 2
    assert told[:, 3:].tolist() == [[1, 23, 17, 0.85], [4, 2, 38, 1.9]]


def test_a_bundle_of_impossible_weeks_is_broken(trained: Trained, tmp_path: Path) -> None:
    good = load_champion(trained.models, SPEC.model)
    for number, weeks in enumerate((-1, 10_000)):
        folder = tmp_path / str(number)
        replace(good, weeks=weeks).save(folder)
        with pytest.raises(BundleBroken, match="bundle_content"):
            Bundle.load(folder)


@pytest.mark.parametrize("company", HAZARDS)
def test_shipped_hazards_read_features_of_the_catalog(company: str) -> None:
    from crm_store.rules.engine import RuleBook
    from features.catalog import names_of

    spec = HAZARDS[company]
    assert set(spec.features) <= set(names_of(spec.entity))
    assert RuleBook.shipped().scorer(spec.rules).document.probability == "loss"
