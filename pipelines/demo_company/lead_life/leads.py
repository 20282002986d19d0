"""Who enquires: when, through which campaign, for what, and how serious they are (which nobody sees)."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.world.arrays import NOBODY, Flags, Floats, Ints, Rng, Words, pick_index
from pipelines.demo_company.world.clock import HOUR, WINDOW_DAYS, Clock, is_off, season
from pipelines.demo_company.world.customers import Customers
from pipelines.demo_company.world.market import (
    CHANNEL_EFFECT,
    CHANNEL_SHARE,
    CITY_PROVINCE,
    CITY_SHARE,
    KIND_EFFECT,
    KIND_SHARE,
    LINE_EFFECT,
    LINE_SHARE,
    TITLE_EFFECT,
    TITLE_SHARE,
    TRADE_FAIR,
    Campaigns,
    campaign_of,
)
from pipelines.demo_company.world.names import companies

FULL_COUNT = 20_000
_DUPLICATES = 0.03
_OLD_CUSTOMERS = 0.22
_TRACKED = 0.86


@dataclass(frozen=True)
class Leads:
    """Leads in order of arrival, one element each.

    ``customer`` is the old customer who asks, ``twin`` the earlier lead that this one repeats (both NOBODY
    for most). ``entered`` is when the CRM learns of it, ``intent`` the hidden log-odds of being serious,
    ``rival`` how strongly a competitor is in play, ``tracked`` whether the website could follow them.
    """

    arrived: Floats
    entered: Floats
    channel: Ints
    campaign: Ints
    line: Ints
    kind: Ints
    city: Ints
    title: Ints
    company: Words
    customer: Ints
    twin: Ints
    intent: Floats
    rival: Floats
    tracked: Flags

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.arrived)

    @property
    def province(self) -> Ints:
        """Index of the province of each."""
        return np.asarray(CITY_PROVINCE[self.city])


def enquiries(rng: Rng, clock: Clock, scale: float, customers: Customers, plan: Campaigns) -> Leads:
    """Return the leads of the window: 20,000 at full scale, 3% of them repeats of another."""
    arrived, twin = _arrivals(rng, clock, max(50, round(FULL_COUNT * scale)))
    count = len(arrived)
    first = np.where(twin == NOBODY, np.arange(count), twin)
    customer = _known(rng, customers, count)[first]
    kind = _of_customer(customers.kind, customer, pick_index(rng, KIND_SHARE, count)[first])
    city = _of_customer(customers.city, customer, pick_index(rng, CITY_SHARE, count)[first])
    channel = pick_index(rng, CHANNEL_SHARE, count)
    campaign = campaign_of(rng, plan, channel, arrived)
    line = _wanted(rng, plan.line[campaign])[first]
    title = pick_index(rng, TITLE_SHARE, count)[first]
    known = customer != NOBODY
    intent = 1.05 * rng.standard_normal(count)[first] + LINE_EFFECT[line] + KIND_EFFECT[kind]
    intent += CHANNEL_EFFECT[channel] + plan.quality[campaign] + TITLE_EFFECT[title] + 0.5 * known
    names = companies(rng, kind, city)[first]
    return Leads(
        arrived=arrived,
        entered=_entry(rng, channel, arrived),
        channel=channel,
        campaign=campaign,
        line=line,
        kind=kind,
        city=city,
        title=title,
        company=np.where(known, customers.name[customer], names),
        customer=customer,
        twin=twin,
        intent=intent,
        rival=rng.standard_normal(count)[first],
        tracked=rng.random(count) < _TRACKED,
    )


def _arrivals(rng: Rng, clock: Clock, count: int) -> tuple[Floats, Ints]:
    """Return sorted arrival times, and for a repeat the position of the lead that it repeats."""
    repeats = round(count * _DUPLICATES)
    first = _moments(rng, clock, count - repeats)
    old = np.flatnonzero(first < clock.now_day - 21)
    source = rng.choice(old, repeats, replace=False)
    again = first[source] + rng.uniform(0.3, 20.0, repeats)
    arrived = np.concatenate([first, again])
    order = np.argsort(arrived, kind="stable")
    position = np.empty(count, dtype=np.int64)
    position[order] = np.arange(count)
    twin = np.full(count, NOBODY, dtype=np.int64)
    twin[position[count - repeats :]] = position[source]
    return arrived[order], twin


def _moments(rng: Rng, clock: Clock, count: int) -> Floats:
    day = np.arange(WINDOW_DAYS + 1)
    weight = (1 + 0.22 * season(day.astype(float)) + 0.15 * day / WINDOW_DAYS) * np.where(
        is_off(day), 0.45, 1
    )
    weight[-1] *= clock.now_day % 1.0
    when = rng.choice(len(day), count, p=weight / weight.sum()).astype(float)
    office = rng.random(count) < 0.74
    hour = np.where(office, rng.normal(13.5, 3.0, count), rng.uniform(7.0, 24.0, count))
    when += np.clip(hour, 0.0, 23.99) * HOUR
    return np.where(when >= clock.now_day, when - 7, when)


def _known(rng: Rng, customers: Customers, count: int) -> Ints:
    customer = rng.integers(0, len(customers.kind), count)
    return np.where(rng.random(count) < _OLD_CUSTOMERS, customer, NOBODY)


def _of_customer(column: Ints, customer: Ints, otherwise: Ints) -> Ints:
    return np.where(customer == NOBODY, otherwise, column[customer])


def _wanted(rng: Rng, advertised: Ints) -> Ints:
    anything = pick_index(rng, LINE_SHARE, len(advertised))
    return np.where(rng.random(len(advertised)) < 0.35, advertised, anything)


def _entry(rng: Rng, channel: Ints, arrived: Floats) -> Floats:
    """Return when each lead was entered: at once, but cards from a trade fair up to 36 hours later."""
    later = (channel == TRADE_FAIR) & (rng.random(len(arrived)) < 0.4)
    return np.where(later, arrived + rng.uniform(3, 36, len(arrived)) * HOUR, arrived)
