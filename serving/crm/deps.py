"""What the CRM interface is made from: the composition root builds it, tests from a store of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from crm_store.services.idempotency import Flights
from crm_store.services.vault import Vault
from serving.attempts import Attempts
from serving.crm.importer import Importer

# Fewer than a store's pool has connections: who waits, waits before taking one.
WORKERS = 12
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class CrmLimits:
    """Bytes of a body, and seconds until a 504, by how much an operation is expected to carry."""

    ordinary_body: int = MEBIBYTE
    bulk_body: int = 16 * MEBIBYTE
    upload_body: int = 50 * MEBIBYTE
    ordinary_seconds: float = 10.0
    bulk_seconds: float = 120.0
    export_seconds: float = 900.0


@dataclass(frozen=True)
class CrmDeps:
    """The parts of the CRM interface.

    ``clock`` is real time: writes are dated by it, sessions and keys end by it. ``uploads`` is the folder of
    import files and their rejects. ``vault`` seals what must be read again. ``attempts`` counts who fails to
    sign in, by address.
    """

    engine: Engine
    sessions: sessionmaker[Session]
    vault: Vault
    uploads: Path
    clock: Callable[[], datetime]
    limits: CrmLimits = field(default_factory=CrmLimits)
    flights: Flights = field(default_factory=Flights)
    attempts: Attempts = field(default_factory=lambda: Attempts(time.monotonic))

    @cached_property
    def importer(self) -> Importer:
        """What import jobs run in."""
        return Importer(self.engine, self.uploads, self.clock)
