"""Backups: one file with the store as of one moment, its seals and the data folder, and the way back.

The seals are copied before the store, so that the copy holds every row that they speak of. SQLite is copied
through its own online backup, PostgreSQL through ``pg_dump``; writers go on meanwhile. Keys are left out: who
holds the backup must not be able to sign for the store, nor read what its keys protect.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crm_store.repositories.problems import Problem, StoreError
from pipelines.backup_stores import StoreCopy, store_copy
from pipelines.runtime import Runtime
from pipelines.seals import SealPlace, audit_store, seal_all
from pipelines.settings import Settings

if TYPE_CHECKING:
    from crm_store.services.seal_audit import AuditReport

FORMAT = 1
_MANIFEST, _STORE, _HOME = "manifest.json", "store", "home"
# Fast rather than small: a dump of PostgreSQL is compressed already.
_COMPRESSION = 1
_KEYS, _SKIPPED_FOLDERS, _SKIPPED_ENDS = "keys", frozenset({"logs", "keys"}), (".key", "-wal", "-shm", ".tmp")
_SQLITE_HEADER = b"SQLite format 3\x00"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: the kind of store, its schema's revision, rows by table, each file's SHA-256."""

    format: int
    created_at: str
    store: str
    revision: str
    rows: dict[str, int]
    files: dict[str, str]


@dataclass(frozen=True)
class BackupCheck:
    """What a trial restore found: the audit, and tables whose rows are not as many as they should be."""

    report: AuditReport
    differing: dict[str, tuple[int, int]]

    @property
    def is_good(self) -> bool:
        """Tell whether the backup is one to rely on."""
        return self.report.is_clean and not self.differing


def create_backup(runtime: Runtime, file: Path, now: datetime) -> Manifest:
    """Write a backup to ``file``, all of it or none, readable by its owner only.

    Raises StoreError: ``backup_exists``, ``tool_absent`` and ``tool_failed`` (PostgreSQL), and what sealing
    raises.
    """
    if file.exists():
        raise StoreError(_exists(file))
    if SealPlace.of(runtime.settings).private_key.exists():
        seal_all(runtime)
    copy = store_copy(runtime.settings.store_url)
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".backup-") as scratch:
        work = Path(scratch)
        _copy_folder(runtime.settings, work / _HOME, copy)
        rows, revision = copy.dump(work / _STORE)
        files = {name: _sha256(work / name) for name in _names(work)}
        manifest = Manifest(FORMAT, now.isoformat(), copy.kind, revision, rows, files)
        (work / _MANIFEST).write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), "utf-8")
        _pack(work, file)
    return manifest


def check_backup(runtime: Runtime, file: Path) -> BackupCheck:
    """Restore a backup into a scratch place and audit it against its own seals.

    A backup of PostgreSQL is restored into a new database of the same server, dropped afterwards.
    Raises StoreError ``bad_backup`` and ``other_store`` besides what restoring raises.
    """
    with _unpacked(file) as (work, manifest):
        home = work / _HOME
        copy = _fitting(runtime.settings, manifest)
        with copy.scratch(work / _STORE, home) as url:
            restored = Runtime(runtime.settings.model_copy(update={"home": home, "database_url": url}))
            try:
                book = SealPlace.of(restored.settings).book()
                report = audit_store(restored, book, lambda done, total: None)
            finally:
                restored.engine.dispose()
            found = store_copy(url).count()
        wanted = manifest.rows
        names = sorted(wanted.keys() | found.keys())
        counts = {name: (wanted.get(name, 0), found.get(name, 0)) for name in names}
        return BackupCheck(report, {name: pair for name, pair in counts.items() if pair[0] != pair[1]})


def restore_backup(runtime: Runtime, file: Path, now: datetime, *, replace: bool = False) -> list[str]:
    """Restore a backup and return where what was there has been put.

    Nothing is touched before the whole backup has been read and its hashes agree. Raises StoreError
    ``not_empty`` unless ``replace``, ``bad_backup``, ``other_store``, ``in_use`` and those of the tools.
    """
    settings = runtime.settings
    with _unpacked(file, settings.folder.parent) as (work, manifest):
        copy = _fitting(settings, manifest)
        has_folder = settings.folder.exists() and any(settings.folder.iterdir())
        if not replace and (has_folder or not copy.is_empty()):
            raise StoreError(_not_empty(settings.folder))
        stamp = f"{now:%Y%m%dT%H%M%S}"
        inside = any(map(copy.is_own_file, settings.folder.glob("*")))  # then it goes with its folder
        aside = [] if inside else copy.put_aside(stamp)
        if has_folder:
            old = settings.folder.with_name(f"{settings.folder.name}.before-{stamp}")
            settings.folder.rename(old)
            aside.append(str(old))
            _keep_keys(old, work / _HOME)
        settings.folder.parent.mkdir(parents=True, exist_ok=True)
        if settings.folder.exists():
            settings.folder.rmdir()
        (work / _HOME).rename(settings.folder)
        copy.load(work / _STORE)
    return aside


