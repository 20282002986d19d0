"""Which models there are: for each kind of company, what each predicts, from what, and how it is split.

Adding a model is adding an entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from features.catalog import names_of
from training.calibration import KINDS, Kind
from training.datasets import Split
from training.gates import Limits
from training.lightgbm_model import BoostingParams
from training.outcomes import LeadWon, NoPurchase, NotRenewed, Outcome, days
from training.score_map import Meaning


@dataclass(frozen=True)
class ModelSpec:
    """One model of one kind of company.

    ``rules`` names the rule document that is its baseline and its fallback. ``bayes_fields`` are what the
    frequency baseline counts: fields that a CRM shows on its form. ``refit`` boosts once more on all rows
    learned from, with the rounds that early stopping found, so that the latest rows teach too.
    """

    model: str
    company: str
    outcome: Outcome
    meaning: Meaning
    rules: str
    features: tuple[str, ...]
    bayes_fields: tuple[str, ...]
    split: Split = field(default_factory=Split)
    boosting: BoostingParams = field(default_factory=BoostingParams)
    calibrators: tuple[Kind, ...] = KINDS
    refit: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def entity(self) -> str:
        """Name of the entity that it scores."""
        return self.outcome.entity

    @property
    def horizon(self) -> timedelta | None:
        """How long after a subject's creation the model may speak of it; None means always."""
        return self.outcome.within if isinstance(self.outcome, LeadWon) else None


def _all_but(entity: str, *left_out: str) -> tuple[str, ...]:
    """Every feature of the entity but some: words with more values than the history can tell apart."""
    return tuple(name for name in names_of(entity) if name not in left_out)


_DEMO_LEADS = ModelSpec(
    model="lead_health",
    company="demo",
    outcome=LeadWon(within=days(30), observe_after=(days(2), days(7), days(14))),
    meaning="chance",
    rules="lead_health",
    features=_all_but("lead", "lead_city"),
    bayes_fields=(
        "lead_channel",
        "lead_industry",
        "lead_region",
        "lead_need",
        "lead_title",
        "lead_status",
        "lead_has_company",
        "lead_expected_volume",
        "lead_interactions_7d",
    ),
)
_DEMO_ACCOUNTS = ModelSpec(
    model="account_churn",
    company="demo",
    outcome=NotRenewed(before_end=(days(90), days(60), days(30)), grace=days(30)),
    meaning="health",
    rules="account_risk",
    # Some thousand contracts: the region of an account would be learned by heart, and nobody can act on it.
    features=_all_but("account", "account_region"),
    boosting=BoostingParams(learning_rate=0.02, leaves=8, depth=3, patience=60),
    bayes_fields=(
        "account_industry",
        "account_region",
        "account_tier",
        "account_annual_amount",
        "account_days_since_order",
        "account_tickets_90d",
        "account_satisfaction_mean_180d",
    ),
)
# A lead of the public files is known by its landing page, its channel and its day only, so what can tell is
# how the two have been doing against the market. Raw counts and rates follow the market and mislead.
_OLIST_LEADS = ModelSpec(
    model="lead_health",
    company="olist",
    outcome=LeadWon(within=days(90), learn_within=days(30)),
    meaning="chance",
    rules="lead_health",
    features=(
        "lead_campaign_win_lift",
        "lead_campaign_win_lift_90d",
        "lead_campaign_share_30d",
        "lead_campaign_age_days",
        "lead_channel_win_lift",
        "lead_channel_win_lift_90d",
    ),
    bayes_fields=("lead_channel", "lead_campaign"),
    split=Split(stop_share=0.2, calibration_share=0.0),
    # Some 250 wins to learn from: slow steps, so that where boosting stops is less of a matter of chance.
    boosting=BoostingParams(learning_rate=0.02, leaves=8, depth=3, rows_per_leaf=60, rounds=600, patience=60),
    calibrators=("platt",),
    refit=True,
)
_OLIST_SELLERS = ModelSpec(
    model="account_churn",
    company="olist",
    outcome=NoPurchase(within=days(90), active_within=days(90)),
    meaning="health",
    rules="account_risk",
    # The rhythm of orders says it all here: with every feature of the catalog the AUC is no better.
    features=(
        "account_days_since_order",
        "account_orders_30d",
        "account_orders_90d",
        "account_orders_180d",
        "account_days_since_first_order",
        "account_order_interval_days",
        "account_order_recency_ratio",
        "account_order_weeks_90d",
        "account_orders_trend_30d",
    ),
    bayes_fields=("account_region", "account_days_since_order", "account_orders_90d"),
    split=Split(test_at=datetime(2018, 6, 1, tzinfo=UTC), stop_share=0.2, calibration_share=0.0),
    boosting=BoostingParams(rows_per_leaf=100),
    calibrators=("platt",),
    refit=True,
)

SPECS: Mapping[str, Mapping[str, ModelSpec]] = {
    company: {spec.model: spec for spec in specs}
    for company, specs in {
        "demo": (_DEMO_LEADS, _DEMO_ACCOUNTS),
        "olist": (_OLIST_LEADS, _OLIST_SELLERS),
    }.items()
}
