"""Tickets: the requests that were really made, when they were solved, and what the customer said then."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.account_life.accounts import Accounts
from pipelines.demo_company.account_life.moods import Moods
from pipelines.demo_company.account_life.requests import USUAL_RESPONSE_H, Requests
from pipelines.demo_company.world.arrays import NEVER, Floats, Ints, Rng, lognormal
from pipelines.demo_company.world.clock import HOUR, Clock

_RATED = 0.62


@dataclass(frozen=True)
class Tickets:
    """Tickets, one element each; what did not happen is NEVER, ``satisfaction`` NaN where not rated."""

    account: Ints
    category: Ints
    wording: Ints
    opened: Floats
    answered: Floats
    resolved: Floats
    rated: Floats
    satisfaction: Floats


def work_tickets(rng: Rng, clock: Clock, accounts: Accounts, requests: Requests, moods: Moods) -> Tickets:
    """Return the tickets opened by ``now``. Accounts that left ask for little."""
    made = rng.random(len(requests.account)) < moods.active_at(requests.account, requests.opened)
    made &= requests.opened <= clock.now_day
    account, opened, response = requests.account[made], requests.opened[made], requests.response[made]
    count = len(account)
    answered = opened + response
    resolved = answered + lognormal(rng, 0.9, 0.8, count) * np.exp(0.25 * accounts.slow_service[account])
    resolved = np.where(rng.random(count) < 0.03, NEVER, resolved)
    worry = moods.at(account, np.minimum(np.where(np.isfinite(resolved), resolved, opened), clock.now_day))
    slow = np.log(response / (USUAL_RESPONSE_H * HOUR))
    felt = 4.25 - 0.28 * slow - 0.55 * worry + 0.7 * rng.standard_normal(count)
    gave = (rng.random(count) < _RATED) & np.isfinite(resolved)
    return Tickets(
        account=account,
        category=requests.category[made],
        wording=requests.wording[made],
        opened=opened,
        answered=answered,
        resolved=resolved,
        rated=np.where(gave, resolved + rng.exponential(0.7, count), NEVER),
        satisfaction=np.where(gave, np.clip(np.round(felt), 1, 5), np.nan),
    )
