"""A small company whose contracts lapse when its customers stop chatting, trained on once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.training.training_fakes import FakeTracking, write_source
from training.gates import Limits
from training.lightgbm_model import BoostingParams
from training.outcomes import NotRenewed, days
from training.report import TrainingReport
from training.survival.follow_up import ContractLost
from training.survival.gates import HazardLimits
from training.survival.specs import HazardSpec
from training.survival.train import train_hazard
from training.train import Baseline, Catalog

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FEATURES = ("account_chats_30d", "account_days_to_expiry")
CATALOG = Catalog((*FEATURES, "account_tier"), "hash-of-the-catalog")
HALF_YEAR = timedelta(days=182)


def event(account: str, contract: str, what: str, at: datetime, end: datetime) -> dict[str, object]:
    return {
        "record_id": f"{contract}#{what}",
        "account_id": account,
        "contract_id": contract,
        "event": what,
        "end_at": end,
        "occurred_at": at,
        "recorded_at": at,
    }


class Contracts:
    """250 accounts with half-year terms; the talkative renew, the silent mostly do not."""

    def __init__(self, accounts: int = 250, seed: int = 11) -> None:
        generator = np.random.default_rng(seed)
        self.chats = {f"acc_{n:03d}": float(generator.poisson(3)) for n in range(accounts)}
        self.events: list[dict[str, object]] = []
        self.ends: dict[str, list[tuple[datetime, datetime]]] = {}
        for account, chats in self.chats.items():
            signed, term = START + timedelta(days=float(generator.uniform(0, 360))), 0
            self.ends[account] = []
            while signed < NOW:
                term, end = term + 1, signed + HALF_YEAR
                contract = f"{account}-{term}"
                self.ends[account].append((signed, end))
                self.events.append(event(account, contract, "signed", signed, end))
                renewed = generator.random() < 1 / (1 + np.exp(1.5 - chats))
                closed = end + timedelta(days=float(generator.uniform(0, 6)))
                if closed < NOW:
                    what = "renewed" if renewed else "lapsed"
                    self.events.append(event(account, contract, what, closed, end))
                if not renewed:
                    break
                signed = closed

    def frame_of(self, entity: str, rows: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
        def to_expiry(account: str, at: pd.Timestamp) -> float:
            live = [end for signed, end in self.ends[account] if signed <= at]
            return (live[-1] - at).total_seconds() / 86_400 if live else np.nan

        found = rows.assign(
            account_chats_30d=rows.entity_id.map(self.chats),
            account_tier=["AB"[int(account[-1]) % 2] for account in rows.entity_id],
            account_days_to_expiry=[
                to_expiry(account, at) for account, at in zip(rows.entity_id, rows.as_of, strict=True)
            ],
        )
        return found[["entity_id", "as_of", *features]]


class FewChats:
    """Rules that know about chats and not about contracts."""

    def probabilities(self, signals: Sequence[dict[str, object]]) -> list[float | None]:
        return [0.8 if float(str(row["account_chats_30d"])) < 2 else 0.3 for row in signals]


SPEC = HazardSpec(
    company="test",
    losses=ContractLost(NotRenewed(before_end=(days(90),), grace=days(30))),
    rules="account_risk",
    features=FEATURES,
    test=timedelta(weeks=30),
    later=timedelta(weeks=16),
    period_rows=6_000,
    replayed=80,
    fair_across=("account_tier",),
    boosting=BoostingParams(learning_rate=0.1, rounds=80, patience=20, rows_per_leaf=40),
    limits=HazardLimits(losses=20, ece=0.15, common=Limits(latency_s=1.0, segment_rows=40)),
)


@dataclass(frozen=True)
class Trained:
    """One training, its models folder and what the registry saw."""

    report: TrainingReport
    models: Path
    tracking: FakeTracking


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return Contracts()


@pytest.fixture(scope="session")
def contract_sources(contracts: Contracts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    write_source(folder, "contract_events", contracts.events)
    return folder


@pytest.fixture(scope="session")
def trained(
    contracts: Contracts, contract_sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    models, tracking = tmp_path_factory.mktemp("hazards"), FakeTracking()
    report = train_hazard(
        SPEC,
        contracts.frame_of,
        contract_sources,
        NOW,
        models,
        tracking,
        catalog=CATALOG,
        baseline=Baseline(FewChats(), ("account_chats_30d",)),
    )
    return Trained(report, models, tracking)
