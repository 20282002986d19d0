"""Salespeople: teams by region, and how skilled, quick, thorough and busy each one is."""

from dataclasses import dataclass

import numpy as np

from pipelines.demo_company.world.arrays import Flags, Floats, Ints, Rng, Words, pick_each, pick_index
from pipelines.demo_company.world.clock import WINDOW_DAYS
from pipelines.demo_company.world.market import (
    LINE_SHARE,
    PROVINCE_TEAM,
    PROVINCES,
    TEAM_REGIONS,
)
from pipelines.demo_company.world.names import people

FULL_STAFF = 30
_LEAVES = 4
_DAYS = WINDOW_DAYS + 40
_OWN_PROVINCE, _OWN_LINE, _OTHER_TEAM = 0.7, 0.5, -4.5


@dataclass(frozen=True)
class Reps:
    """Reps, one element each. ``slowness`` multiplies delays (1 is usual), ``leave_*`` has a row per rep."""

    name: Words
    team: Ints
    province: Ints
    line: Ints
    skill: Floats
    slowness: Floats
    diligence: Floats
    share: Floats
    hired: Floats
    leave_from: Floats
    leave_to: Floats

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.team)

    def leave_end(self, rep: Ints, when: Floats) -> Floats:
        """Return when the leave ends that the rep is on at that time; −inf for one who is at work."""
        begun, until = self.leave_from[rep], self.leave_to[rep]
        on_leave = (begun <= when[:, None]) & (when[:, None] < until)
        return np.asarray(np.where(on_leave, until, -np.inf).max(axis=1))


def hire(rng: Rng, scale: float) -> Reps:
    """Return the staff: 30 at full scale, never fewer than one per team."""
    count = max(len(TEAM_REGIONS), round(FULL_STAFF * scale**0.5))
    team = np.arange(count) % len(TEAM_REGIONS)
    leave_from = rng.uniform(0, WINDOW_DAYS + 8, (count, _LEAVES))
    return Reps(
        name=people(rng, count),
        team=team,
        province=np.array([_a_province(rng, t) for t in team]),
        line=pick_index(rng, LINE_SHARE, count),
        skill=rng.standard_normal(count),
        slowness=np.exp(0.5 * rng.standard_normal(count)),
        diligence=np.exp(0.35 * rng.standard_normal(count)),
        share=0.35 * rng.standard_normal(count),
        hired=-rng.uniform(60, 2500, count),
        leave_from=leave_from,
        leave_to=leave_from + rng.uniform(3, 11, (count, _LEAVES)),
    )


def route(rng: Rng, reps: Reps, province: Ints, line: Ints, exclude: Ints | None = None) -> Ints:
    """Return a rep for each enquiry: mostly of the province's team, rather one who knows the product."""
    weight = reps.share + _OWN_PROVINCE * (reps.province == province[:, None])
    weight = weight + _OWN_LINE * (reps.line == line[:, None])
    weight = weight + _OTHER_TEAM * (reps.team != PROVINCE_TEAM[province][:, None])
    if exclude is not None:
        weight[np.arange(len(exclude)), exclude] = -np.inf
    return pick_each(rng, weight)


def daily_leads(reps: Reps, rep: Ints, when: Floats) -> Floats:
    """Return the new leads of each rep (row) on each day (column)."""
    daily = np.zeros((reps.count, _DAYS))
    np.add.at(daily, (rep, _day(when)), 1.0)
    return daily


def busyness(daily: Floats, rep: Ints, when: Floats) -> Floats:
    """Return new leads of that rep in the three days before, against the mean of all reps (1 is usual)."""
    day = _day(when)
    recent = daily + np.roll(daily, 1, axis=1) + np.roll(daily, 2, axis=1)
    usual = max(float(np.mean(recent)), 1e-9)
    return np.asarray((recent[rep, day] + usual) / (2 * usual))


def _day(when: Floats) -> Ints:
    return np.asarray(np.clip(np.floor(when), 0, _DAYS - 1).astype(np.int64))


def knows(reps: Reps, rep: Ints, line: Ints) -> Flags:
    """Return whether the product line is the rep's own."""
    return np.asarray(reps.line[rep] == line)


def _a_province(rng: Rng, team: int) -> int:
    return int(rng.choice([index for index, row in enumerate(PROVINCES) if row[1] == team]))
