"""A backup taken while others write restores to what it says it holds, and is audited on the way."""

import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sealed_store import fill
from sqlalchemy.orm import Session, sessionmaker
from typer import Typer
from typer.testing import CliRunner

from crm_store.database import open_engine, session_factory
from crm_store.repositories.history.feed import read_feed
from crm_store.repositories.problems import StoreError
from crm_store.services.seal_keys import create_keys
from pipelines.backup import check_backup, create_backup, restore_backup
from pipelines.cli_audit import audit_app, backup_app, restore
from pipelines.housekeeping import attempt, chores_of
from pipelines.runtime import Runtime
from pipelines.seals import SealPlace
from pipelines.settings import Settings
from tests.settling import settle

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_backup_under_load_is_whole_and_good(
    runtime: Runtime, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    fill(sessions)
    stop, number = threading.Event(), [6]

    def write() -> None:
        while not stop.is_set() and number[0] < 300:
            fill(sessions, number[0])
            number[0] += 6

    writer = threading.Thread(target=write)
    writer.start()
    try:
        manifest = create_backup(runtime, tmp_path / "backup", NOW)
    finally:
        stop.set()
        writer.join()
    assert manifest.rows["lead"] % 6 == 0  # transactions are in it whole or not at all
    assert manifest.rows["lead"] >= 6
    checked = check_backup(runtime, tmp_path / "backup")
    assert checked.is_good
    assert checked.report.seals >= 1


def test_a_restored_store_is_the_one_backed_up_and_goes_on(
    runtime: Runtime, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    fill(sessions)
    settle(sessions)
    before = events(sessions)
    create_backup(runtime, tmp_path / "backup", NOW)
    fill(sessions, 6)
    (runtime.settings.folder / "later.txt").write_text("written after the backup")
    with pytest.raises(StoreError, match="not_empty"):
        restore_backup(runtime, tmp_path / "backup", NOW)
    sessions.kw["bind"].dispose()
    runtime.engine.dispose()
    aside = restore_backup(runtime, tmp_path / "backup", NOW, replace=True)
    assert aside
    assert not (runtime.settings.folder / "later.txt").exists()
    assert (runtime.settings.folder / "state.json").read_text() == "{}"
    assert SealPlace.of(runtime.settings).private_key.exists()  # keys are not restored, and not lost
    engine = open_engine(runtime.settings.store_url)
    restored = session_factory(engine)
    assert events(restored) == before
    with restored() as session:
        cursor = read_feed(session, None, 1000).next_cursor
    fill(restored, 60)
    settle(restored)
    with restored() as session:
        assert len(read_feed(session, cursor, 1000).items) == len(before)
    engine.dispose()


def test_keys_and_logs_are_in_no_backup(
    runtime: Runtime, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    fill(sessions)
    (runtime.settings.folder / "logs").mkdir()
    (runtime.settings.folder / "logs" / "api.log").write_text("x")
    create_backup(runtime, tmp_path / "backup", NOW)
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0
    with tarfile.open(tmp_path / "backup") as archive:
        names = archive.getnames()
    assert "home/state.json" in names
    assert "home/seals/public-key.pem" in names
    assert not [name for name in names if "seal.pem" in name or "logs" in name]


def test_a_damaged_or_foreign_backup_is_refused(
    runtime: Runtime, sessions: sessionmaker[Session], tmp_path: Path
) -> None:
    fill(sessions)
    file = tmp_path / "backup"
    create_backup(runtime, file, NOW)
    with pytest.raises(StoreError, match="backup_exists"):
        create_backup(runtime, file, NOW)
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"no archive", whole[:-200]):
        file.write_bytes(damaged)
        with pytest.raises(StoreError, match="bad_backup"):
            check_backup(runtime, file)


def test_the_commands_speak_both_languages(
    runtime: Runtime, sessions: sessionmaker[Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADPULSE_HOME", str(runtime.settings.folder))
    monkeypatch.setenv("LEADPULSE_DATABASE_URL", runtime.settings.store_url)
    app = Typer()
    app.add_typer(audit_app, name="audit")
    app.add_typer(backup_app, name="backup")
    app.command("restore")(restore)
    fill(sessions)
    settle(sessions)
    told = {}
    file = tmp_path / "b"
    for words in ("audit seal", f"backup create {file}", f"backup verify {file}", "audit verify"):
        result = CliRunner().invoke(app, words.split())
        assert result.exit_code == 0, result.output
        told[words.split()[1]] = result.output
    assert "0 problems 处问题" in told["verify"]
    assert "密钥" in told["create"]
    refused = CliRunner().invoke(app, ["restore", str(file)])
    assert refused.exit_code == 1


def test_a_served_store_is_sealed_until_it_stops(runtime: Runtime, sessions: sessionmaker[Session]) -> None:
    fill(sessions)
    settle(sessions)
    [sealing] = [chore for chore in chores_of(runtime) if chore.title.startswith("seals")]
    attempt(sealing)
    book = SealPlace.of(runtime.settings).book()
    assert len(book.files()) == 1


def events(sessions: sessionmaker[Session]) -> list[str]:
    with sessions() as session:
        return [one.id for one in read_feed(session, None, 1000).items]


@pytest.fixture
def runtime(store_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """A data folder with a seal key, beside a store of its own."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "state.json").write_text("{}")
    runtime = Runtime(Settings(home=home, database_url=store_url))
    place = SealPlace.of(runtime.settings)
    create_keys(place.private_key, place.book().public_key)
    yield runtime
    runtime.engine.dispose()
