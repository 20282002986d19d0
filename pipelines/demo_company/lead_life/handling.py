"""How each lead is handled: who gets it, when someone looks, when someone calls, how often they call again.

Delays grow with a slow or busy rep, nights and days off; a lead given to someone on leave waits or is moved.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.lead_life.leads import Leads
from pipelines.demo_company.world.arrays import NEVER, Flags, Floats, Ints, Rng, lognormal
from pipelines.demo_company.world.clock import HOUR, MINUTE, working
from pipelines.demo_company.world.reps import Reps, busyness, daily_leads, route

_VIEW_H, _CONTACT_H = 1.2, 1.0
_UNSEEN, _NO_CONTACT = 0.04, 0.05
_MOVED_FROM_LEAVE = 0.55
_MOVED_LATER = 0.03


@dataclass(frozen=True)
class Handling:
    """Per lead: first and final owner, and when things were first done (NEVER if not).

    ``zeal`` multiplies how often the owner follows up (1 is usual).
    """

    first_owner: Ints
    owner: Ints
    assigned: Floats
    reassigned: Floats
    viewed: Floats
    contacted: Floats
    zeal: Floats

    def owner_at(self, lead: Ints, when: Floats) -> Ints:
        """Return who owned each of these leads at that time."""
        return np.where(when >= self.reassigned[lead], self.owner[lead], self.first_owner[lead])


def handle(rng: Rng, leads: Leads, reps: Reps) -> Handling:
    """Assign every lead and follow it to its first view and first contact."""
    return handle_as(rng, leads, reps, route(rng, reps, leads.province, leads.line))


def handle_as(rng: Rng, leads: Leads, reps: Reps, first_owner: Ints, daily: Floats | None = None) -> Handling:
    """Follow every lead from the rep that it is given to; ``daily`` is how busy they are (default: by it)."""
    count = leads.count
    assigned = leads.entered + rng.exponential(25 * MINUTE, count)
    back = reps.leave_end(first_owner, assigned)
    on_leave = np.isfinite(back)
    reassigned = _moves(rng, assigned, on_leave)
    other = route(rng, reps, leads.province, leads.line, exclude=first_owner)
    owner = np.where(np.isfinite(reassigned), other, first_owner)
    # whoever is responsible when the work starts; a later move does not undo the first contact
    early = on_leave & np.isfinite(reassigned)
    worker = np.where(early, owner, first_owner)
    start = np.where(early, reassigned, np.where(on_leave, np.maximum(assigned, back), assigned))
    viewed, contacted = _first_steps(rng, reps, worker, start, on_leave, daily)
    return Handling(
        first_owner=first_owner,
        owner=owner,
        assigned=assigned,
        reassigned=reassigned,
        viewed=viewed,
        contacted=contacted,
        zeal=reps.diligence[worker] * lognormal(rng, 1.0, 0.35, count),
    )


def _moves(rng: Rng, assigned: Floats, on_leave: Flags) -> Floats:
    count = len(assigned)
    from_leave = on_leave & (rng.random(count) < _MOVED_FROM_LEAVE)
    later = ~on_leave & (rng.random(count) < _MOVED_LATER)
    when = assigned + np.where(from_leave, rng.uniform(0.3, 3.0, count), rng.uniform(6, 30, count))
    return np.where(from_leave | later, working(rng, when), NEVER)


def _first_steps(
    rng: Rng, reps: Reps, worker: Ints, start: Floats, on_leave: Flags, daily: Floats | None
) -> tuple[Floats, Floats]:
    count = len(start)
    load = daily_leads(reps, worker, start) if daily is None else daily
    pace = reps.slowness[worker] * busyness(load, worker, start) ** 0.7
    viewed = working(rng, start + pace * lognormal(rng, _VIEW_H * HOUR, 1.1, count))
    unseen = rng.random(count) < _UNSEEN + 0.06 * on_leave + 0.03 * (pace > 2)
    viewed = np.where(unseen, NEVER, viewed)
    contacted = working(rng, viewed + pace * lognormal(rng, _CONTACT_H * HOUR, 1.3, count))
    return viewed, np.where(rng.random(count) < _NO_CONTACT, NEVER, contacted)
