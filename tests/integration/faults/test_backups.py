"""A backup restores to the same rows, and a damaged one is refused, on both stores."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from crm_store.database import transaction
from crm_store.models import Lead
from crm_store.repositories.records import write_record
from crm_store.services.seal_keys import create_keys
from pipelines.runtime import Runtime
from pipelines.seals import SealPlace, seal_all

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_backup_restores_what_was_there_and_its_seals_hold(home: Path, tmp_path: Path) -> None:
    write(home, 0, 20)
    with opened(home) as runtime:
        seal_all(runtime)
    file = tmp_path / "copy.backup"
    assert leadpulse("backup", "create", file, "--home", home) == 0
    write(home, 20, 25)
    assert leadpulse("backup", "verify", file, "--home", home) == 0
    assert leads(home) == 25
    assert leadpulse("restore", file, "--home", home) == 1  # there is something in the way
    assert leads(home) == 25
    assert leadpulse("restore", file, "--home", home, "--replace") == 0
    assert leads(home) == 20


def test_a_damaged_backup_is_found_and_not_restored(home: Path, tmp_path: Path) -> None:
    write(home, 0, 5)
    file = tmp_path / "copy.backup"
    assert leadpulse("backup", "create", file, "--home", home) == 0
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    assert leadpulse("backup", "verify", file, "--home", home) == 1
    assert leadpulse("restore", file, "--home", home, "--replace") == 1
    assert leads(home) == 5


def write(home: Path, first: int, end: int) -> None:
    with opened(home) as runtime, transaction(runtime.sessions) as session:
        for number in range(first, end):
            values = {"source": "crm", "external_id": str(number), "company": f"公司 {number}"}
            write_record(session, "lead", f"lea_{number}", values, actor="api:crm", recorded_at=NOW, now=NOW)


def leads(home: Path) -> int | None:
    with opened(home) as runtime, runtime.sessions() as session:
        return session.scalar(select(func.count()).select_from(Lead))


def leadpulse(*arguments: object) -> int:
    """Run a command in a process of its own, as people do, and return its exit code."""
    command = [sys.executable, "-c", "from pipelines.cli import app; app()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def opened(home: Path) -> Iterator[Runtime]:
    runtime = Runtime.at(home)
    yield runtime
    runtime.engine.dispose()


@pytest.fixture
def home(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a key that signs, over a store of either kind."""
    folder = tmp_path / "home"
    folder.mkdir()
    if store_url.startswith("sqlite"):
        Path(store_url.removeprefix("sqlite:///")).rename(folder / "crm.db")
    else:
        monkeypatch.setenv("LEADPULSE_DATABASE_URL", store_url)
    place = SealPlace.of(Runtime.at(folder).settings)
    create_keys(place.private_key, place.book().public_key)
    return folder
