"""A progress bar for each step, on standard error, so that standard output stays for results."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Report = Callable[[int, int], None]


class Steps:
    """Shows each step's progress and keeps how long it took.

    On a terminal each step is a bar; elsewhere it is one line when it ends.
    """

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, key: str, title: str) -> Iterator[Report]:
        """Run one step; the callable that it yields takes (done, total)."""
        started = time.perf_counter()
        if self.console.is_terminal:
            with self._bar(title) as report:
                yield report
        else:
            yield _silent
        self.seconds[key] = round(time.perf_counter() - started, 2)
        if not self.console.is_terminal:
            self.console.print(f"✓ {title}  {self.seconds[key]:.1f} s", highlight=False)

    @contextmanager
    def _bar(self, title: str) -> Iterator[Report]:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns: list[Any] = [SpinnerColumn(finished_text="✓"), TextColumn("{task.description}")]
        columns += [BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn()]
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(title, total=None)

            def report(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            yield report
            final = progress.tasks[0].total or 1
            progress.update(task, completed=final, total=final)


def _silent(done: int, total: int) -> None:
    """Take the report and show nothing."""


def share(report: Report, start: float, end: float) -> Report:
    """Return a report that fills only the part from ``start`` to ``end`` (0 to 1) of a bar."""

    def part(done: int, total: int) -> None:
        report(round(1000 * (start + (end - start) * done / max(total, 1))), 1000)

    return part
