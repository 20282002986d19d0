"""A hazard in service: a still world raises nothing, a moved one is named, and the model steps down."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.training.survival.conftest import FEATURES, NOW, SPEC, Contracts, Trained
from training.bundle import Bundle, load_champion
from training.bundle.hazard import PERIOD
from training.drift import Finding, verdict
from training.policy import ModelPolicy
from training.survival.follow_up import ContractLost
from training.survival.watch import inputs_of, look_at_hazard, weights_of

LIMITS = ModelPolicy.of().drift.model_copy(update={"least_rows": 50, "least_outcomes": 3})


@pytest.fixture(scope="module")
def bundle(trained: Trained) -> Bundle:
    return load_champion(trained.models, SPEC.model)


class Silent(Contracts):
    """The same contracts, and suddenly nobody chats."""

    def frame_of(self, entity: str, rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        return super().frame_of(entity, rows, features).assign(account_chats_30d=0.0)


class MostLeave(ContractLost):
    """Half of those who are at risk are lost within the month."""

    def follow(self, sources, moments, now):  # type: ignore[no-untyped-def]
        rows = super().follow(sources, moments, now)
        return rows.assign(lost_at=rows.lost_at.where(np.arange(len(rows)) % 2 == 0, rows.as_of))


def findings(losses: ContractLost, company: Contracts, sources: Path, bundle: Bundle) -> dict[str, Finding]:
    told = look_at_hazard(losses, bundle, company.frame_of, sources, NOW, LIMITS)
    return {one.kind: one for one in told}


def test_a_still_world_raises_nothing(bundle: Bundle, contracts: Contracts, contract_sources: Path) -> None:
    told = findings(SPEC.losses, contracts, contract_sources, bundle)
    assert {kind: one.level for kind, one in told.items()} == dict.fromkeys(told, "ok")
    assert told["calibration"].measured is not None


def test_silence_of_all_is_found_and_the_hazard_steps_down(bundle: Bundle, contract_sources: Path) -> None:
    told = findings(SPEC.losses, Silent(), contract_sources, bundle)
    assert told["score"].level == "act"
    assert "account_chats_30d" in told["inputs"].names
    assert verdict(bundle.version, NOW, list(told.values()), None).down in ("inputs", "score")


def test_losses_that_nobody_forecast_are_found(
    bundle: Bundle, contracts: Contracts, contract_sources: Path
) -> None:
    told = findings(MostLeave(SPEC.losses.outcome), contracts, contract_sources, bundle)
    assert (told["base_rate"].level, told["calibration"].level) == ("act", "act")


def test_a_hazard_without_a_reference_is_not_judged(
    bundle: Bundle, contracts: Contracts, contract_sources: Path
) -> None:
    assert findings(SPEC.losses, contracts, contract_sources, replace(bundle, facts={})) == {}


def test_what_the_week_moves_weighs_for_what_it_is_made_of(bundle: Bundle) -> None:
    assert inputs_of(bundle.encoding).features == FEATURES
    gains = {
        "account_chats_30d": 0.2,
        "account_days_to_expiry": 0.1,
        "expiry_gap_days": 0.5,
        "week_ahead": 0.2,
    }
    weights = weights_of(gains)
    assert set(weights).isdisjoint(PERIOD)
    assert weights == pytest.approx({"account_chats_30d": 0.25, "account_days_to_expiry": 0.75})
