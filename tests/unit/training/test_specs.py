"""The shipped models name only what exists."""

import pytest

from crm_store.rules.engine import RuleBook
from training.specs import SPECS, ModelSpec
from training.train import Catalog

ALL = [spec for specs in SPECS.values() for spec in specs.values()]


def test_every_company_has_its_models() -> None:
    assert {company: set(specs) for company, specs in SPECS.items()} == {
        "demo": {"lead_health", "account_churn", "lead_match"},
        "olist": {"lead_health", "account_churn"},
    }


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: f"{spec.company}-{spec.model}")
def test_features_fields_and_rules_are_those_of_the_catalog(spec: ModelSpec) -> None:
    assert {*spec.features, *spec.bayes_fields} <= set(Catalog.shipped(spec.entity).names)
    assert len(set(spec.features)) == len(spec.features)
    scorer = RuleBook.shipped().scorer(spec.rules)
    assert scorer.document.probability == ("loss" if spec.meaning == "health" else "value")
