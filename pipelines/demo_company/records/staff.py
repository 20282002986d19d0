"""Versions of teams and reps."""

from datetime import datetime
from typing import Any

import numpy as np

from pipelines.demo_company import Version
from pipelines.demo_company.records.keys import record_ids
from pipelines.demo_company.records.versions import Book
from pipelines.demo_company.world.clock import Clock
from pipelines.demo_company.world.market import PROVINCE_NAMES, TEAM_REGIONS
from pipelines.demo_company.world.reps import Reps

_FOUNDED_DAYS = 2600.0


def team_versions(clock: Clock) -> list[Version]:
    """Return one version per team."""
    book = Book("team", clock.now)
    (founded,) = clock.moments(np.array([-_FOUNDED_DAYS]))
    for index, region in enumerate(TEAM_REGIONS):
        book.write(index, [(founded, {"name": f"{region}销售部", "region": region})])
    return book.rows


def rep_versions(clock: Clock, reps: Reps) -> list[Version]:
    """Return one version per rep, written when they were hired."""
    book = Book("rep", clock.now)
    teams = record_ids("team", len(TEAM_REGIONS))
    for index, hired in enumerate(clock.moments(reps.hired)):
        book.write(index, [(hired, _rep(reps, index, hired, teams[reps.team[index]]))])
    return book.rows


def _rep(reps: Reps, index: int, hired: datetime | None, team: str) -> dict[str, Any]:
    return {
        "name": reps.name[index],
        "team_id": team,
        "region": PROVINCE_NAMES[reps.province[index]],
        "hired_at": hired,
    }
