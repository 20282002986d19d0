"""The shipped models name only what exists."""

import pytest

from crm_store.rules.engine import RuleBook
from features.catalog import names_of
from training.specs import SPECS, ModelSpec

ALL = [spec for specs in SPECS.values() for spec in specs.values()]


def test_every_company_has_both_models() -> None:
    assert {company: set(specs) for company, specs in SPECS.items()} == {
        "demo": {"lead_health", "account_churn"},
        "olist": {"lead_health", "account_churn"},
    }


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: f"{spec.company}-{spec.model}")
def test_features_fields_and_rules_are_those_of_the_catalog(spec: ModelSpec) -> None:
    assert {*spec.features, *spec.bayes_fields} <= set(names_of(spec.entity))
    assert len(set(spec.features)) == len(spec.features)
    scorer = RuleBook.shipped().scorer(spec.rules)
    assert scorer.document.probability == ("loss" if spec.meaning == "health" else "value")
