"""What the commands about duplicates do; each returns its exit code."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines.commands import told
from pipelines.duplicate_scan import run_scan
from pipelines.progress import Steps
from pipelines.runtime import Runtime

if TYPE_CHECKING:
    from crm_store.repositories.duplicates.overlap import Overlap

_CHINA = ZoneInfo("Asia/Shanghai")


@told
def scan_duplicates(home: Path | None, entity: str, workers: int) -> int:
    """Compare all records of a kind, and tell how many open pairs there are."""
    from crm_store.repositories.duplicates.pairs import count_open

    runtime = _runtime(home, entity)
    notes = runtime.settings.folder / f"duplicates-{entity}.json"
    with Steps().step("scan", f"Compare {entity}s 查重") as report:
        run_scan(runtime.settings.store_url, entity, workers=workers, notes=notes, report=report)
    with runtime.sessions() as session:
        print(f"{count_open(session, entity):,} open pairs 组疑似重复")
    return 0


@told
def list_duplicates(home: Path | None, entity: str, limit: int) -> int:
    """List open pairs."""
    from crm_store.repositories.duplicates.pairs import open_pairs

    with _runtime(home, entity).sessions() as session:
        for pair in open_pairs(session, entity, limit=limit):
            print(f"{pair.score:.2f}  {pair.left_id}  {pair.right_id}  {pair.id}")
            for reason in pair.reasons:
                print(f"      {reason['zh']} · {reason['en']}")
    return 0


@told
def merge_duplicates(home: Path | None, entity: str, survivor: str, merged: str, take: list[str]) -> int:
    """Merge one record into another."""
    from crm_store.database import transaction
    from crm_store.services.merging import merge

    with transaction(_runtime(home, entity).sessions) as session:
        log = merge(
            session,
            entity,
            survivor,
            merged,
            choices=dict.fromkeys(take, "merged"),
            actor=_actor(),
            now=datetime.now(UTC),
        )
        moved = len(log.changes) - 1
    print(f"{log.id}: {merged} → {survivor}, {moved} more records written 另写入 {moved} 条记录")
    return 0


@told
def undo_merge(home: Path | None, merge_id: str) -> int:
    """Undo a merge, and list what was left as it is."""
    from crm_store.database import transaction
    from crm_store.services.merging import undo

    with transaction(Runtime.at(home).sessions) as session:
        undone = undo(session, merge_id, actor=_actor(), now=datetime.now(UTC))
    print(f"{merge_id} undone 已撤销")
    for kept in undone.kept:
        where = f"{kept.entity} {kept.record_id} {kept.field}"
        print(f"  kept, edited since 之后被改过，保留: {where} = {kept.current} ({kept.before_merge})")
    return 0


@told
def dismiss_pair(home: Path | None, pair_id: str) -> int:
    """Note that two records are not one customer."""
    from crm_store.database import transaction
    from crm_store.services.duplicates import dismiss

    with transaction(Runtime.at(home).sessions) as session:
        dismiss(session, pair_id, actor=_actor(), now=datetime.now(UTC))
    print(f"{pair_id} dismissed 已排除")
    return 0


@told
def report_overlap(home: Path | None, days: int, until: datetime | None) -> int:
    """Tell the share of customers with reps of different regions, in a window and in the one before."""
    from crm_store.repositories.duplicates.overlap import overlap

    runtime = Runtime.at(home)
    end = until.replace(tzinfo=_CHINA).astimezone(UTC) if until else runtime.now()
    length = timedelta(days=days)
    with runtime.sessions() as session:
        for start in (end - 2 * length, end - length):
            window = overlap(session, since=start, until=start + length)
            print(_line(start, start + length, window))
    return 0


def _line(start: datetime, end: datetime, window: Overlap) -> str:
    first, last = (moment.astimezone(_CHINA).strftime("%Y-%m-%d") for moment in (start, end))
    counts = f"{window.overlapping:,} of {window.customers:,} customers"
    return f"{first} – {last}: {window.share:.1%} ({counts}) 跨区域重复跟进"


def _runtime(home: Path | None, entity: str) -> Runtime:
    from crm_store.repositories.problems import Problem, StoreError
    from crm_store.services.merging import MERGEABLE

    if entity not in MERGEABLE:
        listed = ", ".join(MERGEABLE)
        zh, en = f"--of 只能是：{listed}", f"--of must be one of: {listed}"
        raise StoreError(Problem("not_allowed", "of", zh, en))
    return Runtime.at(home)


def _actor() -> str:
    return f"user:{getpass.getuser()}"
