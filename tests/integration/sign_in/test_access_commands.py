"""``leadpulse user`` and ``leadpulse key`` as they are typed, and what they do to who may come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from crm_store.database import transaction
from crm_store.services import passwords
from crm_store.services.access import (
    SecondFactorNeeded,
    SignInRefused,
    confirm_code,
    sign_in,
    viewer_of_key,
    viewer_of_session,
)
from crm_store.services.vault import Vault
from pipelines import access_commands
from pipelines.access_settings import AccessSettings
from pipelines.cli import app
from tests.integration.crm_api.office import QUICK

PASSWORD, OTHER = "correct horse battery", "another long password"
Run = Callable[..., str]
NOW = datetime(2026, 3, 5, 8, tzinfo=UTC)


def test_there_is_nobody_until_somebody_is_added(run: Run, store: Store) -> None:
    assert run("user", "list") == ""
    assert isinstance(entered(store, PASSWORD), SignInRefused)
    assert "wang (manager) added" in add_wang(run)
    viewer = seen(store, entered(store, PASSWORD))
    assert (viewer.name, viewer.role, viewer.region) == ("wang", "manager", "华东")
    listed = run("user", "list")
    assert listed.split()[:2] == ["wang", "manager"]
    assert "wang@crm.example" in listed
    assert PASSWORD not in listed


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("wang",), "name_taken"),
        (("li", "--role", "owner"), "not_allowed"),
        (("li", "--rep", "rep_nobody"), "unknown_reference"),
        (("li", "--email", "wang@crm.example"), "email_taken"),
    ],
)
def test_an_account_that_does_not_fit_is_refused(run: Run, more: tuple[str, ...], code: str) -> None:
    add_wang(run)
    assert code in run("user", "add", *more, given=[PASSWORD, PASSWORD], fails=True)


def test_a_short_password_is_refused(run: Run) -> None:
    assert "password_too_short" in run("user", "add", "li", given=["short", "short"], fails=True)


def test_who_signs_in_elsewhere_needs_no_password(run: Run, store: Store) -> None:
    run("user", "add", "li", "--no-password", "--email", "li@crm.example")
    assert isinstance(entered(store, "", "li"), SignInRefused)


@pytest.mark.parametrize(
    ("command", "given"),
    [
        (("user", "disable", "wang"), []),
        (("user", "role", "wang", "rep"), []),
        (("user", "password", "wang"), [OTHER, OTHER]),
        (("user", "second-factor", "wang", "--remove"), []),
    ],
)
def test_what_changes_who_somebody_is_signs_them_out(
    run: Run, store: Store, command: tuple[str, ...], given: list[str]
) -> None:
    add_wang(run)
    token = entered(store, PASSWORD)
    assert seen(store, token) is not None
    run(*command, given=given)
    assert seen(store, token) is None


def test_an_account_ends_and_opens_again(run: Run, store: Store) -> None:
    add_wang(run)
    run("user", "disable", "wang")
    assert "disabled" in run("user", "list")
    assert isinstance(entered(store, PASSWORD), SignInRefused)
    run("user", "enable", "wang")
    assert isinstance(entered(store, PASSWORD), str)


def test_a_locked_account_is_listed_as_such_and_unlocked_by_enabling_it(run: Run, store: Store) -> None:
    add_wang(run)
    for _ in range(5):
        entered(store, "wrong password")
    assert "locked" in run("user", "list")
    assert isinstance(entered(store, PASSWORD), SignInRefused)
    run("user", "enable", "wang")
    assert "locked" not in run("user", "list")
    assert isinstance(entered(store, PASSWORD), str)


def test_a_new_password_replaces_the_old(run: Run, store: Store) -> None:
    add_wang(run)
    run("user", "password", "wang", given=[OTHER, OTHER])
    assert isinstance(entered(store, PASSWORD), SignInRefused)
    assert isinstance(entered(store, OTHER), str)


def test_a_second_factor_is_set_up_with_the_person_beside_you_and_removed(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_wang(run)
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    monkeypatch.setattr(pyotp, "random_base32", lambda: secret)
    assert "wrong_code" in run("user", "second-factor", "wang", given=["000000"], fails=True)
    assert isinstance(entered(store, PASSWORD), str)
    shown = run("user", "second-factor", "wang", given=[pyotp.TOTP(secret).at(NOW)])
    codes = shown.strip().splitlines()[-8:]
    assert "2FA" in run("user", "list")
    half = entered(store, PASSWORD)
    assert isinstance(half, SecondFactorNeeded)
    assert isinstance(confirmed(store, half, codes[0]), str)
    assert isinstance(confirmed(store, entered(store, PASSWORD), codes[0]), SignInRefused)
    run("user", "second-factor", "wang", "--remove")
    assert isinstance(entered(store, PASSWORD), str)


def test_a_secret_key_that_is_too_short_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    add_wang(run)
    monkeypatch.setenv("LEADPULSE_SECRET_KEY", "short")
    assert "secret_key_short" in run("user", "second-factor", "wang", fails=True)


@pytest.mark.parametrize("command", ["disable", "enable", "password", "second-factor"])
def test_nobody_by_that_name_is_told(run: Run, command: str) -> None:
    assert "unknown_user" in run("user", command, "nobody", given=[PASSWORD, PASSWORD], fails=True)


def test_a_key_is_shown_once_and_opens_what_it_says_until_it_is_revoked(run: Run, store: Store) -> None:
    add_wang(run)
    key = run("key", "create", "crm", "--scope", "read", "--user", "wang").strip()
    listed = run("key", "list")
    assert "crm" in listed
    assert "as wang" in listed
    assert key not in listed
    viewer = held(store, key)
    assert (viewer.name, viewer.role, viewer.scopes) == ("wang", "manager", {"read"})
    run("key", "revoke", listed.split()[0])
    assert held(store, key) is None
    assert "revoked" in run("key", "list")


def test_a_key_ends_by_itself(run: Run, store: Store) -> None:
    assert "already_past" in run("key", "create", "old", "--expires", "2020-01-01", fails=True)
    key = run("key", "create", "crm", "--expires", "2099-01-01").strip()
    assert held(store, key).scopes == {"score", "read"}
    assert held(store, key, datetime(2099, 1, 1, tzinfo=UTC)) is None
    assert "until 2099-01-01" in run("key", "list")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("create", "crm", "--scope", "everything"), "not_allowed"),
        (("create", "crm", "--user", "nobody"), "unknown_user"),
        (("revoke", "lp_nothing"), "unknown_key"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...], code: str) -> None:
    assert code in run("key", *arguments, fails=True)


@dataclass(frozen=True)
class Store:
    """The store that the commands write to, and the vault of its data folder."""

    sessions: sessionmaker[Session]
    vault: Vault


class Frozen(datetime):
    """The time of the commands."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return NOW


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Types a command on a data folder with a fresh store; passwords are hashed in no time."""
    monkeypatch.setattr(access_commands, "datetime", Frozen)
    monkeypatch.setattr(passwords.DEFAULT, "_hasher", QUICK._hasher)
    monkeypatch.setenv("LEADPULSE_DATABASE_URL", sqlite_url)

    def typed(*arguments: str, given: list[str] | None = None, fails: bool = False) -> str:
        answers = "".join(f"{line}\n" for line in given or [])
        result = CliRunner().invoke(app, [*arguments, "--home", str(tmp_path)], input=answers)
        assert result.exit_code == int(fails), result.output
        return result.output

    return typed


@pytest.fixture
def store(tmp_path: Path, sqlite_sessions: sessionmaker[Session]) -> Store:
    return Store(sqlite_sessions, AccessSettings().vault(tmp_path))


def add_wang(run: Run) -> str:
    more = ("--role", "manager", "--email", "wang@crm.example", "--region", "华东")
    return run("user", "add", "wang", *more, given=[PASSWORD, PASSWORD])


def entered(store: Store, password: str, name: str = "wang") -> Any:
    with transaction(store.sessions) as session:
        return sign_in(session, name, password, NOW, QUICK)


def confirmed(store: Store, half: SecondFactorNeeded, code: str) -> Any:
    with transaction(store.sessions) as session:
        return confirm_code(session, half.token, code, NOW, store.vault)


def seen(store: Store, token: Any) -> Any:
    assert isinstance(token, str)
    with store.sessions() as session:
        return viewer_of_session(session, token, NOW)


def held(store: Store, key: str, at: datetime = NOW) -> Any:
    with store.sessions() as session:
        return viewer_of_key(session, key, at)