def _keep_keys(old: Path, home: Path) -> None:
    """Keys are in no backup: the store that comes back goes on with those that are here."""
    if (old / _KEYS).exists():
        shutil.copytree(old / _KEYS, home / _KEYS)


def _copy_folder(settings: Settings, target: Path, copy: StoreCopy) -> None:
    """Copy the data folder: seals first, databases through SQLite's own backup, no keys and no logs."""
    target.mkdir(parents=True)
    seals = SealPlace.of(settings).folder
    if seals.exists():
        shutil.copytree(seals, target / seals.name, ignore=shutil.ignore_patterns(".*"))
    if not settings.folder.exists():
        return
    for source in sorted(settings.folder.rglob("*")):
        relative = source.relative_to(settings.folder)
        if source.is_symlink() or not source.is_file() or _is_left_out(relative, seals.name, copy, source):
            continue
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        try:
            _copy_file(source, target / relative)
        except FileNotFoundError:
            continue  # a temporary file of something that goes on working


def _is_left_out(relative: Path, seals: str, copy: StoreCopy, source: Path) -> bool:
    folder = relative.parts[0]
    return (
        folder in _SKIPPED_FOLDERS
        or folder == seals
        or source.name.endswith(_SKIPPED_ENDS)
        or copy.is_own_file(source)
    )


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as opened:
        is_database = opened.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
    if not is_database:
        shutil.copy2(source, target)
        return
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _pack(work: Path, file: Path) -> None:
    written = work.parent / f".{file.name}.{os.getpid()}"
    try:
        handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as opened:
            with tarfile.open(fileobj=opened, mode="w:gz", compresslevel=_COMPRESSION) as archive:
                for name in [_MANIFEST, *(name for name in _names(work) if name != _MANIFEST)]:
                    archive.add(work / name, name)
            opened.flush()
            os.fsync(opened.fileno())
        os.link(written, file)
    except FileExistsError as error:
        raise StoreError(_exists(file)) from error
    finally:
        written.unlink(missing_ok=True)


@contextmanager
def _unpacked(file: Path, near: Path | None = None) -> Iterator[tuple[Path, Manifest]]:
    """Give the folder that a backup unpacks to, with every file's hash checked."""
    if near is not None:
        near.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=near, prefix=".restore-") as scratch:
        work = Path(scratch)
        try:
            with tarfile.open(file, mode="r:gz") as archive:
                archive.extractall(work, filter="data")
            manifest = Manifest(**json.loads((work / _MANIFEST).read_text("utf-8")))
        except (OSError, tarfile.TarError, EOFError, ValueError, TypeError) as error:
            raise StoreError(_bad(file)) from error
        (work / _HOME).mkdir(exist_ok=True)
        found = {name: _sha256(work / name) for name in _names(work) if name != _MANIFEST}
        if manifest.format != FORMAT or found != manifest.files:
            raise StoreError(_bad(file))
        yield work, manifest


def _fitting(settings: Settings, manifest: Manifest) -> StoreCopy:
    copy = store_copy(settings.store_url)
    if copy.kind != manifest.store:
        raise StoreError(_other_store(manifest.store, copy.kind))
    return copy


def _names(work: Path) -> list[str]:
    return sorted(str(one.relative_to(work)) for one in work.rglob("*") if one.is_file())


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _exists(file: Path) -> Problem:
    return Problem("backup_exists", None, f"{file} 已存在，不会覆盖", f"{file} exists and is not overwritten")


def _bad(file: Path) -> Problem:
    return Problem(
        "bad_backup",
        None,
        f"{file} 不是完整的备份文件，或已损坏",
        f"{file} is not a backup, or it is damaged or cut short",
    )


def _other_store(of: str, ours: str) -> Problem:
    return Problem(
        "other_store",
        None,
        f"备份来自 {of}，而当前配置的是 {ours}；请先调整 LEADPULSE_DATABASE_URL",
        f"the backup is of {of} and this store is {ours}: set LEADPULSE_DATABASE_URL accordingly",
    )


def _not_empty(folder: Path) -> Problem:
    return Problem(
        "not_empty",
        None,
        f"{folder} 或其数据库已有数据；如需替换请加 --replace，原数据会被保留在旁边",
        f"{folder} or its store holds data; --replace puts it aside and restores in its place",
    )
