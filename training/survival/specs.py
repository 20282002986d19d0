"""Which hazards there are: for each kind of company, what is a loss, told from what, how time is cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from features.catalog import names_of
from training.lightgbm_model import BoostingParams
from training.outcomes import NoPurchase, NotRenewed, days
from training.specs import ORDER_RHYTHM
from training.survival.follow_up import ContractLost, FellSilent, Losses
from training.survival.gates import HazardLimits

RENEWAL = "account_renewal"
WEEKS = 26


@dataclass(frozen=True)
class HazardSpec:
    """One hazard of one kind of company.

    Accounts are looked at every ``every``; the last ``test`` is tested on, the ``later`` before it says when
    boosting stops and calibrates. ``until`` is where the data end, if earlier. ``false_alarms`` is how many
    alarms without a loss an account may raise in a year when the threshold of red is chosen, looking every
    ``look`` at ``replayed`` accounts. At most ``learn_rows`` and ``test_rows`` looks are drawn, so that a
    training costs the same for a large company; None takes all. ``rules`` names the rule document it is held
    against, ``risk`` the model beside it that says whether, ``fair_across`` the fields in whose every group
    it has to be reliable.
    """

    company: str
    losses: Losses
    rules: str
    features: tuple[str, ...]
    model: str = RENEWAL
    weeks: int = WEEKS
    every: timedelta = timedelta(weeks=4)
    look: timedelta = timedelta(weeks=1)
    test: timedelta = timedelta(weeks=36)
    later: timedelta = timedelta(weeks=20)
    until: datetime | None = None
    period_rows: int = 60_000
    learn_rows: int | None = 10_000
    test_rows: int | None = 6_000
    replayed: int | None = 400
    boosting: BoostingParams = field(
        default_factory=lambda: BoostingParams(
            learning_rate=0.05, leaves=15, depth=5, rows_per_leaf=100, rounds=400, patience=30
        )
    )
    false_alarms: float = 0.5
    risk: str | None = None
    fair_across: tuple[str, ...] = ()
    limits: HazardLimits = field(default_factory=HazardLimits)

    @property
    def entity(self) -> str:
        """Name of the entity that it is about."""
        return self.losses.outcome.entity


# An account is looked at again and again, and who was lost is not there later: what hardly moves would be
# learned by heart, and whoever outlived the fit would look safe. (Without these the order is better too.)
_BY_HEART = (
    *("account_region", "account_employees", "account_annual_amount", "account_contract_amount_live"),
    *("account_age_days", "account_days_since_first_order", "account_contract_tenure_days"),
)
_DEMO = HazardSpec(
    company="demo",
    losses=ContractLost(NotRenewed(before_end=(days(90),), grace=days(30))),
    rules="account_risk",
    features=tuple(name for name in names_of("account") if name not in _BY_HEART),
    risk="account_churn",
    fair_across=("account_region", "account_industry"),
)
_OLIST = HazardSpec(
    company="olist",
    losses=FellSilent(NoPurchase(within=days(90), active_within=days(90))),
    rules="account_risk",
    # The public orders stop in 2018-09: later, everybody would seem to fall silent.
    until=datetime(2018, 9, 1, tzinfo=UTC),
    test=timedelta(weeks=28),
    later=timedelta(weeks=14),
    features=ORDER_RHYTHM,
    fair_across=("account_region",),
)

HAZARDS: Mapping[str, HazardSpec] = {spec.company: spec for spec in (_DEMO, _OLIST)}
"""Company → its hazard."""
