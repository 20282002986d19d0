"""Versions of what the company set up: campaigns, products, territories and leave."""

import numpy as np

from pipelines.demo_company import Version
from pipelines.demo_company.records.keys import record_ids
from pipelines.demo_company.records.versions import Book
from pipelines.demo_company.world.arrays import Rng, Words, lognormal
from pipelines.demo_company.world.clock import WINDOW_DAYS, Clock
from pipelines.demo_company.world.market import (
    CHANNELS,
    LINE_PRICE,
    LINES,
    PROVINCE_NAMES,
    PROVINCE_TEAM,
    TEAM_REGIONS,
    Campaigns,
)
from pipelines.demo_company.world.reps import Reps

_PLANNED_DAYS = 14.0
_FOUNDED_DAYS = 2600.0
# What a need for the line weighs in routing; the product page of each line says so.
_NEED_WEIGHT = {"骨科耗材": 3.0, "检验试剂": 2.0, "手术器械": 1.0}
# First two digits of the province's districts, GB/T 2260.
_ADCODES = {
    "浙江": "33",
    "上海": "31",
    "江苏": "32",
    "广东": "44",
    "福建": "35",
    "广西": "45",
    "北京": "11",
    "山东": "37",
    "河北": "13",
    "湖北": "42",
    "湖南": "43",
    "河南": "41",
    "四川": "51",
    "重庆": "50",
    "云南": "53",
    "陕西": "61",
    "甘肃": "62",
}
_LEAVES_PER_YEAR = 4.0
_LEAVE_KINDS = ("annual", "annual", "travel", "training", "sick")
# Leave is entered two weeks ahead, so some of it still lies in the future.
_AHEAD_DAYS = 14.0


def campaign_versions(rng: Rng, clock: Clock, plan: Campaigns) -> list[Version]:
    """Return each campaign planned, running and, where it is over, ended."""
    budget = np.round(lognormal(rng, 30_000, 0.6, len(plan.name)), -3)
    start, end = np.maximum(plan.start, -30.0), plan.end
    moments = [clock.moments(days) for days in (start - _PLANNED_DAYS, start, end)]
    book = Book("campaign", clock.now)
    for index, (planned, began, ended) in enumerate(zip(*moments, strict=True)):
        first = {
            "name": plan.name[index],
            "channel": CHANNELS[plan.channel[index]],
            "status": "planned",
            "budget": float(budget[index]),
            "start_at": began,
            "end_at": ended,
        }
        book.write(index, [(planned, first), (began, {"status": "running"}), (ended, {"status": "ended"})])
    return book.rows


def product_versions(clock: Clock) -> list[Version]:
    """Return one product per line."""
    book = Book("product", clock.now)
    (founded,) = clock.moments(np.array([-_FOUNDED_DAYS]))
    for index, line in enumerate(LINES.tolist()):
        product = {
            "name": f"{line}标准装",
            "code": f"P{index + 1:03d}",
            "product_line": line,
            "unit": "件",
            "list_price": float(LINE_PRICE[index]),
            "need_weight": _NEED_WEIGHT.get(line, 1.0),
        }
        book.write(index, [(founded, product)])
    return book.rows


def territory_versions(clock: Clock) -> list[Version]:
    """Return one territory per province, with the team that covers it."""
    book = Book("territory", clock.now)
    teams = record_ids("team", len(TEAM_REGIONS))
    (founded,) = clock.moments(np.array([-_FOUNDED_DAYS]))
    for index, province in enumerate(PROVINCE_NAMES.tolist()):
        territory = {
            "name": f"{province}片区",
            "region": province,
            "adcode": _ADCODES[province],
            "team_id": teams[PROVINCE_TEAM[index]],
        }
        book.write(index, [(founded, territory)])
    return book.rows


def leave_versions(rng: Rng, clock: Clock, reps: Reps, rep_ids: Words) -> list[Version]:
    """Return the leave of all reps, some of it still to come."""
    years = (WINDOW_DAYS + _AHEAD_DAYS) / 365
    rep = np.repeat(np.arange(reps.count), rng.poisson(_LEAVES_PER_YEAR * years, reps.count))
    start = np.floor(rng.uniform(_AHEAD_DAYS, WINDOW_DAYS + _AHEAD_DAYS, len(rep)))
    start = np.sort(np.maximum(start, np.maximum(reps.hired[rep], 0.0) + 1))
    days = rng.integers(1, 8, len(rep))
    kind = rng.integers(0, len(_LEAVE_KINDS), len(rep))
    moments = [clock.moments(day) for day in (start - _AHEAD_DAYS, start, start + days.astype(float))]
    book = Book("leave", clock.now)
    for index, (entered, begins, ends) in enumerate(zip(*moments, strict=True)):
        away = {
            "owner_id": rep_ids[rep[index]],
            "rep_id": rep_ids[rep[index]],
            "kind": _LEAVE_KINDS[kind[index]],
            "status": "approved",
            "start_at": begins,
            "end_at": ends,
        }
        book.write(index, [(entered, away)])
    return book.rows
