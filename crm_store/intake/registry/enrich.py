"""Asking a registry about a company, seldom and patiently. Jobs enter here, after intake has answered.

An answer is kept for weeks, also that there is none; a business day has a limited number of look-ups; and a
registry that is down is left alone. No transaction is open while the registry is waited for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session, sessionmaker

from crm_store.database import transaction
from crm_store.intake.cleaning.companies import Company, parse_company
from crm_store.intake.cleaning.messages import problem
from crm_store.intake.registry.breaker import CircuitBreaker
from crm_store.intake.registry.provider import RegistryFacts, RegistryFailure, RegistryProvider
from crm_store.repositories import registry_cache
from crm_store.repositories.problems import Problem, required, too_long

BUSINESS_TIME = ZoneInfo("Asia/Shanghai")
LONGEST_QUERY = 200

RESTING = Problem(
    "registry_resting",
    None,
    "工商信息接口连续失败，已暂停查询，稍后会重试",
    "the company registry failed several times in a row: it is left alone for a while",
)
USED_UP = Problem(
    "registry_quota",
    None,
    "今天的工商信息查询次数已用完，明天继续",
    "today's look-ups at the company registry are used up",
)


@dataclass(frozen=True)
class Limits:
    """How seldom a registry is asked.

    Capital and headcount change within months, so that an answer holds for ``keep_found``; a company that is
    not there yet may be registered soon (``keep_missing``).
    """

    look_ups_a_day: int = 500
    keep_found: timedelta = timedelta(days=30)
    keep_missing: timedelta = timedelta(days=3)


@dataclass(frozen=True)
class Enrichment:
    """What is known of a company, and since when.

    No ``facts`` and no ``problem``: the registry knows no such company. With a ``problem`` the registry was
    not asked or did not answer; ``facts`` are then those of an answer that has expired, if there was one.
    """

    facts: RegistryFacts | None = None
    fetched_at: datetime | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class Enricher:
    """A registry with its cache, daily quota and breaker; one for a process, safe between threads."""

    sessions: sessionmaker[Session]
    provider: RegistryProvider
    breaker: CircuitBreaker
    limits: Limits = Limits()

    def enrich(self, company: str, *, now: datetime) -> Enrichment:
        """Return what the registry says of a company, from the cache or by asking.

        A failure of the registry is part of the answer, not an exception. Only full names are looked up: a
        fragment would find somebody else.
        """
        named = parse_company(company)
        unfit = _unfit(named)
        if unfit:
            return Enrichment(problem=unfit)
        with self.sessions() as session:
            kept = registry_cache.kept_answer(session, self.provider.name, named.name)
        known = Enrichment() if kept is None else Enrichment(_facts(kept.answer), kept.fetched_at)
        if kept is not None and kept.expires_at > now:
            return known
        try:
            return self._ask(named.name, now)
        except RegistryFailure as failure:
            return Enrichment(known.facts, known.fetched_at, failure.problem)

    def _ask(self, query: str, now: datetime) -> Enrichment:
        self._count(now)
        try:
            facts = self.provider.look_up(query)
        except RegistryFailure:
            self.breaker.failed()
            raise
        self.breaker.succeeded()
        expires_at = now + (self.limits.keep_missing if facts is None else self.limits.keep_found)
        answer = None if facts is None else facts.model_dump(mode="json")
        with transaction(self.sessions) as session:
            registry_cache.keep_answer(
                session, self.provider.name, query, answer, fetched_at=now, expires_at=expires_at
            )
        return Enrichment(facts, now)

    def _count(self, now: datetime) -> None:
        """Count a look-up, whatever comes of it: the registry counts its failures too."""
        if not self.breaker.allows():
            raise RegistryFailure(RESTING)
        day = now.astimezone(BUSINESS_TIME).date().isoformat()
        with transaction(self.sessions) as session:
            counted = registry_cache.take_look_up(
                session, self.provider.name, day, self.limits.look_ups_a_day
            )
        if not counted:
            raise RegistryFailure(USED_UP)


def _unfit(company: Company) -> Problem | None:
    if company.problem == "company_empty":
        return required("company")
    if company.problem:
        return problem(company.problem, "company")
    return too_long("company", LONGEST_QUERY) if len(company.name) > LONGEST_QUERY else None


def _facts(answer: dict[str, object] | None) -> RegistryFacts | None:
    return None if answer is None else RegistryFacts.model_validate(answer)
