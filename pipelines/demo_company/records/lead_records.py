"""Versions of leads: what the CRM knew of each one, and when it learned it.

Much is filled in late, and some of it (the account, the last missing fields) only on winning, so that a
model that reads the final record instead of the record as of a moment fools itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from pipelines.demo_company import Version
from pipelines.demo_company.lead_life.handling import Handling
from pipelines.demo_company.lead_life.leads import Leads
from pipelines.demo_company.lead_life.outcomes import Outcomes
from pipelines.demo_company.records.versions import Book
from pipelines.demo_company.world.arrays import (
    NEVER,
    NOBODY,
    Floats,
    Ints,
    Rng,
    Words,
    pick_index,
    sigmoid,
    words,
)
from pipelines.demo_company.world.clock import Clock
from pipelines.demo_company.world.market import (
    CHANNELS,
    CITIES,
    KIND_SIZE,
    KINDS,
    LINES,
    PROVINCE_NAMES,
    TITLES,
    Campaigns,
)
from pipelines.demo_company.world.names import mistype_company, mistype_phone, people, phones

CREATED, CONTACTED, QUALIFIED, WON, UNKNOWN = range(5)
# field: chance to be known from the start, and to be learned at the first contact, on qualifying, on winning
_LEARNED = {
    "company": (0.70, 0.55, 0.8, 0.97),
    "contact_name": (0.74, 0.60, 0.7, 0.95),
    "title": (0.36, 0.45, 0.5, 0.90),
    "phone": (0.96, 0.60, 0.8, 0.97),
    "need": (0.88, 0.70, 0.9, 0.97),
    "expected_volume": (0.24, 0.25, 0.55, 0.92),
    "industry": (0.34, 0.40, 0.5, 0.95),
    "region": (0.93, 0.60, 0.7, 0.97),
    "city": (0.78, 0.50, 0.6, 0.95),
    "account_id": (0.0, 0.40, 0.3, 1.0),
}
_CORRECTED = 0.05


@dataclass(frozen=True)
class _Knowledge:
    """Per field the true values and the stage at which each becomes known."""

    value: dict[str, Sequence[Any]]
    stage: dict[str, Sequence[int]]

    def learned(self, index: int, stage: int) -> dict[str, Any]:
        """Return the fields of one lead that become known at the stage."""
        return {
            field: values[index]
            for field, values in self.value.items()
            if self.stage[field][index] == stage and values[index] is not None
        }


def lead_versions(
    rng: Rng,
    clock: Clock,
    leads: Leads,
    handling: Handling,
    outcomes: Outcomes,
    plan: Campaigns,
    account_ids: Words,
    rep_ids: Words,
) -> list[Version]:
    """Return every version of every lead, by lead and time. ``account_ids`` and ``rep_ids`` are per lead."""
    known = _knowledge(rng, leads, account_ids)
    corrected, wrong = _mistakes(rng, leads, handling, outcomes, known)
    created = clock.moments(leads.arrived)
    times = [
        clock.moments(moment)
        for moment in (
            leads.entered,
            handling.assigned,
            np.where(handling.reassigned < outcomes.closed, handling.reassigned, NEVER),
            _before(handling.contacted, outcomes.closed),
            _before(outcomes.qualified, outcomes.closed),
            corrected,
            outcomes.closed,
        )
    ]
    channel, campaign = CHANNELS[leads.channel], plan.name[leads.campaign]
    first, final = rep_ids[handling.first_owner], rep_ids[handling.owner]
    won = outcomes.is_won
    book = Book("lead", clock.now)
    for index, (entered, assigned, moved, contacted, qualified, fixed, closed) in enumerate(
        zip(*times, strict=True)
    ):
        start = {"status": "new", "channel": channel[index], "campaign": campaign[index]}
        start |= {"created_at": created[index], **known.learned(index, CREATED), **wrong.get(index, {})}
        right = {field: known.value[field][index] for field in wrong.get(index, {})}
        book.write(
            index,
            [
                (entered, start),
                (assigned, {"owner_id": first[index]}),
                (moved, {"owner_id": final[index]}),
                (contacted, {"status": "contacted", **known.learned(index, CONTACTED)}),
                (qualified, {"status": "qualified", **known.learned(index, QUALIFIED)}),
                (fixed, right),
                (closed, _closing(known, index, closed, bool(won[index]))),
            ],
        )
    return book.rows


def _closing(known: _Knowledge, index: int, closed: datetime | None, won: bool) -> dict[str, Any]:
    if won:
        return {"status": "won", "closed_at": closed, **known.learned(index, WON)}
    return {"status": "lost", "closed_at": closed}


def _before(when: Floats, closed: Floats) -> Floats:
    return np.where(when < closed, when, NEVER)


def _knowledge(rng: Rng, leads: Leads, account_ids: Words) -> _Knowledge:
    count = leads.count
    repeat = leads.twin != NOBODY
    first = np.where(repeat, leads.twin, np.arange(count))
    phone, person = phones(rng, count)[first], people(rng, count)[first]
    volume = 120 * np.exp(
        0.7 * KIND_SIZE[leads.kind] + 0.25 * leads.intent + 0.8 * rng.standard_normal(count)
    )
    value = {
        "company": np.where(repeat, mistype_company(rng, leads.company), leads.company),
        "contact_name": person,
        "title": TITLES[leads.title],
        "phone": np.where(repeat, mistype_phone(rng, phone), phone),
        "need": LINES[leads.line],
        "expected_volume": np.maximum(5.0, np.round(volume, -1)),
        "industry": KINDS[leads.kind],
        "region": PROVINCE_NAMES[leads.province],
        "city": CITIES[leads.city],
        "account_id": account_ids,
    }
    stage = {field: _stages(rng, leads.intent, *chances) for field, chances in _LEARNED.items()}
    # only an old customer can be recognised before winning: the account of another does not exist yet
    stage["account_id"] = np.where(leads.customer == NOBODY, WON, stage["account_id"])
    return _Knowledge(
        {field: values.tolist() for field, values in value.items()},
        {field: values.tolist() for field, values in stage.items()},
    )


def _stages(rng: Rng, intent: Floats, *chances: float) -> Ints:
    """Return the stage at which a field becomes known; the serious tell a little more from the start."""
    out = np.full(len(intent), UNKNOWN, dtype=np.int64)
    for stage in (WON, QUALIFIED, CONTACTED, CREATED):
        chance = np.full(len(intent), chances[stage])
        if stage == CREATED and chances[stage] > 0:
            chance = sigmoid(np.log(chance / (1 - chance)) + 0.3 * intent)
        out = np.where(rng.random(len(intent)) < chance, stage, out)
    return out


def _mistakes(
    rng: Rng, leads: Leads, handling: Handling, outcomes: Outcomes, known: _Knowledge
) -> tuple[Floats, dict[int, dict[str, Any]]]:
    """Return when wrong first entries were put right, and what the wrong values were."""
    when = handling.contacted + rng.uniform(0.2, 10.0, leads.count)
    when = np.where((rng.random(leads.count) < _CORRECTED) & (when < outcomes.closed), when, NEVER)
    other = words([str(line) for line in LINES])[pick_index(rng, [1.0] * len(LINES), leads.count)]
    wrong: dict[int, dict[str, Any]] = {}
    for index in np.flatnonzero(np.isfinite(when)).tolist():
        if known.stage["expected_volume"][index] == CREATED:
            wrong[index] = {"expected_volume": known.value["expected_volume"][index] * 10}
        elif known.stage["need"][index] == CREATED and other[index] != known.value["need"][index]:
            wrong[index] = {"need": other[index]}
    return when, wrong
