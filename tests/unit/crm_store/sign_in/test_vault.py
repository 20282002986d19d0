"""The vault: what it seals opens with its key, and with nothing else."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_store.repositories.problems import StoreError
from crm_store.services.vault import KEY_BYTES, Vault, key_in

KEY, OTHER = b"k" * KEY_BYTES, b"o" * KEY_BYTES
VAULT = Vault.from_key(KEY)
SEALED = VAULT.seal("a secret")  # once: what is drawn must not depend on its random part


@given(st.text())
def test_what_is_sealed_opens_and_is_sealed_anew_each_time(text: str) -> None:
    first, second = VAULT.seal(text), VAULT.seal(text)
    assert first != second
    assert VAULT.open(first) == VAULT.open(second) == text
    assert Vault.from_key(KEY).open(first) == text


def test_what_is_sealed_does_not_show() -> None:
    sealed = VAULT.seal("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DPEHPK3PXP" not in sealed
    assert len(sealed) <= 16 * 4 / 3 + 42


@given(st.text(max_size=40))
def test_another_key_opens_nothing(text: str) -> None:
    refuses(Vault.from_key(OTHER), VAULT.seal(text))


@given(st.data())
def test_no_character_of_it_can_be_changed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SEALED) - 2))  # the last one carries spare bits
    letter = data.draw(st.sampled_from("ABCxyz019-_.").filter(lambda it: it != SEALED[at]))
    refuses(VAULT, SEALED[:at] + letter + SEALED[at + 1 :])


@given(st.text())
def test_what_it_never_sealed_is_refused_and_nothing_else_happens(text: str) -> None:
    refuses(VAULT, text)
    refuses(VAULT, f"v1.{text}")


@pytest.mark.parametrize("length", [0, 1, KEY_BYTES - 1])
def test_a_short_key_is_refused(length: int) -> None:
    with pytest.raises(StoreError) as caught:
        Vault.from_key(b"k" * length)
    assert caught.value.problem.code == "secret_key_short"


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "secret.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: key_in(file), range(32)))
    assert keys == {key_in(file)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["secret.key"]
    assert Vault.from_key(key_in(file)).open(Vault.from_key(key_in(file)).seal("a")) == "a"


def test_a_lost_key_file_makes_a_new_key_which_opens_nothing_of_the_old(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    sealed = Vault.from_key(key_in(file)).seal("a secret")
    file.unlink()
    refuses(Vault.from_key(key_in(file)), sealed)


def refuses(vault: Vault, sealed: str) -> None:
    with pytest.raises(StoreError) as caught:
        vault.open(sealed)
    assert caught.value.problem.code == "sealed_otherwise"
