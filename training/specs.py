"""Which models there are: for each kind of company, what each predicts, from what, and how it is split.

Adding a model is adding an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from features.catalog import names_of
from features.composed import COMPOSED
from training.arrays import Floats
from training.calibration import KINDS, Kind
from training.datasets import Split
from training.gates import Limits
from training.lightgbm_model import BoostingParams
from training.match.assignments import AssignedLeadWon
from training.match.propensity import ROUTING, inverse_weights
from training.outcomes import LeadWon, NoPurchase, NotRenewed, Outcome, days
from training.score_map import Meaning

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SegmentLimits:
    """Outcomes of each kind that a candidate needs among the rows learned from and among those tested on."""

    learned: int = 300
    tested: int = 60


@dataclass(frozen=True)
class ModelSpec:
    """One model of one kind of company.

    ``rules`` names the rule document that is its baseline and its fallback. ``bayes_fields`` are what the
    frequency baseline counts: fields that a CRM shows on its form. ``refit`` boosts once more on all rows
    learned from, with the rounds that early stopping found, so that the latest rows teach too. ``crossed``
    calibrates what was refitted by forecasts for subjects left out as well: for few outcomes, where the rows
    that stop the boosting tell too little. ``weigh`` gives the rows that are fitted their weights. Each value
    of the ``segments`` features with outcomes enough may get a model of its own (``training.segments``).
    ``fair_across`` are the fields in whose every group it has to be reliable.
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
    crossed: bool = False
    weigh: Callable[[pd.DataFrame], Floats] | None = None
    limits: Limits = field(default_factory=Limits)
    segments: tuple[str, ...] = ()
    segment_limits: SegmentLimits = field(default_factory=SegmentLimits)
    fair_across: tuple[str, ...] = ()

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
    features=_all_but("lead", "lead_city", "lead_account"),
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
    segments=("lead_channel", "lead_industry"),
    fair_across=("lead_region", "lead_channel"),
)
_DEMO_ACCOUNTS = ModelSpec(
    model="account_churn",
    company="demo",
    outcome=NotRenewed(before_end=(days(90), days(60), days(30)), grace=days(30)),
    meaning="health",
    rules="account_risk",
    # Some thousand contracts: the region of an account would be learned by heart, and nobody can act on it.
    features=_all_but("account", "account_region"),
    # Some 600 contracts to learn from: all of them teach, and calibrate too.
    split=Split(stop_share=0.3, calibration_share=0.0),
    calibrators=("platt",),
    refit=True,
    crossed=True,
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
    fair_across=("account_region", "account_industry"),
)


def _against_selection(pairs: pd.DataFrame) -> Floats:
    """Weigh assignments as if they had been made by chance: the rare ones count for more."""
    return inverse_weights(pairs, pairs.entity_id.str.rsplit("|", n=1).str[1].tolist())


# What is known of a lead when it is given to someone: who it is, whence it came, what it has done so far.
_AT_HAND = (
    *("channel", "industry", "region", "need", "title", "expected_volume", "has_company", "has_phone"),
    *("has_contact_name", "age_h", "chats_30d", "visits_30d", "downloads_30d", "last_interaction_h"),
    *("campaign_win_rate", "channel_win_rate", "market_win_rate", "month"),
)
_DEMO_MATCH = ModelSpec(
    model="lead_match",
    company="demo",
    outcome=AssignedLeadWon(within=days(30)),
    meaning="chance",
    rules="lead_match",
    # Not who the rep is, nor their team or region: what they did is what carries over to a new one.
    features=(
        *(f"lead_{name}" for name in _AT_HAND if f"lead_{name}" in names_of("lead")),
        *(name for name in names_of("rep") if name not in ("rep_team", "rep_region")),
        *COMPOSED,
    ),
    # Two questions a tree: a rep and a lead. Deeper ones tell no better whom a lead should go to.
    boosting=BoostingParams(learning_rate=0.02, leaves=4, depth=2, patience=60),
    refit=True,
    bayes_fields=(*ROUTING, "lead_channel", "lead_industry", "rep_team", "rep_region"),
    calibrators=("platt",),
    weigh=_against_selection,
)
# The rhythm of orders says it all of the public sellers: with the whole catalog the AUC is no better.
ORDER_RHYTHM = (
    "account_days_since_order",
    "account_orders_30d",
    "account_orders_90d",
    "account_orders_180d",
    "account_days_since_first_order",
    "account_order_interval_days",
    "account_order_recency_ratio",
    "account_order_weeks_90d",
    "account_orders_trend_30d",
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
    fair_across=("lead_channel",),
)
_OLIST_SELLERS = ModelSpec(
    model="account_churn",
    company="olist",
    outcome=NoPurchase(within=days(90), active_within=days(90)),
    meaning="health",
    rules="account_risk",
    features=ORDER_RHYTHM,
    bayes_fields=("account_region", "account_days_since_order", "account_orders_90d"),
    split=Split(test_at=datetime(2018, 6, 1, tzinfo=UTC), stop_share=0.2, calibration_share=0.0),
    boosting=BoostingParams(rows_per_leaf=100),
    calibrators=("platt",),
    refit=True,
    fair_across=("account_region",),
)

SPECS: Mapping[str, Mapping[str, ModelSpec]] = {
    company: {spec.model: spec for spec in specs}
    for company, specs in {
        "demo": (_DEMO_LEADS, _DEMO_ACCOUNTS, _DEMO_MATCH),
        "olist": (_OLIST_LEADS, _OLIST_SELLERS),
    }.items()
}
