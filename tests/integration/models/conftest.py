"""Two whole bundles of a tiny company, one per seed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.training.training_fakes import CATALOG, FEATURES, NOW, Company
from training.bundle import Bundle, BundleScorer
from training.candidates import fit_challenger, named
from training.datasets import Split, build_dataset
from training.gates import Limits
from training.lightgbm_model import BoostingParams
from training.outcomes import LeadWon, days
from training.specs import ModelSpec
from training.watch import REFERENCE, reference_facts


@pytest.fixture(scope="session")
def two_bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Bundle]:
    company = Company()
    sources = company.export(tmp_path_factory.mktemp("sources"))
    spec = ModelSpec(
        model="lead_health",
        company="test",
        outcome=LeadWon(within=days(30)),
        meaning="chance",
        rules="lead_health",
        features=FEATURES,
        bayes_fields=("lead_channel",),
        split=Split(),
        boosting=BoostingParams(rounds=60, patience=20, rows_per_leaf=20),
        limits=Limits(ece=0.2),
    )
    dataset = build_dataset(spec.outcome, sources, NOW, FEATURES, CATALOG.names, company.frame_of, spec.split)
    first = fit_challenger(spec, dataset, NOW, CATALOG.hash).bundle
    other = fit_challenger(
        replace(spec, boosting=replace(spec.boosting, seed=11)), dataset, NOW, CATALOG.hash
    ).bundle
    facts = {REFERENCE: reference_facts(BundleScorer(first), dataset)}
    return named(first, facts), named(other, facts)


@pytest.fixture
def models(two_bundles: tuple[Bundle, Bundle], tmp_path: Path) -> Path:
    """A models folder with both bundles, neither promoted."""
    for bundle in two_bundles:
        bundle.save(tmp_path / "models" / "lead_health" / bundle.version)
    return tmp_path / "models"
