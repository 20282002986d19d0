"""What becomes of each lead: qualified or not, then won or lost, drawn forward in time.

First the lead may be qualified, given its intent, how long it waited for the first contact, and the rep;
then a qualified lead may be won, given the rep's skill, follow-up, competition, season and market. Nothing
here looks at what was drawn later.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.lead_life.handling import Handling
from pipelines.demo_company.lead_life.leads import Leads
from pipelines.demo_company.world.arrays import NEVER, NOBODY, Flags, Floats, Ints, Rng, lognormal, sigmoid
from pipelines.demo_company.world.clock import HOUR, late_shift, season, working
from pipelines.demo_company.world.reps import Reps, knows

_QUALIFY_BASE, _WIN_BASE = 0.1, -0.82
_WAIT_EFFECT = 0.42  # log-odds per e-fold of waiting time beyond _WAIT_H
_WAIT_H = 3.0
_MARKET_TURN = -0.4
_TIMEOUT = (60.0, 90.0)
_REPEAT_EFFECT = -1.6


@dataclass(frozen=True)
class Outcomes:
    """Per lead: when it was qualified, won, closed (NEVER if not), and the interest that handling left."""

    qualified: Floats
    won: Floats
    closed: Floats
    interest: Floats

    @property
    def is_won(self) -> Flags:
        """Whether the lead is won, at whatever time."""
        return np.asarray(np.isfinite(self.won))


def decide(rng: Rng, leads: Leads, handling: Handling, reps: Reps) -> Outcomes:
    """Draw the outcome of every lead."""
    interest = _interest(leads, handling, reps)
    qualified = _qualify(rng, leads, handling, interest)
    worker = handling.owner_at(np.arange(leads.count), qualified)
    won = _win(rng, leads, handling, reps, worker, qualified, interest)
    won = _one_of_twins(leads, won)
    lost = _lose(rng, leads, handling, qualified)
    won = np.where(won < leads.arrived + _TIMEOUT[1] - 2, won, NEVER)
    return Outcomes(qualified, won, np.where(np.isfinite(won), won, lost), interest)


def chance_won(rng: Rng, leads: Leads, handling: Handling, reps: Reps, within: float) -> Floats:
    """Return the chance of each lead to be won within so many days of its assignment, handled like this.

    Only when things happen is drawn, not whether: averaged over draws of ``handling`` it is the truth that a
    model of P(win | lead, rep) is after. That a repeat and its first are won once between them is left out.
    """
    interest = _interest(leads, handling, reps)
    qualified = working(rng, handling.contacted + lognormal(rng, 6.0, 0.7, leads.count))
    worker = handling.owner_at(np.arange(leads.count), qualified)
    won = working(rng, qualified + 0.8 + lognormal(rng, 6.0, 0.7, leads.count))
    chance = sigmoid(_QUALIFY_BASE + 0.75 * interest) * sigmoid(
        _win_logit(leads, handling, reps, worker, won, interest)
    )
    in_time = (qualified < leads.arrived + _TIMEOUT[0]) & (won < leads.arrived + _TIMEOUT[1] - 2)
    return np.where(in_time & (won <= handling.assigned + within), chance, 0.0)


def _interest(leads: Leads, handling: Handling, reps: Reps) -> Floats:
    """Return the log-odds of being serious after being handled as it was."""
    wait_h = np.clip((handling.contacted - leads.arrived) / HOUR, 0.0, 24 * 21)
    skill = reps.skill[handling.owner] + 1.0 * knows(reps, handling.owner, leads.line)
    interest = leads.intent - _WAIT_EFFECT * np.log1p(wait_h / _WAIT_H) + 0.25 * skill
    return np.asarray(interest + _REPEAT_EFFECT * (leads.twin != NOBODY))


def _qualify(rng: Rng, leads: Leads, handling: Handling, interest: Floats) -> Floats:
    count = leads.count
    chance = sigmoid(_QUALIFY_BASE + 0.75 * interest)
    chosen = np.isfinite(handling.contacted) & (rng.random(count) < chance)
    when = working(rng, handling.contacted + lognormal(rng, 6.0, 0.7, count))
    return np.where(chosen & (when < leads.arrived + _TIMEOUT[0]), when, NEVER)


def _win(
    rng: Rng,
    leads: Leads,
    handling: Handling,
    reps: Reps,
    worker: Ints,
    qualified: Floats,
    interest: Floats,
) -> Floats:
    count = leads.count
    when = working(rng, qualified + 0.8 + lognormal(rng, 6.0, 0.7, count))
    logit = _win_logit(leads, handling, reps, worker, when, interest)
    return np.where(np.isfinite(when) & (rng.random(count) < sigmoid(logit)), when, NEVER)


def _win_logit(
    leads: Leads, handling: Handling, reps: Reps, worker: Ints, when: Floats, interest: Floats
) -> Floats:
    """Return the log-odds of a qualified lead to be won at that time."""
    at = np.where(np.isfinite(when), when, 0.0)
    logit = _WIN_BASE + 0.95 * interest + 0.35 * reps.skill[worker] + 0.35 * np.log(handling.zeal)
    return np.asarray(logit - 0.5 * leads.rival + 0.15 * season(at) + _MARKET_TURN * late_shift(at))


def _one_of_twins(leads: Leads, won: Floats) -> Floats:
    """Return the wins with only the earlier of a lead and its repeat: a company is won once."""
    repeat = np.flatnonzero(leads.twin != NOBODY)
    first = leads.twin[repeat]
    out = won.copy()
    out[repeat[won[first] <= won[repeat]]] = NEVER
    out[first[won[repeat] < won[first]]] = NEVER
    return out


def _lose(rng: Rng, leads: Leads, handling: Handling, qualified: Floats) -> Floats:
    """Return when each lead is given up: after a no, or because nobody worked it for 60 to 90 days."""
    count = leads.count
    timeout = leads.arrived + rng.uniform(*_TIMEOUT, count)
    after_offer = qualified + 1.0 + lognormal(rng, 16.0, 0.6, count)
    said_no = rng.random(count) < 0.4
    after_contact = np.where(said_no, handling.contacted + lognormal(rng, 18.0, 0.9, count), NEVER)
    no = np.where(np.isfinite(qualified), after_offer, after_contact)
    return working(rng, np.minimum(no, timeout))
