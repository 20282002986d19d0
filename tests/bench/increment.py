"""A day's build of the lead features against building all of it anew, and how its cost grows.

A SQLite store with a year of a company's leads: ten activities each over a quarter from their arrival, a
tenth entered late, one in a hundred correcting another. Both builds go from the store to the frame of every
lead: the sources kept up or exported, the figures refreshed or worked out. Processor seconds, as the disk and
a busy machine count for neither. ``--activities N`` is for another size of the year.
"""

import statistics
import time
from collections.abc import Callable
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
    day = full["days"][1.0]
    return {
        "day_to_whole": round(day / full["whole"], 4),
        "sources_to_whole": round(full["sources"] / full["sources_whole"], 4),
        "frame_to_whole": round(full["frame"] / full["frame_whole"], 4),
        "by_part_of_a_day": {str(part): round(one / day, 2) for part, one in full["days"].items()},
        "history_x4": round(day / quarter["days"][1.0], 2),
        "whole_x4": round(full["whole"] / quarter["whole"], 2),
        "day_cpu_s": round(day, 2),
        "whole_cpu_s": round(full["whole"], 2),
        "quarter_day_cpu_s": round(quarter["days"][1.0], 2),
        "activities": activities,
        "a_day": year.per_day,
        "leads": year.leads,
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
            key = {"id": f"lea_{number:08}", "source": "crm", "external_id": f"{number}"}
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
            "lead_id": pa.array([f"lea_{n:08}" for n in self._lead[first:last]]),
            "occurred_at": _moments(self._happened[first:last]),
            "recorded_at": _moments(self._known[first:last]),
            "channel": pa.array([_CHANNELS[n % len(_CHANNELS)] for n in number * 7 // 3]),
            "direction": pa.array(["in" if n % 2 else "out" for n in number]),
            "duration_s": pa.array(number % 600, pa.float64()),
            "text": pa.array([_TEXTS[n % len(_TEXTS)] for n in number * 3 // 2]),
            "corrects_id": pa.array([f"act_{n:09}" if n >= 0 else None for n in corrects], pa.string()),
        }
        return pa.table(columns)


def _moments(days: Any) -> pa.Array:
    at = int(START.timestamp() * 1e6) + days * 86_400e6
    return pa.array(at.astype(np.int64)).cast(pa.timestamp("us", tz="UTC"))


def _measured(year: _Year, parts: tuple[float, ...]) -> dict[str, Any]:
    """Return the processor seconds of days and of whole builds at the end of a year."""
    with sqlite_store() as engine, TemporaryDirectory() as name:
        folder = Path(name) / "sources"
        day = year.days - RUNS * sum(parts) - 1
        _bring(engine, year, 0.0, day)
        _keep(engine, folder, day, whole=True)
        _frame(folder, year, day)
        days, sources, frames = {}, {}, {}
        for part in parts:
            taken = []
            for _ in range(RUNS):
                _bring(engine, year, day, day + part)
                day += part
                taken.append((_cpu(_keep, engine, folder, day), _cpu(_frame, folder, year, day)))
            sources[part], frames[part] = (statistics.median(one) for one in zip(*taken, strict=True))
            days[part] = sources[part] + frames[part]
        _assert_whole(engine, folder, year, day)
        whole = [
            (_cpu(_keep, engine, folder, day, whole=True), _cpu(_anew, folder, year, day))
            for _ in range(RUNS)
        ]
        sources_whole, frame_whole = (statistics.median(one) for one in zip(*whole, strict=True))
    return {
        "days": days,
        "sources": sources[1.0],
        "frame": frames[1.0],
        "whole": sources_whole + frame_whole,
        "sources_whole": sources_whole,
        "frame_whole": frame_whole,
    }


def _bring(engine: Engine, year: _Year, since: float, until: float) -> None:
    load_history(engine, "lead", year.arrived(since, until), actor="job:bench", reason=None, now=_at(until))
    load_facts(engine, Activity, year.entered(since, until))


def _keep(engine: Engine, folder: Path, day: float, *, whole: bool = False) -> None:
    assert keep_sources(engine, folder, "bench", _at(day), whole=whole).whole == whole


def _frame(folder: Path, year: _Year, day: float) -> pa.Table:
    return refreshed("lead", _asked(year, day), folder, folder.with_name("figures"))


def _anew(folder: Path, year: _Year, day: float) -> pa.Table:
    return compute_arrow("lead", _asked(year, day), folder, _NAMES)


def _asked(year: _Year, day: float) -> pa.Table:
    ids = [f"lea_{number:08}" for number in range(year.arrived_by(day))]
    return asked_table(pd.DataFrame({"entity_id": ids, "as_of": [pd.Timestamp(_at(day))] * len(ids)}))


def _at(day: float) -> datetime:
    return START + timedelta(days=day)


def _assert_whole(engine: Engine, folder: Path, year: _Year, day: float) -> None:
    """Fail unless sources and frame are those of a whole build."""
    with TemporaryDirectory() as name:
        whole = Path(name)
        export_sources(engine, whole)
        assert_same(_frame(folder, year, day), _anew(whole, year, day))
        for source in SOURCES:
            sides = (read_rows(one, source, ["record_id"]) for one in (folder, whole))
            mine, theirs = (sorted(side["record_id"].to_pylist()) for side in sides)
            assert mine == theirs, source


def _cpu(call: Callable[..., Any], *given: Any, **named: Any) -> float:
    start = time.process_time()
    call(*given, **named)
    return time.process_time() - start
