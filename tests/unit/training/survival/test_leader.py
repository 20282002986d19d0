"""Who leads where two models speak of one contract, and on which looks that is decided."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.when import Decided
from tests.unit.training.survival.conftest import CATALOG, FEATURES, NOW, SPEC, Contracts
from training import specs
from training.lightgbm_model import BoostingParams
from training.outcomes import NotRenewed, days
from training.specs import ModelSpec
from training.survival import leader
from training.survival.dataset import FollowUp, follow
from training.survival.leader import decided_by, decided_weeks, known_losses
from training.train import Baseline

TOLD = {"feature": "account_days_to_expiry", "days": 30.0}
RISK = ModelSpec(
    model="account_churn",
    company="test",
    outcome=NotRenewed(before_end=(days(90), days(30)), grace=days(30)),
    meaning="health",
    rules="account_risk",
    features=FEATURES,
    bayes_fields=("account_tier",),
    boosting=BoostingParams(rounds=20, patience=10, rows_per_leaf=20),
    calibrators=("platt",),
)


def test_the_week_of_a_decision_is_the_one_that_serving_counts() -> None:
    left = [-40.0, 0.0, 5.0, 5.1, 150.0]
    weeks = decided_weeks(TOLD, pd.DataFrame({"account_days_to_expiry": [*left, np.nan]}))
    served = [Decided("account_days_to_expiry", 30).week({"account_days_to_expiry": value}) for value in left]
    assert weeks[:-1].tolist() == served
    assert np.isnan(weeks[-1])


def test_only_contracts_that_were_decided_within_the_test_are_counted() -> None:
    start = NOW - timedelta(days=60)
    lost_at = [start + timedelta(days=10), start + timedelta(days=30), None, None]
    test = pd.DataFrame({"entity_id": list("abcd"), "as_of": pd.Timestamp(start)})
    test["lost_at"] = pd.to_datetime(pd.Series(lost_at), utc=True)
    data = FollowUp(test, test, test, test, start, start, NOW)
    places, labels = known_losses(data, np.array([2.0, 3.0, 9.0, 8.0]), 26)
    # Lost by the second week; lost only after the third; not over yet; stayed for all eight.
    assert (places.tolist(), labels.tolist()) == ([0, 1, 3], [True, False, False])


@pytest.fixture
def followed(contracts: Contracts, contract_sources: Path) -> FollowUp:
    baseline = Baseline.shipped("account_risk")
    return follow(SPEC, contract_sources, NOW, contracts.frame_of, CATALOG, baseline)


@pytest.mark.parametrize(("sure", "leads"), [(True, "hazard"), (False, "risk")])
def test_whoever_did_better_on_later_contracts_leads(
    contracts: Contracts,
    contract_sources: Path,
    followed: FollowUp,
    monkeypatch: pytest.MonkeyPatch,
    sure: bool,
    leads: str,
) -> None:
    monkeypatch.setattr(leader, "SPECS", {**specs.SPECS, "test": {"account_churn": RISK}})
    spec = replace(SPEC, risk="account_churn")
    lost = followed.test.lost_at.notna().to_numpy() == sure
    stays = np.repeat(np.where(lost, 0.05, 0.95)[:, None], spec.weeks, axis=1)
    told = decided_by(spec, followed, stays, contract_sources, contracts.frame_of, CATALOG)
    assert told is not None
    assert told["leads"] == leads
    assert (told["logloss"]["hazard"] < told["logloss"]["risk"]) is sure


def test_without_a_risk_model_beside_it_there_is_nothing_to_lead(
    contracts: Contracts, contract_sources: Path, followed: FollowUp
) -> None:
    stays = np.ones((len(followed.test), SPEC.weeks))
    told = decided_by(SPEC, followed, stays, contract_sources, contracts.frame_of, CATALOG)
    assert told == {**TOLD}
