"""What the workbench is made from. The composition root builds it; tests build it from their own store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from crm_store.rules.engine import RuleBook
from crm_store.services.single_sign_on import SingleSignOn
from crm_store.services.vault import Vault
from serving.assessment import Assessor, shipped_assessor
from serving.workbench.cards import Cards

Alerts = Callable[[], Sequence[tuple[str, str]]]
"""What managers should know now, in Chinese and English: quick, and must not raise."""


@dataclass(frozen=True)
class WorkbenchDeps:
    """The parts of the workbench.

    ``origins`` are the addresses browsers come by, as scheme://host:port without a path: sockets and forms
    from anywhere else are refused, and when all are https the session's cookie is for https only. ``notice``
    is (Chinese, English), shown on every page, e.g. that the company is synthetic. ``vault`` opens the
    secrets of second factors; ``sso`` signs people in at an identity provider; ``rule_book`` gives the
    published rule documents, ``assessor`` accounts' composite and parts. ``alerts`` are shown above the
    lists, ``cards`` at an address of their own.
    """

    factory: sessionmaker[Session]
    clock: Callable[[], datetime]
    origins: tuple[str, ...]
    notice: tuple[str, str] | None = None
    vault: Vault | None = None
    sso: SingleSignOn | None = None
    assessor: Assessor = field(default_factory=shipped_assessor)
    rule_book: Callable[[], RuleBook] = RuleBook.shipped
    alerts: Alerts = tuple
    cards: Cards = lambda _model: None
