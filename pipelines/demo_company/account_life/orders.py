"""Orders: each account has a rhythm, which slows as it worries and all but stops when a contract lapses."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.account_life.accounts import Accounts
from pipelines.demo_company.account_life.moods import DAYS, Moods
from pipelines.demo_company.account_life.terms import Terms
from pipelines.demo_company.world.arrays import Floats, Ints, Rng, lognormal
from pipelines.demo_company.world.clock import HOUR, Clock, is_off, season
from pipelines.demo_company.world.market import LINE_PRICE

_MEDIAN_PER_MONTH = 2.6
_REGULARITY = 5.0  # shape of the gamma gaps: 1 would be random, large is a clock
_SLOWING = 0.75
_SYNC = 4 * HOUR  # the ERP is read every four hours
_LATE = 0.05


@dataclass(frozen=True)
class Orders:
    """Orders, one element each; amounts and freight in yuan, ``recorded`` when the ERP reader saw it."""

    account: Ints
    line: Ints
    at: Floats
    recorded: Floats
    amount: Floats
    quantity: Floats
    freight: Floats


def place_orders(rng: Rng, clock: Clock, accounts: Accounts, terms: Terms, moods: Moods) -> Orders:
    """Return the orders placed and seen by ``now``."""
    per_month = np.clip(lognormal(rng, _MEDIAN_PER_MONTH, 0.55, accounts.count), 0.4, 12.0)
    account, at = _moments(rng, per_month, moods)
    seen = np.ceil(at / _SYNC) * _SYNC + np.where(
        rng.random(len(at)) < _LATE, rng.uniform(1.0, 3.0, len(at)), 0.0
    )
    known = seen <= clock.now_day
    account, at, seen = account[known], at[known], seen[known]
    line = _line_of(rng, accounts, terms, account)
    size = accounts.amount[account] / (12 * per_month[account])
    amount = np.round(size * lognormal(rng, 0.9, 0.5, len(account)), 2).clip(50.0)
    return Orders(
        account=account,
        line=line,
        at=at,
        recorded=seen,
        amount=amount,
        quantity=np.maximum(1.0, np.round(amount / LINE_PRICE[line])),
        freight=np.round(18 + 0.004 * amount * rng.uniform(0.5, 1.5, len(account)), 2),
    )


def _moments(rng: Rng, per_month: Floats, moods: Moods) -> tuple[Ints, Floats]:
    """Return (account, day) of orders: regular gaps in a time that runs slower when business is slow."""
    day = np.arange(DAYS, dtype=float)
    ordinary = (1 + 0.12 * season(day)) * np.where(is_off(day), 0.4, 1.25)
    eager = moods.active**2 * np.exp(-_SLOWING * np.clip(moods.worry, -1.0, 3.0))
    passed = np.cumsum(per_month[:, None] / 30.4 * ordinary * eager, axis=1)
    most = int(passed[:, -1].max() * 1.3) + 30
    due = np.cumsum(rng.standard_gamma(_REGULARITY, (len(per_month), most)) / _REGULARITY, axis=1)
    account, position = np.nonzero(due < passed[:, -1:])
    at = np.empty(len(account))
    bounds = np.searchsorted(account, np.arange(len(per_month) + 1))
    for index in range(len(per_month)):
        own = slice(bounds[index], bounds[index + 1])
        at[own] = np.searchsorted(passed[index], due[index, position[own]])
    return account, at + rng.uniform(8.5, 18.0, len(at)) * HOUR


def _line_of(rng: Rng, accounts: Accounts, terms: Terms, account: Ints) -> Ints:
    """Return the product line of each order: mostly the main line, else the account's second one."""
    second = accounts.line.copy()
    second[terms.account[terms.share < 0.5]] = terms.line[terms.share < 0.5]
    return np.where(rng.random(len(account)) < 0.65, accounts.line[account], second[account])
