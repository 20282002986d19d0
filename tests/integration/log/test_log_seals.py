"""Seals outside the database: whoever rewrites history, hashes and all, is found; honest work never."""

import random
import stat
import threading
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from log_helpers import Together, write_lead
from sealed_store import (
    ATTACKS,
    LEADS,
    NOW,
    VERSIONS,
    Attack,
    Vault,
    cut_tail,
    edit_record,
    fill,
    forge_row,
    re_chain,
    remove,
    reorder,
    with_the_powers_of_the_database,
)
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.models import Activity
from crm_store.repositories.problems import StoreError
from crm_store.repositories.writes.changelog import verify
from crm_store.services.seal_audit import audit
from crm_store.services.seal_book import SealBook
from crm_store.services.seal_keys import SealSigner, create_keys
from crm_store.services.sealing import seal_store
from tests.settling import settle
from tests.sizes import full

TAMPERINGS = full(40, 10_000)
ROWS = LEADS * VERSIONS + 1 + 4 * LEADS


def test_an_honest_store_is_clean_however_it_was_sealed(
    sessions: sessionmaker[Session], vault: Vault, store_engine: Engine
) -> None:
    fill(sessions)
    settle(sessions)
    assert vault.seal(sessions, most_rows=7) == -(-ROWS // 7)
    assert vault.seal(sessions) == 0
    fill(sessions, start=LEADS)
    settle(sessions)
    assert vault.seal(sessions) == 1
    with transaction(sessions) as session:
        write_lead(session, "lea_0", {"need": "封存之后"}, hours=9)
    with sessions() as session:
        report = vault.audit(session)
    assert report.findings == []
    assert (report.sealed, report.unsealed) == (2 * ROWS, 1)
    assert report.fingerprint == vault.fingerprint


def test_random_tampering_is_always_found(sealed: Vault, store_engine: Engine) -> None:
    """Edits, deletions, swaps, cut tails, full re-chains, forged rows; none may pass."""
    chance = random.Random(20)
    done: Counter[str] = Counter()
    share = 0.75 if store_engine.dialect.name == "sqlite" else 0.25
    for attack in cycle(ATTACKS):
        if sum(done.values()) >= TAMPERINGS * share and len(done) == len(ATTACKS):
            break
        seed = chance.random()
        with with_the_powers_of_the_database(store_engine) as session:
            try:
                attack(session.connection(), random.Random(seed))
            except IntegrityError:
                session.rollback()  # the database itself stood in the way: no tampering
                continue
            report = sealed.audit(session)
            assert report.findings, f"{attack.__name__} with seed {seed} was not found"
        done[attack.__name__] += 1
    with Session(store_engine) as session:
        assert sealed.audit(session).is_clean


@pytest.mark.parametrize(
    ("attack", "codes"),
    [
        (remove, {"removed", "tail_cut"}),
        (reorder, {"reordered"}),
        (re_chain, {"re_chained", "tail_cut", "removed"}),
        (forge_row, {"inserted"}),
        (cut_tail, {"tail_cut"}),
    ],
)
def test_the_finding_says_what_was_done(
    sealed: Vault, store_engine: Engine, attack: Attack, codes: set[str]
) -> None:
    for seed in range(4):
        with with_the_powers_of_the_database(store_engine) as session:
            attack(session.connection(), random.Random(seed))
            found = {one.code for one in sealed.audit(session).findings}
            assert found & codes, (seed, found)


def test_a_re_chained_history_passes_the_chains_and_not_the_seals(
    sealed: Vault, store_engine: Engine
) -> None:
    with with_the_powers_of_the_database(store_engine) as session:
        re_chain(session.connection(), random.Random(3))
        assert verify(session) == []
        findings = sealed.audit(session).findings
        assert findings
        assert all(one.seal is not None and one.key is not None for one in findings)


@pytest.mark.parametrize(
    ("statement", "where", "code"),
    [
        (
            "UPDATE change_log SET actor = 'user:x' WHERE entity_id = 'lea_2' AND version = 3",
            "change_log lead lea_2 3",
            "altered",
        ),
        ("UPDATE activity SET text = 'x' WHERE id = 'act_4'", "activity act_4", "altered"),
        ("DELETE FROM activity WHERE id = 'act_2'", "activity act_2", "removed"),
        ("DELETE FROM order_snapshot WHERE id = 'ord_5'", "order_snapshot ord_5", "tail_cut"),
        ("UPDATE score_log SET value = 99 WHERE entity_id = 'lea_1'", "score_log 2", "altered"),
        (
            "DELETE FROM definition WHERE name = '清单1' AND version = 1",
            "definition checklist 清单1 1",
            "removed",
        ),
        ("UPDATE lead SET budget = 6 WHERE id = 'lea_3'", "lead lea_3 4", "state_differs"),
        ("UPDATE lead SET updated_at = created_at WHERE id = 'lea_3'", "lead lea_3 4", "state_differs"),
    ],
)
def test_the_finding_says_where(
    sealed: Vault, store_engine: Engine, statement: str, where: str, code: str
) -> None:
    with with_the_powers_of_the_database(store_engine) as session:
        session.connection().execute(text(statement))
        found = {(one.where.partition(" (")[0], one.code) for one in sealed.audit(session).findings}
    assert any(place.endswith(where) and what == code for place, what in found), found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE change_log SET changes = 'not json' WHERE version = 2",
        "UPDATE change_log SET changes = '[1, 2]' WHERE version = 2",
        "UPDATE change_log SET recorded_at = 'yesterday' WHERE version = 2",
        "UPDATE activity SET occurred_at = 9223372036854775807",
        "UPDATE activity SET text = CAST(X'FF' AS TEXT)",
        "UPDATE lead SET created_at = 'long ago'",
        "UPDATE change_log SET actor = CAST(X'FF' AS TEXT) WHERE version = 1",
    ],
)
def test_what_cannot_be_read_is_a_finding_on_sqlite(
    sqlite_sessions: sessionmaker[Session], sqlite_engine: Engine, vault: Vault, statement: str
) -> None:
    fill(sqlite_sessions)
    vault.seal(sqlite_sessions, most_rows=20)
    with with_the_powers_of_the_database(sqlite_engine) as session:
        session.connection().execute(text(statement))
        assert vault.audit(session).findings


