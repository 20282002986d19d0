"""What a job gets to know of a company, from the cache, the registry, or neither."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.intake.registry.breaker import CircuitBreaker
from crm_store.intake.registry.enrich import Enricher, Limits
from crm_store.repositories import registry_cache
from tests.integration.registry.local_registry import COMPANY, Clock, Registry

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_a_company_is_asked_for_once_while_the_answer_holds(enricher: Enricher, registry: Registry) -> None:
    first = enricher.enrich(COMPANY, now=NOW)
    later = enricher.enrich(COMPANY, now=NOW + timedelta(days=29))

    assert first.facts is not None
    assert first.facts.registered_capital == 10_000_000.0
    assert (later.facts, later.fetched_at, later.problem) == (first.facts, NOW, None)
    assert registry.asked == [COMPANY]


def test_spellings_of_one_name_share_an_answer(enricher: Enricher, registry: Registry) -> None:
    enricher.enrich(COMPANY, now=NOW)
    enricher.enrich(" 杭州永盛機械製造有限公司。", now=NOW)

    assert registry.asked == [COMPANY]


def test_that_there_is_no_such_company_is_kept_too_but_not_as_long(
    enricher: Enricher, registry: Registry
) -> None:
    registry.reply = lambda asked: asked.send(b"", 404)

    missing = enricher.enrich(COMPANY, now=NOW)
    assert (missing.facts, missing.problem) == (None, None)
    enricher.enrich(COMPANY, now=NOW + timedelta(days=2))
    assert len(registry.asked) == 1
    registry.reply = lambda asked: asked.send_facts()
    assert enricher.enrich(COMPANY, now=NOW + timedelta(days=3)).facts is not None


def test_an_answer_that_has_expired_is_fetched_anew(enricher: Enricher, registry: Registry) -> None:
    enricher.enrich(COMPANY, now=NOW)
    registry.reply = lambda asked: asked.send_facts(insured_headcount=90)

    found = enricher.enrich(COMPANY, now=NOW + timedelta(days=30))

    assert found.facts is not None
    assert found.facts.insured_headcount == 90
    assert found.fetched_at == NOW + timedelta(days=30)


def test_while_the_registry_is_down_the_old_answer_is_better_than_none(
    enricher: Enricher, registry: Registry
) -> None:
    enricher.enrich(COMPANY, now=NOW)
    registry.reply = lambda asked: asked.send(b"", 500)

    found = enricher.enrich(COMPANY, now=NOW + timedelta(days=31))

    assert found.problem is not None
    assert found.problem.code == "registry_down"
    assert found.facts is not None
    assert (found.facts.insured_headcount, found.fetched_at) == (86, NOW)


def test_a_failure_is_not_kept(enricher: Enricher, registry: Registry) -> None:
    registry.reply = lambda asked: asked.send(b"garbage")
    assert enricher.enrich(COMPANY, now=NOW).facts is None
    registry.reply = lambda asked: asked.send_facts()

    assert enricher.enrich(COMPANY, now=NOW).facts is not None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("永盛", "company_no_form"),
        ("", "required"),
        ("测试", "company_placeholder"),
        ("长" * 250 + "有限公司", "too_long"),
    ],
)
def test_only_a_full_name_is_looked_up(enricher: Enricher, registry: Registry, name: str, code: str) -> None:
    found = enricher.enrich(name, now=NOW)

    assert found.problem is not None
    assert found.problem.code == code
    assert registry.asked == []


def test_a_registry_that_keeps_failing_is_left_alone_and_costs_no_quota(
    registry: Registry, sessions: sessionmaker[Session], clock: Clock
) -> None:
    breaker = CircuitBreaker(clock, failures=2, wait_s=60)
    enricher = Enricher(sessions, registry.provider(), breaker)
    registry.reply = lambda asked: asked.send(b"", 503)

    codes = [_code(enricher, f"杭州{name}机械有限公司") for name in ("甲乙", "丙丁", "戊己", "庚辛")]

    assert codes == ["registry_down", "registry_down", "registry_resting", "registry_resting"]
    assert len(registry.asked) == 2
    with sessions() as session:
        assert registry_cache.look_ups_of(session, "local", "2026-03-02") == 2
    clock.seconds = 60
    registry.reply = lambda asked: asked.send_facts()
    assert enricher.enrich(COMPANY, now=NOW).facts is not None


def test_the_day_of_the_quota_is_the_business_day(
    registry: Registry, sessions: sessionmaker[Session], clock: Clock
) -> None:
    """16:00 UTC is midnight in Shanghai."""
    enricher = Enricher(sessions, registry.provider(), CircuitBreaker(clock), Limits(look_ups_a_day=1))
    evening = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)

    assert enricher.enrich(COMPANY, now=evening).problem is None
    assert _code(enricher, "宁波海天塑机集团有限公司", evening) == "registry_quota"
    assert _code(enricher, "宁波海天塑机集团有限公司", evening + timedelta(minutes=1)) is None


def test_what_is_in_the_cache_costs_no_quota(
    registry: Registry, sessions: sessionmaker[Session], clock: Clock
) -> None:
    enricher = Enricher(sessions, registry.provider(), CircuitBreaker(clock), Limits(look_ups_a_day=1))
    enricher.enrich(COMPANY, now=NOW)

    assert enricher.enrich(COMPANY, now=NOW).problem is None


def test_no_transaction_is_open_while_the_registry_is_waited_for(
    enricher: Enricher, registry: Registry
) -> None:
    """A writer comes through in the middle of a look-up: on SQLite an open transaction would hold it up."""

    def write_meanwhile(asked: object) -> None:
        with transaction(enricher.sessions) as session:
            registry_cache.take_look_up(session, "somebody_else", "2026-03-02", 5)
        registry.asked.append("written")
        asked.send_facts()  # type: ignore[attr-defined]

    registry.reply = write_meanwhile

    assert enricher.enrich(COMPANY, now=NOW).facts is not None
    assert registry.asked == [COMPANY, "written"]


def _code(enricher: Enricher, company: str, now: datetime = NOW) -> str | None:
    problem = enricher.enrich(company, now=now).problem
    return problem.code if problem else None
