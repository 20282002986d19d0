"""What the workbench is made from. The composition root builds it; tests build it from their own store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from crm_store.services.single_sign_on import SingleSignOn
from crm_store.services.vault import Vault


@dataclass(frozen=True)
class WorkbenchDeps:
    """The parts of the workbench.

    ``origins`` are the addresses browsers come by, as scheme://host:port without a path: sockets and forms
    from anywhere else are refused, and when all are https the session's cookie is for https only. ``notice``
    is (Chinese, English), shown on every page, e.g. that the company is synthetic. ``vault`` opens the
    secrets of second factors; ``sso`` signs people in at an identity provider.
    """

    factory: sessionmaker[Session]
    clock: Callable[[], datetime]
    origins: tuple[str, ...]
    notice: tuple[str, str] | None = None
    vault: Vault | None = None
    sso: SingleSignOn | None = None