@pytest.mark.postgres
@pytest.mark.parametrize("value", ["infinity", "-infinity", "9999-12-31 23:59:59Z", "0001-01-01 BC"])
def test_what_cannot_be_read_is_a_finding_on_postgres(
    postgres_sessions: sessionmaker[Session], postgres_engine: Engine, vault: Vault, value: str
) -> None:
    fill(postgres_sessions)
    settle(postgres_sessions)
    vault.seal(postgres_sessions, most_rows=20)
    for table, moment in (("change_log", "recorded_at"), ("activity", "occurred_at"), ("lead", "created_at")):
        with with_the_powers_of_the_database(postgres_engine) as session:
            session.connection().execute(text(f"UPDATE {table} SET {moment} = '{value}'\\:\\:timestamptz"))
            assert vault.audit(session).findings


def test_seals_themselves_are_held_to_each_other(sealed: Vault, sessions: sessionmaker[Session]) -> None:
    files = sealed.book.files()
    third = files[3]
    kept = third.read_text("utf-8")
    with sessions() as session:
        third.write_text(kept.replace('"number":3', '"number": 3'), "utf-8")
        assert sealed.audit(session).is_clean  # the same seal, spelled otherwise
        for damage in (kept.replace("lea_", "lex_"), kept[:-20], "", kept.replace('"rows":', '"rows":1', 1)):
            third.write_text(damage, "utf-8")
            codes = {(one.code, one.seal) for one in sealed.audit(session).findings}
            assert codes in ({("seal_altered", 3)}, {("seal_missing", 3)})
        third.unlink()
        assert [(one.code, one.seal) for one in sealed.audit(session).findings] == [("seal_missing", 3)]


