"""What the workbench is made from. The composition root builds it; tests build it from their own store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker


@dataclass(frozen=True)
class WorkbenchDeps:
    """The parts of the workbench.

    ``origins`` are the addresses browsers come by, as scheme://host:port without a path: sockets and forms
    from anywhere else are refused, and when all are https the session's cookie is for https only. ``notice``
    is (Chinese, English), shown on every page, e.g. that the company is synthetic.
    """

    factory: sessionmaker[Session]
    clock: Callable[[], datetime]
    origins: tuple[str, ...]
    notice: tuple[str, str] | None = None
