"""What a decision chain is made of: an account's contacts, their relations, who was spoken to."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm_store.models import Account, Activity, ChangeLog, Contact, ContactRelation, Rep, RoleChange
from crm_store.models.choices import COMMUNICATION_CHANNELS
from crm_store.repositories.writes import changelog


@dataclass(frozen=True)
class ChainRows:
    """Contacts and relations as field → value, with their ``id``; none of them deleted."""

    contacts: tuple[dict[str, Any], ...]
    relations: tuple[dict[str, Any], ...]


_CONTACT_FIELDS = ("name", "title", "role", "department", "weight", "status")
_RELATION_FIELDS = ("from_id", "to_id", "kind", "strength")


def account_name(session: Session, account_id: str) -> str | None:
    """Return the name of an account, or None for one that is not there or was deleted."""
    return session.scalar(select(Account.name).where(Account.id == account_id, Account.deleted_at.is_(None)))


def lock_account(session: Session, account_id: str) -> bool:
    """Let edits of one account's chain wait for each other; False when the account is not there.

    Two relations that are fine one by one may close a circle together. SQLite has one writer anyway.
    """
    query = select(Account.id).where(Account.id == account_id, Account.deleted_at.is_(None))
    return session.scalar(query.with_for_update()) is not None


def rows_now(session: Session, account_id: str) -> ChainRows:
    """Return the chain as it stands."""
    contacts = session.scalars(
        select(Contact)
        .where(Contact.account_id == account_id, Contact.deleted_at.is_(None))
        .order_by(Contact.id)
    ).all()
    here = {contact.id for contact in contacts}
    relations = session.scalars(
        select(ContactRelation)
        .where(ContactRelation.account_id == account_id, ContactRelation.deleted_at.is_(None))
        .order_by(ContactRelation.id)
    )
    return ChainRows(
        tuple(_parts(contact, _CONTACT_FIELDS) for contact in contacts),
        tuple(_parts(one, _RELATION_FIELDS) for one in relations if {one.from_id, one.to_id} <= here),
    )


def rows_as_of(session: Session, account_id: str, moment: datetime) -> ChainRows:
    """Return the chain as the business knew it at a moment, rebuilt from the change log.

    Someone who has moved to another account since is found by the relations of this one.
    """
    relation_ids = select(ContactRelation.id).where(ContactRelation.account_id == account_id)
    ends = select(ContactRelation.from_id).where(ContactRelation.account_id == account_id)
    other_ends = select(ContactRelation.to_id).where(ContactRelation.account_id == account_id)
    contact_ids = select(Contact.id).where(
        or_(Contact.account_id == account_id, Contact.id.in_(ends), Contact.id.in_(other_ends))
    )
    contacts = [
        {"id": one} | {name: state[name] for name in _CONTACT_FIELDS}
        for one, state in _states(session, "contact", session.scalars(contact_ids).all(), moment)
        if state["account_id"] == account_id and state["deleted_at"] is None
    ]
    here = {contact["id"] for contact in contacts}
    relations = [
        {"id": one} | {name: state[name] for name in _RELATION_FIELDS}
        for one, state in _states(session, "contact_relation", session.scalars(relation_ids).all(), moment)
        if state["deleted_at"] is None and {state["from_id"], state["to_id"]} <= here
    ]
    return ChainRows(tuple(contacts), tuple(relations))


def contact_of(session: Session, contact_id: str) -> Contact | None:
    """Return a contact, or None for one that is not there or was deleted."""
    return session.scalar(select(Contact).where(Contact.id == contact_id, Contact.deleted_at.is_(None)))


def relation_between(session: Session, from_id: str, to_id: str, kind: str) -> ContactRelation | None:
    """Return the relation of two people, also a deleted one: there is only ever one of a kind."""
    return session.scalar(
        select(ContactRelation).where(
            ContactRelation.from_id == from_id,
            ContactRelation.to_id == to_id,
            ContactRelation.kind == kind,
        )
    )


def relation(session: Session, relation_id: str) -> ContactRelation | None:
    """Return a relation, also a deleted one."""
    return session.scalar(select(ContactRelation).where(ContactRelation.id == relation_id))


def spoken_to(
    session: Session, account_id: str, contact_ids: Collection[str], now: datetime, days: int
) -> set[str]:
    """Return which contacts a communication of the last ``days`` names; corrected entries do not count."""
    query = select(Activity.id, Activity.contact_id).where(
        Activity.contact_id.in_(contact_ids),
        Activity.channel.in_(COMMUNICATION_CHANNELS),
        Activity.occurred_at > now - timedelta(days=days),
        Activity.occurred_at <= now,
        Activity.recorded_at <= now,
    )
    entries = session.execute(query).all()
    corrected = set(
        session.scalars(
            select(Activity.corrects_id).where(
                Activity.account_id == account_id,
                Activity.corrects_id.in_([entry.id for entry in entries]),
                Activity.recorded_at <= now,
            )
        )
    )
    return {entry.contact_id for entry in entries if entry.contact_id and entry.id not in corrected}


def own_people(session: Session) -> frozenset[str]:
    """Return the names of our salespeople, whose moves are not the customer's."""
    return frozenset(session.scalars(select(Rep.name).where(Rep.deleted_at.is_(None))))


def moment_of(session: Session, activity_id: str) -> datetime | None:
    """Return when an activity happened, or None for one that is not there."""
    return session.scalar(select(Activity.occurred_at).where(Activity.id == activity_id))


def open_role_changes(session: Session, account_id: str) -> list[RoleChange]:
    """Return the proposals of an account that nobody has decided yet, oldest first."""
    query = select(RoleChange).where(
        RoleChange.account_id == account_id,
        RoleChange.status == "proposed",
        RoleChange.deleted_at.is_(None),
    )
    return list(session.scalars(query.order_by(RoleChange.created_at, RoleChange.id)))


def role_change(session: Session, proposal_id: str) -> RoleChange | None:
    """Return a proposal as last committed, and keep other deciders away until this transaction ends."""
    query = select(RoleChange).where(RoleChange.id == proposal_id, RoleChange.deleted_at.is_(None))
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def _states(
    session: Session, entity: str, ids: Collection[str], moment: datetime
) -> list[tuple[str, dict[str, Any]]]:
    """Return the state of each record at a moment, by id; those born later are left out. One query."""
    query = (
        select(ChangeLog.entity_id, ChangeLog.changes)
        .where(ChangeLog.entity == entity, ChangeLog.entity_id.in_(ids), ChangeLog.recorded_at <= moment)
        .order_by(ChangeLog.entity_id, ChangeLog.version)
    )
    entries: dict[str, list[Any]] = {}
    for entry in session.execute(query):
        entries.setdefault(entry.entity_id, []).append(entry)
    return [(one, list(changelog.fold(entity, history))[-1]) for one, history in sorted(entries.items())]


def _parts(record: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {"id": record.id} | {name: getattr(record, name) for name in names}
