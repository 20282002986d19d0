"""Customers: the old ones and those who were won; how big, how loyal and how well served each one is."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.lead_life.handling import Handling
from pipelines.demo_company.lead_life.leads import Leads
from pipelines.demo_company.lead_life.outcomes import Outcomes
from pipelines.demo_company.world.arrays import NOBODY, Floats, Ints, Rng, Words, lognormal
from pipelines.demo_company.world.clock import Clock
from pipelines.demo_company.world.customers import Customers
from pipelines.demo_company.world.market import CITY_PROVINCE, DEALER, KIND_SIZE, PROVINCE_TEAM
from pipelines.demo_company.world.reps import Reps, route

_DIRECT = 0.36  # newly won companies that buy in their own name; the others buy through a dealer
_MEDIAN_AMOUNT = 170_000.0
_STRAIN_SPREAD = 0.9


@dataclass(frozen=True)
class Accounts:
    """Accounts, the old customers first. Hidden traits are near standard normal; more is more of it.

    ``since`` is the day it became a customer, ``lead`` the lead it came from (NOBODY for old ones),
    ``amount`` yuan a year, ``margin`` the share of it that is earned, ``slow_service`` how late its tickets
    are answered, ``strain`` the lasting part of its wish to leave.
    """

    name: Words
    kind: Ints
    line: Ints
    city: Ints
    owner: Ints
    since: Floats
    lead: Ints
    amount: Floats
    margin: Floats
    care: Floats
    slow_service: Floats
    strain: Floats

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.kind)

    @property
    def province(self) -> Ints:
        """Index of the province of each."""
        return np.asarray(CITY_PROVINCE[self.city])


def open_accounts(
    rng: Rng,
    clock: Clock,
    customers: Customers,
    leads: Leads,
    handling: Handling,
    outcomes: Outcomes,
    reps: Reps,
) -> tuple[Accounts, Ints]:
    """Return all accounts, and per lead the account that it belongs to (NOBODY if none by ``now``)."""
    old = len(customers.kind)
    won = outcomes.won <= clock.now_day
    fresh = won & (leads.customer == NOBODY)
    direct = np.flatnonzero(fresh & (rng.random(leads.count) < _DIRECT))
    owner = np.concatenate([route(rng, reps, customers.province, customers.line), handling.owner[direct]])
    since = np.concatenate([-rng.uniform(400, 1900, old), outcomes.won[direct]])
    identity = Customers(
        np.concatenate([customers.kind, leads.kind[direct]]),
        np.concatenate([customers.line, leads.line[direct]]),
        np.concatenate([customers.city, leads.city[direct]]),
        np.concatenate([customers.name, leads.company[direct]]),
    )
    lead = np.concatenate([np.full(old, NOBODY, dtype=np.int64), direct])
    belongs = leads.customer.copy()
    belongs[direct] = old + np.arange(len(direct))
    through = np.flatnonzero(fresh & (belongs == NOBODY))
    belongs[through] = _dealer_for(rng, customers, leads.province[through])
    return _with_traits(rng, identity, owner, since, lead, reps), belongs


def _dealer_for(rng: Rng, customers: Customers, province: Ints) -> Ints:
    """Return an old customer that is a dealer of the same sales region, or else any dealer."""
    dealers = np.flatnonzero(customers.kind == DEALER)
    near = PROVINCE_TEAM[customers.province[dealers]] == PROVINCE_TEAM[province][:, None]
    score = rng.random(near.shape) + near
    return np.asarray(dealers[np.argmax(score, axis=1)])


def _with_traits(
    rng: Rng, identity: Customers, owner: Ints, since: Floats, lead: Ints, reps: Reps
) -> Accounts:
    count = len(owner)
    region = rng.normal(0, 0.5, len(PROVINCE_TEAM))
    care = 0.7 * np.log(reps.diligence[owner]) / 0.35 + 0.7 * rng.standard_normal(count)
    slow = region[identity.province] + 0.85 * rng.standard_normal(count)
    strain = 0.6 * rng.standard_normal(count) + 0.55 * slow - 0.35 * care - 0.2 * reps.skill[owner]
    strain = _STRAIN_SPREAD * (strain - strain.mean()) / strain.std()
    amount = lognormal(rng, _MEDIAN_AMOUNT, 1.05, count) * np.exp(0.6 * KIND_SIZE[identity.kind])
    return Accounts(
        name=identity.name,
        kind=identity.kind,
        line=identity.line,
        city=identity.city,
        owner=owner,
        since=since,
        lead=lead,
        amount=np.round(amount, -2) + 5_000,
        margin=rng.uniform(0.15, 0.34, count),
        care=care,
        slow_service=slow,
        strain=strain,
    )


def tier_of(amount: Floats, margin: Floats) -> Words:
    """Return the tier by the gross margin of 12 months: S from 500,000 yuan, A from 100,000, else B."""
    earned = amount * margin
    return np.where(earned >= 500_000, "S", np.where(earned >= 100_000, "A", "B")).astype(object)
