"""The job that fills in accounts from a company registry. It runs beside intake, never inside a request."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_store.database import transaction
from crm_store.intake.registry.enrich import RESTING, USED_UP, Enricher
from crm_store.intake.registry.provider import RegistryFacts
from crm_store.models import Account
from crm_store.repositories import registry_cache
from crm_store.repositories.problems import Problem
from crm_store.repositories.writes.records import Conflict, write_record

ACTOR = "job:registry"
_PAGE = 1_000


@dataclass(frozen=True)
class Round:
    """One round over the accounts: how many were looked at and filled in, and what ended it early."""

    looked_at: int = 0
    filled_in: int = 0
    stopped_by: Problem | None = None


def enrich_accounts(enricher: Enricher, *, now: datetime) -> Round:
    """Go over all accounts that lack registered capital or headcount, by id.

    What a person filled in stays. The round ends early when the registry rests or the day's look-ups are
    used up; the next one begins anew, and what is known by then costs no look-up.
    """
    looked_at = filled_in = 0
    for account in _waiting(enricher):
        found = enricher.enrich(account.name, now=now)
        if found.problem in (RESTING, USED_UP):
            return Round(looked_at, filled_in, found.problem)
        looked_at += 1
        if found.facts is not None:
            filled_in += _fill_in(enricher, account, found.facts, now)
    return Round(looked_at, filled_in)


def _waiting(enricher: Enricher) -> Iterator[Account]:
    """Yield the accounts to look at, page by page: no transaction stays open while the registry answers."""
    after = ""
    while True:
        with enricher.sessions() as session:
            page = registry_cache.accounts_to_enrich(session, after, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _fill_in(enricher: Enricher, account: Account, facts: RegistryFacts, now: datetime) -> bool:
    said: dict[str, Any] = {
        "registered_capital": facts.registered_capital,
        "insured_headcount": facts.insured_headcount,
        "credit_code": facts.credit_code,
    }
    with transaction(enricher.sessions) as session:
        current = session.get(Account, account.id)
        # Someone who wrote since the round began knows better; the next round looks again.
        if current is None or current.deleted_at is not None or current.updated_at > now:
            return False
        new = {
            field: value
            for field, value in said.items()
            if value is not None and getattr(current, field) is None
        }
        signed = {"actor": ACTOR, "reason": f"registry:{enricher.provider.name}"}
        try:
            write_record(
                session,
                "account",
                account.id,
                new,
                **signed,
                recorded_at=now,
                now=now,
                expected_version=current.version,
            )
        except Conflict:
            session.rollback()
            return False
        return bool(new)
