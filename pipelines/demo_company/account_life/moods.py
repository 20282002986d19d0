"""How an account feels on each day of the window, which is what its behaviour follows."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.account_life.accounts import Accounts
from pipelines.demo_company.account_life.terms import Terms
from pipelines.demo_company.world.arrays import Floats, Ints, Rng
from pipelines.demo_company.world.clock import WINDOW_DAYS

DAYS = WINDOW_DAYS + 1
_AFTER_LAPSE = 0.15
_LASTING = 0.6


@dataclass(frozen=True)
class Moods:
    """Grids (account, day): ``worry`` is near standard normal, ``active`` 1 under contract, less outside."""

    worry: Floats
    active: Floats

    def at(self, account: Ints, when: Floats) -> Floats:
        """Return the worry of these accounts at these times."""
        day = np.clip(np.floor(when), 0, DAYS - 1).astype(np.int64)
        return np.asarray(self.worry[account, day])

    def active_at(self, account: Ints, when: Floats) -> Floats:
        """Return how active these accounts are at these times."""
        day = np.clip(np.floor(when), 0, DAYS - 1).astype(np.int64)
        return np.asarray(self.active[account, day])


def moods(rng: Rng, accounts: Accounts, terms: Terms) -> Moods:
    """Return the grids: trouble ramps up to each term's risk from its onset to its end."""
    lasting = _LASTING * accounts.strain[:, None]
    worry = np.full((accounts.count, DAYS), -np.inf)
    active = np.zeros((accounts.count, DAYS))
    day = np.arange(DAYS)
    # weeks differ for reasons that have nothing to do with the contract
    weekly = rng.normal(0, 0.3, (accounts.count, DAYS // 7 + 1))
    for index in np.argsort(terms.start, kind="stable"):
        who = terms.account[index]
        first = max(0, int(terms.signed[index]) + 1)
        last = min(DAYS, int(min(terms.closed[index], DAYS)) + 1)
        if first >= last:
            continue
        onset, end = terms.onset[index], terms.end[index]
        ramp = np.clip((day[first:last] - onset) / (end - onset), 0.0, 1.0)
        own = _LASTING * accounts.strain[who] * (1 - ramp) + terms.risk[index] * ramp
        worry[who, first:last] = np.maximum(worry[who, first:last], own)
        active[who, first:last] = 1.0
        active[who, last:] = np.maximum(active[who, last:], _AFTER_LAPSE)
    worry = np.where(np.isfinite(worry), worry, lasting)
    return Moods(worry + np.repeat(weekly, 7, axis=1)[:, :DAYS], active)
