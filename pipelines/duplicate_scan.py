"""Runs a scan for duplicates in several processes, and remembers how far it came."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.progress import Report

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, sessionmaker


def run_scan(url: str, entity: str, *, workers: int, notes: Path, report: Report) -> None:
    """Compare all records of a kind. ``notes`` is a file that says what is done, gone when all is.

    A scan that was stopped goes on where it was: every task can be repeated, and those that are noted are
    left out. Raises what a task raises; the notes then stay.
    """
    from crm_store.services.duplicate_scan import STEPS, tasks

    so_far = _Notes.read(notes, entity)
    with _pool(workers) as pool:
        for number, step in enumerate(STEPS):
            if so_far is None:
                with _sessions(url)() as session:
                    so_far = _Notes(entity, step, [asdict(task) for task in tasks(session, entity, step)])
            elif so_far.step != step:
                continue  # done before the scan was stopped
            for _ in _each(pool, url, so_far, notes):
                share = len(so_far.done) / len(so_far.tasks)
                report(round(1000 * (number + share)), 1000 * len(STEPS))
            so_far = None
    notes.unlink(missing_ok=True)


@dataclass
class _Notes:
    """How far a scan has come: the tasks of the step that it is at, and the numbers of those done."""

    entity: str
    step: str
    tasks: list[dict[str, Any]]
    done: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, entity: str) -> _Notes | None:
        """Return the notes of a scan of this kind that was stopped, if there is one."""
        found = cls(**json.loads(path.read_text())) if path.exists() else None
        return found if found and found.entity == entity else None

    def write(self, path: Path) -> None:
        """Save the notes; whoever reads them finds the old or the new, never half of them."""
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self)))
        os.replace(beside, path)


def _each(pool: ProcessPoolExecutor, url: str, so_far: _Notes, path: Path) -> Iterator[int]:
    """Do what is left of a step, noting and yielding each task as it is done.

    When one fails, those that wait are given up.
    """
    left = [number for number in range(len(so_far.tasks)) if number not in so_far.done]
    running = {pool.submit(work, url, so_far.tasks[number]): number for number in left}
    try:
        for ended in as_completed(running):
            ended.result()
            so_far.done.append(running[ended])
            so_far.write(path)
            yield running[ended]
    finally:
        for waiting in running:
            waiting.cancel()


def work(url: str, task: Mapping[str, Any]) -> None:
    """Do one task: read, then write in short transactions of its own."""
    from crm_store.database import transaction
    from crm_store.services.duplicate_scan import ScanTask, keep, look

    with _sessions(url)() as reading:
        findings = look(reading, ScanTask(**task))
    for part in findings.parts():
        with transaction(_sessions(url)) as session:
            keep(session, task["entity"], part, datetime.now(UTC))


def _pool(workers: int) -> ProcessPoolExecutor:
    # Started afresh and not forked: a forked database connection would be shared.
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


@cache
def _sessions(url: str) -> sessionmaker[Session]:
    from crm_store.database import open_engine, session_factory

    return session_factory(open_engine(url))
