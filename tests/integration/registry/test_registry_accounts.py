"""The job that fills in accounts: what it writes, what it leaves, and when it stops."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.intake.registry.accounts import enrich_accounts
from crm_store.intake.registry.enrich import Enricher, Limits
from crm_store.models import Account
from crm_store.repositories.writes.records import states_of, write_record
from tests.integration.registry.local_registry import COMPANY, Registry

EARLIER = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_an_account_is_filled_in_with_an_entry_in_its_history(enricher: Enricher) -> None:
    _account(enricher.sessions, "a1")

    done = enrich_accounts(enricher, now=NOW)

    account = _stored(enricher.sessions, "a1")
    assert (done.looked_at, done.filled_in, done.stopped_by) == (1, 1, None)
    assert (account.registered_capital, account.insured_headcount) == (10_000_000.0, 86)
    assert account.credit_code == "91330100GD5QA4XFDD"
    with enricher.sessions() as session:
        assert len(states_of(session, "account", "a1")) == 2


def test_what_a_person_filled_in_stays(enricher: Enricher) -> None:
    _account(enricher.sessions, "a1", insured_headcount=120)

    enrich_accounts(enricher, now=NOW)

    account = _stored(enricher.sessions, "a1")
    assert (account.registered_capital, account.insured_headcount) == (10_000_000.0, 120)


def test_the_next_round_writes_and_asks_nothing_anew(enricher: Enricher, registry: Registry) -> None:
    _account(enricher.sessions, "a1")
    enrich_accounts(enricher, now=NOW)

    done = enrich_accounts(enricher, now=NOW + timedelta(hours=1))

    assert done.filled_in == 0
    assert len(registry.asked) == 1
    assert _stored(enricher.sessions, "a1").version == 2


def test_the_round_ends_with_the_quota(registry: Registry, enricher: Enricher) -> None:
    for index, name in enumerate(("甲乙", "丙丁", "戊己")):
        _account(enricher.sessions, f"a{index}", name=f"杭州{name}机械有限公司")
    registry.reply = lambda asked: asked.send_facts(name=registry.asked[-1])
    short = Enricher(enricher.sessions, enricher.provider, enricher.breaker, Limits(look_ups_a_day=2))

    done = enrich_accounts(short, now=NOW)

    assert (done.looked_at, done.filled_in) == (2, 2)
    assert done.stopped_by is not None
    assert done.stopped_by.code == "registry_quota"
    tomorrow = enrich_accounts(short, now=NOW + timedelta(days=1))
    assert (tomorrow.filled_in, tomorrow.stopped_by) == (1, None)


@pytest.mark.parametrize("name", ["永盛", "宁波海天塑机集团有限公司"], ids=["a fragment", "another's answer"])
def test_an_account_the_registry_cannot_tell_stays_as_it_is(enricher: Enricher, name: str) -> None:
    _account(enricher.sessions, "a1", name=name)

    assert enrich_accounts(enricher, now=NOW).filled_in == 0
    assert _stored(enricher.sessions, "a1").version == 1


def test_who_wrote_while_the_registry_was_asked_is_not_overwritten(
    enricher: Enricher, registry: Registry
) -> None:
    _account(enricher.sessions, "a1")

    def write_meanwhile(asked: Any) -> None:
        _write(enricher.sessions, "a1", NOW + timedelta(minutes=1), registered_capital=1.0)
        asked.send_facts()

    registry.reply = write_meanwhile
    enrich_accounts(enricher, now=NOW)

    assert _stored(enricher.sessions, "a1").registered_capital == 1.0


def _account(sessions: sessionmaker[Session], account_id: str, **fields: Any) -> None:
    own = {"name": COMPANY, "source": "test", "external_id": account_id}
    _write(sessions, account_id, EARLIER, **{**own, **fields})


def _write(sessions: sessionmaker[Session], account_id: str, at: datetime, **fields: Any) -> None:
    with transaction(sessions) as session:
        write_record(session, "account", account_id, fields, actor="user:test", recorded_at=at, now=at)


def _stored(sessions: sessionmaker[Session], account_id: str) -> Account:
    with sessions() as session:
        return session.get_one(Account, account_id)
