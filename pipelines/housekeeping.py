"""Keeping house while a data folder is served: each chore in a thread of its own, at its own pace.

The first time they are done one after the other. Each imports what it needs, and a package with circular
imports (SQLAlchemy) that several threads import at once stays half made for as long as the process lives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING

from pipelines import chores, seals
from pipelines.progress import Steps

if TYPE_CHECKING:
    from pipelines.runtime import Runtime


@dataclass(frozen=True)
class Chore:
    """Work that is done again and again, each time ``every`` seconds after the last."""

    title: str
    every: float
    work: Callable[[], object]


def chores_of(runtime: Runtime) -> list[Chore]:
    """Return the chores of a data folder; what may take minutes the first time comes last.

    Seals are made well below the minute that they may be old. Papers run out by the day and keys by the hour.
    Order pulls are due every four hours; looking more often finds those that failed, and new connectors.
    """
    return [
        Chore("seals 封存", 30, lambda: seals.seal_where_keyed(runtime)),
        Chore("imports 续传", 60, lambda: chores.resume_imports(runtime)),
        Chore("orders 拉取订单", 300, lambda: chores.pull_due_orders(runtime)),
        Chore("tidying 清理", 600, lambda: chores.tidy(runtime)),
        Chore("registry 工商信息", 3600, chores.Enriching(runtime)),
        Chore("models 模型", 3600, lambda: chores.retrain_due_models(runtime)),
    ]


@contextmanager
def housekeeping(chores: Sequence[Chore]) -> Iterator[None]:
    """Keep house while the block runs."""
    stop = Event()
    threads = [Thread(target=keep, args=(one, stop), name=one.title, daemon=True) for one in chores]

    def begin() -> None:
        for chore, thread in zip(chores, threads, strict=True):
            if not stop.is_set():
                attempt(chore)
                thread.start()

    beginning = Thread(target=begin, name="housekeeping", daemon=True)
    beginning.start()
    try:
        yield
    finally:
        stop.set()
        for thread in (beginning, *threads):
            if thread.ident is not None:
                thread.join(timeout=10)


def keep(chore: Chore, stop: Event) -> None:
    """Do a chore at its pace until ``stop``."""
    while not stop.wait(chore.every):
        attempt(chore)


def attempt(chore: Chore) -> None:
    """Do a chore. What fails (a store without answer, a full disk) is told, and tried again in its time."""
    try:
        chore.work()
    except Exception as error:
        Steps().console.print(f"[red]✗[/] {chore.title} failed 失败: {error}", highlight=False)
