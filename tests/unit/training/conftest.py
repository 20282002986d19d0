"""One fitted bundle and one trained company for the whole session: fitting is what costs time here."""

from pathlib import Path

import pytest

from tests.unit.training.training_fakes import CATALOG, FEATURES, NOW, Company
from training.bundle import Bundle
from training.candidates import fit_challenger, named
from training.datasets import Dataset, Split, build_dataset
from training.gates import Limits
from training.lightgbm_model import BoostingParams
from training.outcomes import LeadWon, days
from training.specs import ModelSpec


@pytest.fixture(scope="session")
def company() -> Company:
    return Company()


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return ModelSpec(
        model="lead_health",
        company="test",
        outcome=LeadWon(within=days(30)),
        meaning="chance",
        rules="lead_health",
        features=FEATURES,
        bayes_fields=("lead_channel",),
        split=Split(),
        boosting=BoostingParams(rounds=120, patience=20, rows_per_leaf=20),
        limits=Limits(ece=0.2),
    )


@pytest.fixture(scope="session")
def sources(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return company.export(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def dataset(spec: ModelSpec, company: Company, sources: Path) -> Dataset:
    return build_dataset(spec.outcome, sources, NOW, FEATURES, CATALOG.names, company.frame_of, spec.split)


@pytest.fixture(scope="session")
def bundle(spec: ModelSpec, dataset: Dataset) -> Bundle:
    return named(fit_challenger(spec, dataset, NOW, CATALOG.hash).bundle, {})
