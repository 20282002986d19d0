"""A day's build of the lead features against building all of it anew, and how its cost grows.

A SQLite store with a year of a company's leads: ten activities each over a quarter from their arrival, a
tenth entered late, one in a hundred correcting another. Both builds go from the store to a frame: the sources
kept up or exported, the figures refreshed or worked out. The frame is of the leads of the last two months, as
a build asks for the open ones, and once more of every lead there ever was. Processor seconds, as the disk and
a busy machine count for neither. ``--activities N`` is for another size of the year.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Engine

from crm_store.domain.sources import SOURCES
from crm_store.models import Activity
from crm_store.repositories.sources.event_log import export_sources, keep_sources
from crm_store.repositories.sources.files import read_rows
from crm_store.repositories.writes.bulk import load_facts, load_history
from features.catalog import names_of
from features.engines.ibis_engine import asked_table, compute_arrow
from features.engines.refresh import refreshed
from tests.bench._stores import sqlite_store
from tests.bench.offline import assert_same

ACTIVITIES, DAYS, RUNS = 1_000_000, 365, 3
A_LEAD, INTEREST_DAYS = 10, 90
# Whom the frame is of: the leads that arrived in so many days.
WHO = {"open": 60.0, "every_lead": 1e6}
# A day is measured as it is, and a tenth of it and three of it at once.
PARTS = (0.1, 1.0, 3.0)
START = datetime(2025, 1, 1, tzinfo=UTC)
_CHANNELS = ("chat", "call", "email", "meeting", "site", "download", "search", "view", "assign")
_TEXTS = ("您好，请发报价单", "今年预算不足", "准备招标", "考虑更换供应商", None)
_NAMES = names_of("lead")


def run(*options: str) -> dict[str, Any]:
    """Return a day's cost to a whole build's, by the part of a day, and by the years of history behind it.

    Fails if the frame or the sources differ from those of a whole build.
    """
    activities = int(options[1].replace("_", "")) if options[:1] == ("--activities",) else ACTIVITIES
    year = _Year(activities)
    quarter = _measured(_Year(activities // 4, per_day=year.per_day), (1.0,))
    full = _measured(year, PARTS)
    return {
        "sources_to_whole": round(full.sources[1.0] / full.sources_whole, 4),
        **{who: _figures(full, quarter, who) for who in WHO},
        "activities": activities,
        "a_day": year.per_day,
        "leads": year.leads,
    }


@dataclass(frozen=True)
class _Costs:
    """Processor seconds: sources by part of a day, and frames by that and whom they are of."""

    sources: dict[float, float]
    frames: dict[tuple[float, str], float]
    sources_whole: float
    frames_whole: dict[str, float]

    def day(self, who: str, part: float = 1.0) -> float:
        return self.sources[part] + self.frames[part, who]

    def whole(self, who: str) -> float:
        return self.sources_whole + self.frames_whole[who]


def _figures(full: _Costs, quarter: _Costs, who: str) -> dict[str, Any]:
    day, whole = full.day(who), full.whole(who)
    return {
        "day_to_whole": round(day / whole, 4),
        "frame_to_whole": round(full.frames[1.0, who] / full.frames_whole[who], 4),
        "by_part_of_a_day": {str(part): round(full.day(who, part) / day, 2) for part in PARTS},
        "history_x4": round(day / quarter.day(who), 2),
        "whole_x4": round(whole / quarter.whole(who), 2),
        "day_cpu_s": round(day, 2),
        "whole_cpu_s": round(whole, 2),
        "quarter_day_cpu_s": round(quarter.day(who), 2),
    }


class _Year:
    """Who arrives when, and what is entered on which day; everything follows from the size."""

    def __init__(self, activities: int, per_day: int | None = None) -> None:
        random = np.random.default_rng(7)
        self.per_day = per_day or activities // DAYS
        self.days = activities // self.per_day
        self.leads = activities // A_LEAD
        self._born = np.sort(random.random(self.leads) * self.days)
        lead = random.integers(0, self.leads, activities)
        happened = self._born[lead] + random.random(activities) * INTEREST_DAYS
        late = (random.random(activities) < 0.1) * random.random(activities) * 3
        order = np.argsort(happened + late, kind="stable")
        self._lead, self._happened, self._known = lead[order], happened[order], (happened + late)[order]
        self._random = random

    def arrived_by(self, day: float) -> int:
        """Return how many leads there are."""
        return int(np.searchsorted(self._born, day))

    def arrived(self, since: float, until: float) -> list[dict[str, Any]]:
        """Return the leads of a time, each with its first version and a later one."""
        first, last = np.searchsorted(self._born, [since, until])
        rows = []
        for number in range(first, last):
            born = START + timedelta(days=float(self._born[number]))
            key = {"id": _id(number), "source": "crm", "external_id": f"{number}"}
            values = {
                "campaign": f"活动{number % 60}",
                "channel": "web",
                "region": "华东",
                "created_at": born,
            }
            rows.append(key | {"recorded_at": born, "fields": values})
            rows.append(key | {"recorded_at": born + timedelta(hours=2), "fields": {"status": "contacted"}})
        return rows

    def entered(self, since: float, until: float) -> pa.Table:
        """Return the activities that became known in a time."""
        first, last = np.searchsorted(self._known, [since, until])
        number, rows = np.arange(first, last), last - first
        corrects = np.where(self._random.random(rows) < 0.01, number - 1000, -1)
        ids = pa.array([f"act_{n:09}" for n in number])
        columns = {
            "id": ids,
            "source": pa.repeat("crm", rows),
            "external_id": ids,
            "lead_id": pa.array([_id(n) for n in self._lead[first:last]]),
            "occurred_at": _moments(self._happened[first:last]),
            "recorded_at": _moments(self._known[first:last]),
            "channel": pa.array([_CHANNELS[n % len(_CHANNELS)] for n in number * 7 // 3]),
            "direction": pa.array(["in" if n % 2 else "out" for n in number]),
            "duration_s": pa.array(number % 600, pa.float64()),
            "text": pa.array([_TEXTS[n % len(_TEXTS)] for n in number * 3 // 2]),
            "corrects_id": pa.array([f"act_{n:09}" if n >= 0 else None for n in corrects], pa.string()),
        }
        return pa.table(columns)


def _id(number: int) -> str:
    """Return an id that tells nothing of when its lead arrived, as those of the store."""
    return f"lea_{int(number) * 2_654_435_761 % 2**32:08x}"


def _moments(days: Any) -> pa.Array:
    at = int(START.timestamp() * 1e6) + days * 86_400e6
    return pa.array(at.astype(np.int64)).cast(pa.timestamp("us", tz="UTC"))


def _measured(year: _Year, parts: tuple[float, ...]) -> _Costs:
    """Return what days and whole builds at the end of a year take."""
    with sqlite_store() as engine, TemporaryDirectory() as name:
        folder = Path(name) / "sources"
        day = year.days - RUNS * sum(parts) - 1
        _bring(engine, year, 0.0, day)
        _keep(engine, folder, day, whole=True)
        for who in WHO:
            _frame(folder, year, day, who)
        sources: dict[float, float] = {}
        frames: dict[tuple[float, str], float] = {}
        for part in parts:
            taken = []
            for _ in range(RUNS):
                _bring(engine, year, day, day + part)
                day += part
                kept = _cpu(_keep, engine, folder, day)
                taken.append((kept, *(_cpu(_frame, folder, year, day, who) for who in WHO)))
            sources[part], *each = map(statistics.median, zip(*taken, strict=True))
            frames |= {(part, who): one for who, one in zip(WHO, each, strict=True)}
        _assert_whole(engine, folder, year, day)
        whole = []
        for _ in range(RUNS):
            kept = _cpu(_keep, engine, folder, day, whole=True)
            whole.append((kept, *(_cpu(_anew, folder, year, day, who) for who in WHO)))
        sources_whole, *each = map(statistics.median, zip(*whole, strict=True))
    return _Costs(sources, frames, sources_whole, dict(zip(WHO, each, strict=True)))


def _bring(engine: Engine, year: _Year, since: float, until: float) -> None:
    load_history(engine, "lead", year.arrived(since, until), actor="job:bench", reason=None, now=_at(until))
    load_facts(engine, Activity, year.entered(since, until))


def _keep(engine: Engine, folder: Path, day: float, *, whole: bool = False) -> None:
    assert keep_sources(engine, folder, "bench", _at(day), whole=whole).whole == whole


def _frame(folder: Path, year: _Year, day: float, who: str) -> pa.Table:
    return refreshed("lead", _asked(year, day, who), folder, folder.with_name(who))


def _anew(folder: Path, year: _Year, day: float, who: str) -> pa.Table:
    return compute_arrow("lead", _asked(year, day, who), folder, _NAMES)


def _asked(year: _Year, day: float, who: str) -> pa.Table:
    numbers = range(year.arrived_by(day - WHO[who]), year.arrived_by(day))
    ids = [_id(number) for number in numbers]
    return asked_table(pd.DataFrame({"entity_id": ids, "as_of": [pd.Timestamp(_at(day))] * len(ids)}))


def _at(day: float) -> datetime:
    return START + timedelta(days=day)


def _assert_whole(engine: Engine, folder: Path, year: _Year, day: float) -> None:
    """Fail unless sources and frame are those of a whole build."""
    with TemporaryDirectory() as name:
        whole = Path(name)
        export_sources(engine, whole)
        for who in WHO:
            assert_same(_frame(folder, year, day, who), _anew(whole, year, day, who))
        for source in SOURCES:
            sides = (read_rows(one, source, ["record_id"]) for one in (folder, whole))
            mine, theirs = (sorted(side["record_id"].to_pylist()) for side in sides)
            assert mine == theirs, source


def _cpu(call: Callable[..., Any], *given: Any, **named: Any) -> float:
    start = time.process_time()
    call(*given, **named)
    return time.process_time() - start
