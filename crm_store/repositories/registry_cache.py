"""Queries over what company registries said and how often they were asked. ``intake.registry`` enters."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from crm_store.models import Account, RegistryAnswer, RegistryQuota


def kept_answer(session: Session, provider: str, query: str) -> RegistryAnswer | None:
    """Return the last answer to a query, also one that has expired."""
    return session.get(RegistryAnswer, (provider, query))


def keep_answer(
    session: Session,
    provider: str,
    query: str,
    answer: dict[str, Any] | None,
    *,
    fetched_at: datetime,
    expires_at: datetime,
) -> None:
    """Keep an answer in the place of an older one. One that was fetched later stays."""
    kept = {"answer": answer, "fetched_at": fetched_at, "expires_at": expires_at}
    upsert = _insert(session, RegistryAnswer).values(provider=provider, query=query, **kept)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=["provider", "query"],
            set_={name: upsert.excluded[name] for name in kept},
            where=upsert.excluded.fetched_at >= RegistryAnswer.fetched_at,
        )
    )


def take_look_up(session: Session, provider: str, day: str, limit: int) -> bool:
    """Count one look-up on a business day (``YYYY-MM-DD``); False, and nothing counted, at the limit.

    One statement, so that any number of workers together stay within the limit.
    """
    if limit < 1:
        return False
    upsert = _insert(session, RegistryQuota).values(provider=provider, day=day, used=1)
    counted = upsert.on_conflict_do_update(
        index_elements=["provider", "day"],
        set_={"used": RegistryQuota.used + 1},
        where=RegistryQuota.used < limit,
    ).returning(RegistryQuota.used)
    return session.execute(counted).scalar_one_or_none() is not None


def look_ups_of(session: Session, provider: str, day: str) -> int:
    """Return how many look-ups a provider has had on a business day."""
    quota = session.get(RegistryQuota, (provider, day))
    return quota.used if quota else 0


def accounts_to_enrich(session: Session, after: str, most: int) -> list[Account]:
    """Return accounts that lack what a registry knows, by id, from behind the id ``after``."""
    query = (
        select(Account)
        .where(
            Account.id > after,
            Account.deleted_at.is_(None),
            or_(Account.registered_capital.is_(None), Account.insured_headcount.is_(None)),
        )
        .order_by(Account.id)
        .limit(most)
    )
    return list(session.scalars(query))


def _insert(session: Session, model: type[RegistryAnswer] | type[RegistryQuota]) -> Any:
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return dialect.insert(model.__table__)
