"""The quota under many workers at once, and which of two answers is kept."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.repositories import registry_cache
from tests.sizes import full

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DAY = "2026-03-02"


def test_workers_together_stay_within_the_quota(sessions: sessionmaker[Session]) -> None:
    tries, limit = full(120, 2000), full(50, 900)

    def take(_: int) -> bool:
        with transaction(sessions) as session:
            return registry_cache.take_look_up(session, "local", DAY, limit)

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(tries)))

    assert taken.count(True) == limit
    with sessions() as session:
        assert registry_cache.look_ups_of(session, "local", DAY) == limit


def test_days_and_providers_have_quotas_of_their_own(sessions: sessionmaker[Session]) -> None:
    asked = [("local", DAY), ("local", "2026-03-03"), ("other", DAY), ("local", DAY)]

    with transaction(sessions) as session:
        taken = [registry_cache.take_look_up(session, provider, day, 1) for provider, day in asked]

    assert taken == [True, True, True, False]


def test_a_quota_of_nothing_allows_nothing(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        assert not registry_cache.take_look_up(session, "local", DAY, 0)


def test_a_look_up_that_is_rolled_back_was_not_counted(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        registry_cache.take_look_up(session, "local", DAY, 5)
        session.rollback()
        assert registry_cache.look_ups_of(session, "local", DAY) == 0


def test_the_answer_fetched_last_is_kept_in_whichever_order_they_arrive(
    sessions: sessionmaker[Session],
) -> None:
    for hours, headcount in ((0, 1), (2, 3), (1, 2)):
        fetched_at = NOW + timedelta(hours=hours)
        with transaction(sessions) as session:
            registry_cache.keep_answer(
                session,
                "local",
                "甲公司",
                {"insured_headcount": headcount},
                fetched_at=fetched_at,
                expires_at=fetched_at + timedelta(days=1),
            )

    with sessions() as session:
        kept = registry_cache.kept_answer(session, "local", "甲公司")
        assert kept is not None
        assert (kept.answer, kept.fetched_at) == ({"insured_headcount": 3}, NOW + timedelta(hours=2))


def test_no_such_company_takes_the_place_of_facts(sessions: sessionmaker[Session]) -> None:
    for answer in ({"insured_headcount": 1}, None):
        with transaction(sessions) as session:
            registry_cache.keep_answer(
                session, "local", "甲公司", answer, fetched_at=NOW, expires_at=NOW + timedelta(days=1)
            )

    with sessions() as session:
        kept = registry_cache.kept_answer(session, "local", "甲公司")
        assert kept is not None
        assert kept.answer is None
