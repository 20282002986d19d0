"""Where a data folder's seals lie, sealing what is new, keeping it up, and auditing against the seals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.progress import Steps
from pipelines.runtime import Runtime, utc_now

if TYPE_CHECKING:
    from threading import Event

    from crm_store.services.seal_audit import AuditReport
    from crm_store.services.seal_book import SealBook
    from pipelines.progress import Report
    from pipelines.settings import Settings

# Well below the minute that a seal may be old, so that a slow one is still in time.
SEAL_EVERY_SECONDS = 30.0


@dataclass(frozen=True)
class SealPlace:
    """Where the seals lie and where the key that signs them does: apart, and both outside the database."""

    folder: Path
    private_key: Path

    @classmethod
    def of(cls, settings: Settings) -> SealPlace:
        """Return the places of a data folder."""
        return cls(settings.folder / "seals", settings.folder / "keys" / "seal.pem")

    def book(self) -> SealBook:
        """Return the seals."""
        from crm_store.services.seal_book import SealBook

        return SealBook(self.folder)


def seal_all(runtime: Runtime) -> int:
    """Seal what is new now and return the number of seals. Raises StoreError as ``seal_store`` does.

    It ends with the first seal that has room left, so that it ends while others go on writing.
    """
    from crm_store.services.seal_keys import SealSigner
    from crm_store.services.sealing import MOST_ROWS, seal_store

    place = SealPlace.of(runtime.settings)
    signer, book, count = SealSigner(place.private_key), place.book(), 0
    while True:
        with runtime.sessions() as session:
            sealed = seal_store(session, book, signer, utc_now())
        if sealed is None:
            return count
        count += 1
        if sealed.new_rows < MOST_ROWS:
            return count


def keep_sealing(runtime: Runtime, stop: Event) -> None:
    """Seal every half minute until ``stop``; for a thread of the supervisor.

    Without a key nothing is sealed. A seal that fails (a store that does not answer, a full disk) is told on
    standard error and tried again.
    """
    console = Steps().console
    while not stop.is_set():
        if SealPlace.of(runtime.settings).private_key.exists():
            try:
                seal_all(runtime)
            except Exception as error:
                console.print(f"[red]✗[/] sealing failed 封存失败: {error}", highlight=False)
        stop.wait(SEAL_EVERY_SECONDS)


def audit_store(runtime: Runtime, book: SealBook, report: Report) -> AuditReport:
    """Audit a store as of one moment, against its seals where it has a key."""
    from crm_store.services.seal_audit import audit

    with runtime.sessions() as session:
        if runtime.engine.dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return audit(session, book if book.public_key.exists() else None, report)
