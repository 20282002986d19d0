"""Keeping house while a data folder is served: each chore in a thread of its own, at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    """Return the chores of a data folder.

    Seals are made well below the minute that they may be old. Papers run out by the day and keys by the hour.
    Order pulls are due every four hours; looking more often finds those that failed, and new connectors.
    """
    return [
        Chore("seals 封存", 30, lambda: seals.seal_where_keyed(runtime)),
        Chore("imports 续传", 60, lambda: chores.resume_imports(runtime)),
        Chore("orders 拉取订单", 300, lambda: chores.pull_due_orders(runtime)),
        Chore("tidying 清理", 600, lambda: chores.tidy(runtime)),
        Chore("models 模型", 3600, lambda: chores.retrain_due_models(runtime)),
        Chore("registry 工商信息", 3600, chores.Enriching(runtime)),
    ]


@contextmanager
def housekeeping(runtime: Runtime) -> Iterator[None]:
    """Keep house while the block runs."""
    stop = Event()
    threads = [
        Thread(target=keep, args=(chore, stop), name=chore.title, daemon=True) for chore in chores_of(runtime)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)


def keep(chore: Chore, stop: Event) -> None:
    """Do a chore until ``stop``. What fails (a store without answer, a full disk) is told and tried again."""
    console = Steps().console
    while not stop.is_set():
        try:
            chore.work()
        except Exception as error:
            console.print(f"[red]✗[/] {chore.title} failed 失败: {error}", highlight=False)
        stop.wait(chore.every)
