"""What ``leadpulse audit`` does."""

# ruff: noqa: T201 - printing is what a command does

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.commands import told
from pipelines.progress import Steps
from pipelines.runtime import Runtime
from pipelines.seals import SealPlace, audit_store, seal_all

if TYPE_CHECKING:
    from crm_store.services.seal_audit import AuditReport

_SHOWN = 50


@contextmanager
def opened(home: Path | None) -> Iterator[Runtime]:
    """Give the runtime of a data folder, and let go of its store at the end."""
    runtime = Runtime.at(home)
    try:
        yield runtime
    finally:
        runtime.engine.dispose()


@told
def make_keys(home: Path | None) -> int:
    """Make the key that signs seals."""
    from crm_store.services.seal_keys import create_keys

    place = SealPlace.of(Runtime.at(home).settings)
    name = create_keys(place.private_key, place.book().public_key)
    print(f"key 密钥         {place.private_key}")
    print(f"public key 公钥  {place.book().public_key}")
    print(f"fingerprint 指纹 {name}")
    print("Note the fingerprint elsewhere, and back the key up apart. 请另行记下指纹，并单独备份密钥。")
    return 0


@told
def seal_now(home: Path | None) -> int:
    """Seal what is new."""
    with opened(home) as runtime:
        count = seal_all(runtime)
    print(f"{count} new seals 个新封存: {SealPlace.of(runtime.settings).folder}")
    return 0


@told
def verify_audit(home: Path | None) -> int:
    """Check every chain and every seal."""
    with opened(home) as runtime, Steps().step("audit", "Audit 审计") as report:
        found = audit_store(runtime, SealPlace.of(runtime.settings).book(), report)
    print_report(found)
    return 0 if found.is_clean else 1


def print_report(found: AuditReport) -> None:
    """Print what an audit found, the first of it line by line."""
    for one in found.findings[:_SHOWN]:
        print(f"✗ {one.code}: {one.en} ({one.zh})")
    if len(found.findings) > _SHOWN:
        print(f"… {len(found.findings) - _SHOWN} more 处未列出")
    rows = f"{found.sealed:,} rows sealed 行已封存, {found.unsealed:,} not yet 行未封存"
    print(f"{found.seals} seals 封存, {rows}")
    if found.fingerprint is None:
        print("No key: only the chains were checked; run leadpulse audit keygen. 尚无密钥，仅核验了哈希链。")
    else:
        print(f"last seal 最近封存 {found.last_sealed_at or '-'}, key 密钥 {found.fingerprint}")
    print(f"{len(found.findings)} problems 处问题")


@told
def catch_up(home: Path | None) -> int:
    """Let the transaction clock of a restored PostgreSQL store go on where it left off."""
    from crm_store.database import write_connection
    from crm_store.repositories.history.clock import catch_up as run

    engine = Runtime.at(home).engine
    if engine.dialect.name != "postgresql":
        print("Only PostgreSQL has a transaction clock. 只有 PostgreSQL 需要校准。")
        return 0
    with write_connection(engine) as connection:
        print(f"offset 偏移 {run(connection):,}")
    return 0