def test_a_missing_seal_hides_no_tampering(sealed: Vault, store_engine: Engine) -> None:
    sealed.book.files()[2].unlink()
    chance = random.Random(5)
    for _ in range(12):
        with with_the_powers_of_the_database(store_engine) as session:
            chance.choice([edit_record, remove, re_chain])(session.connection(), chance)
            codes = [one.code for one in sealed.audit(session).findings]
            assert len(codes) > 1
            assert "seal_missing" in codes


def test_another_key_signs_for_nobody(sealed: Vault, sessions: sessionmaker[Session], tmp_path: Path) -> None:
    create_keys(tmp_path / "other.pem", tmp_path / "other.pub")
    with sessions() as session, pytest.raises(StoreError, match="seal_broken"):
        seal_store(session, sealed.book, SealSigner(tmp_path / "other.pem"), NOW)
    sealed.book.public_key.write_bytes((tmp_path / "other.pub").read_bytes())
    with sessions() as session:
        assert {one.code for one in audit(session, sealed.book).findings} == {"seal_altered"}


def test_keys_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    assert stat.S_IMODE(vault.key.stat().st_mode) == 0o600
    with pytest.raises(StoreError, match="seal_key_exists"):
        create_keys(vault.key, vault.book.public_key)
    with pytest.raises(StoreError, match="no_seal_key"):
        SealSigner(tmp_path / "nothing.pem")
    (tmp_path / "bad.pem").write_text("no key")
    with pytest.raises(StoreError, match="bad_seal_key"):
        SealSigner(tmp_path / "bad.pem")


def test_without_seals_the_chains_are_checked_alone(sessions: sessionmaker[Session]) -> None:
    fill(sessions)
    seen: list[tuple[int, int]] = []
    with sessions() as session:
        report = audit(session, None, progress=lambda done, total: seen.append((done, total)))
    assert report.is_clean
    assert (report.seals, report.sealed, report.unsealed) == (0, 0, ROWS)


def test_sealing_while_many_write_flags_nobody(
    sessions: sessionmaker[Session], vault: Vault, together: Together
) -> None:
    """Two sealers, one of them in the other's way, among writers that commit and roll back in any order."""
    writers, done, finished = 4, threading.Event(), []
    fill(sessions)

    def write(number: int) -> None:
        chance = random.Random(number)
        for step in range(full(15, 300)):
            with sessions() as session:
                session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
                write_lead(session, f"lea_{number}", {"need": str(chance.random())}, hours=10 + step)
                session.add(Activity(**a_call(f"{number}-{step}", number)))
                session.flush()
                session.commit() if chance.random() > 0.2 else session.rollback()
        finished.append(number)
        if len(finished) == writers:
            done.set()

    def keep_sealing(_number: int) -> None:
        while not done.is_set():
            vault.seal(sessions, most_rows=5)

    together(writers + 2, lambda number: write(number) if number < writers else keep_sealing(number))
    settle(sessions)
    vault.seal(sessions)
    with sessions() as session:
        report = vault.audit(session)
    assert report.findings == []
    assert report.unsealed == 0
    assert report.seals > 1


def a_call(name: str, number: int) -> dict[str, Any]:
    moment = {"occurred_at": NOW, "recorded_at": NOW}
    said = {"channel": "call", "direction": "out", "lead_id": f"lea_{number}"}
    return {"id": f"act_x{name}", "source": "s", "external_id": name, **moment, **said}


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


@pytest.fixture
def sealed(sessions: sessionmaker[Session], vault: Vault) -> Vault:
    """A filled store, and its seals of ten rows each."""
    fill(sessions)
    settle(sessions)
    vault.seal(sessions, most_rows=10)
    assert isinstance(vault.book, SealBook)
    return vault
