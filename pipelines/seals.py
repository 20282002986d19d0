"""Where a data folder's seals lie, sealing what is new, keeping it up, and auditing against the seals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.runtime import Runtime, utc_now

if TYPE_CHECKING:
    from crm_store.services.seal_audit import AuditReport
    from crm_store.services.seal_book import SealBook
    from pipelines.progress import Report
    from pipelines.settings import Settings


@dataclass(frozen=True)
class SealPlace:
    """Where the seals lie and where the key that signs them does: apart, and both outside the database."""

    folder: Path
    private_key: Path

    @classmethod
    def of(cls, settings: Settings) -> SealPlace:
        """Return the places that the settings name, those in the data folder where they name none."""
        return cls(
            settings.seals_folder or settings.folder / "seals",
            settings.seal_key or settings.folder / "keys" / "seal.pem",
        )

    def book(self) -> SealBook:
        """Return the seals."""
        from crm_store.services.seal_book import SealBook

        return SealBook(self.folder)


def seal_where_keyed(runtime: Runtime) -> int:
    """Seal what is new, as ``seal_all`` does, where the folder has a key; without one nothing is sealed."""
    return seal_all(runtime) if SealPlace.of(runtime.settings).private_key.exists() else 0


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


def audit_store(runtime: Runtime, book: SealBook, report: Report) -> AuditReport:
    """Audit a store as of one moment, against its seals where it has a key."""
    from crm_store.services.seal_audit import audit

    with runtime.sessions() as session:
        if runtime.engine.dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return audit(session, book if book.public_key.exists() else None, report)
