"""Role changes found in text: proposed with the sentence that shows them, and decided by a person.

Accepting changes the contact, rejecting changes nothing; either is kept with who and when. Nothing here
decides by itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.ids import stable_id
from crm_store.intake.role_changes.circle import Circle, KnownContact
from crm_store.intake.role_changes.finder import RoleChangeFound, find_role_changes
from crm_store.intake.role_changes.vocabulary import department_of, is_department, vocabulary
from crm_store.models import RoleChange
from crm_store.repositories import decision_chain as rows
from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.writing import write

_SOURCE = "role_changes"
_GONE = ("leaving", "retirement")
_ARRIVES = ("taking_over", "promotion", "acting", "transfer")


@dataclass(frozen=True)
class Proposal:
    """A proposed change as people see it. ``confidence`` 0–1 orders proposals; ``status`` as stored."""

    id: str
    account_id: str
    contact_id: str | None
    activity_id: str | None
    person: str
    kind: str
    old_role: str | None
    new_role: str | None
    sentence: str
    confidence: float
    status: str
    decided_at: datetime | None
    decided_by: str | None


def propose_from_text(
    session: Session, account_id: str, text: str, activity_id: str | None, now: datetime, actor: str
) -> list[Proposal]:
    """Propose the role changes that a text tells of an account's people, and return the proposals.

    Asking again for the same activity (or, without one, the same text) adds nothing, and neither does a fact
    that another open proposal states already. Raises StoreError ``not_found`` for an unknown account.
    """
    name = rows.account_name(session, account_id)
    if name is None:
        raise StoreError(_not_found("account_id", "account"))
    contacts = rows.rows_now(session, account_id).contacts
    circle = Circle(name, tuple(_known(contact) for contact in contacts), rows.own_people(session))
    open_facts = {_fact(one.contact_id, one): one for one in rows.open_role_changes(session, account_id)}
    said_at = rows.moment_of(session, activity_id) if activity_id is not None else None
    proposed: dict[str, Proposal] = {}
    for found in find_role_changes(text, circle, said_at or now):
        for contact_id, person in _whom(found, circle):
            who = contact_id or person
            key = stable_id("role_change", _SOURCE, f"{activity_id or f'{account_id}:{text}'}\x1f{who}")
            known = open_facts.get(_fact(contact_id, found, person)) or rows.role_change(session, key)
            if known is None:
                values = _values(found, account_id, contact_id, person, activity_id)
                values |= {"source": _SOURCE, "external_id": key}
                write(session, "role_change", key, values, actor=actor, reason=None, now=now)
                known = _existing(session, key)
            proposed[known.id] = _proposal(known)
    return list(proposed.values())


def proposals(session: Session, account_id: str) -> list[Proposal]:
    """Return the proposals of an account that wait for a decision, oldest first."""
    return [_proposal(one) for one in rows.open_role_changes(session, account_id)]


def decide(
    session: Session,
    proposal_id: str,
    accept: bool,
    viewer_actor: str,
    now: datetime,
    *,
    contact_id: str | None = None,
    new_role: str | None = None,
) -> Proposal:
    """Accept or reject a proposal. ``contact_id`` and ``new_role`` correct what the text left open.

    Accepting writes the contact, with the sentence as the reason; a person not on record yet becomes one
    when the sentence names them in full and gives them a role. Deciding again the same way does nothing.
    Raises StoreError: ``not_found``, ``already_decided`` (the other way), ``contact_needed`` (nobody, or
    more than one, fits), ``other_account`` (a contact of another account).
    """
    proposal = _existing(session, proposal_id)
    wanted = "accepted" if accept else "rejected"
    if proposal.status != "proposed":
        if proposal.status != wanted:
            raise StoreError(_already_decided(proposal))
        return _proposal(proposal)
    values: dict[str, Any] = {"status": wanted, "decided_at": now, "decided_by": viewer_actor}
    if accept:
        whom = contact_id or proposal.contact_id
        role = new_role or proposal.new_role
        whom = _apply(session, proposal, whom, role, viewer_actor, now)
        values |= {"contact_id": whom, "new_role": role}
    write(session, "role_change", proposal.id, values, actor=viewer_actor, reason=None, now=now)
    return _proposal(_existing(session, proposal_id))


def _apply(
    session: Session,
    proposal: RoleChange,
    contact_id: str | None,
    role: str | None,
    actor: str,
    now: datetime,
) -> str:
    reason = f"采纳岗位变动建议：“{proposal.sentence}”"
    values = _contact_values(proposal.kind, role)
    if contact_id is None:
        contact_id, values = _newcomer(proposal, role, values)
    else:
        contact = rows.contact_of(session, contact_id)
        if contact is None or contact.account_id != proposal.account_id:
            raise StoreError(_other_account())
    write(session, "contact", contact_id, values, actor=actor, reason=reason, now=now)
    return contact_id


def _contact_values(kind: str, role: str | None) -> dict[str, Any]:
    """Return what an accepted change makes of the contact. Who lost a role has none until one is known."""
    if kind in _GONE:
        return {"status": "left"}
    if kind == "department_merge":
        return {"department": role} if role else {}
    if kind == "replaced" or role is None:
        return {"role": None}
    if is_department(role):
        return {"role": None, "department": role}
    department = department_of(role)
    return {"role": role} | ({"department": department} if department and kind == "transfer" else {})


def _newcomer(proposal: RoleChange, role: str | None, values: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    named_in_full = vocabulary().is_name(proposal.person)
    if proposal.kind not in _ARRIVES or role is None or not named_in_full:
        raise StoreError(_contact_needed(proposal.person))
    contact_id = stable_id("contact", _SOURCE, proposal.id)
    values |= {"source": _SOURCE, "external_id": proposal.id, "account_id": proposal.account_id}
    return contact_id, values | {"name": proposal.person, "department": department_of(role)}


def _whom(found: RoleChangeFound, circle: Circle) -> list[tuple[str | None, str]]:
    """Return (contact, name) of everyone a finding is about: all people of a department that was merged."""
    if found.kind != "department_merge":
        return [(found.contact_id, found.person)]
    members = [one for one in circle.contacts if one.status != "left" and one.is_in(found.person)]
    return [(one.id, one.name) for one in members] or [(None, found.person)]


def _values(
    found: RoleChangeFound, account_id: str, contact_id: str | None, person: str, activity_id: str | None
) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "contact_id": contact_id,
        "activity_id": activity_id,
        "person": person,
        "kind": found.kind,
        "old_role": found.old_role,
        "new_role": found.new_role,
        "sentence": found.sentence,
        "confidence": found.confidence,
    }


def _fact(
    contact_id: str | None, one: RoleChangeFound | RoleChange, person: str | None = None
) -> tuple[str, str, str | None]:
    return contact_id or person or one.person, one.kind, one.new_role


def _known(contact: dict[str, Any]) -> KnownContact:
    role = contact["role"] or contact["title"]
    return KnownContact(contact["id"], contact["name"], role, contact["department"], contact["status"])


def _existing(session: Session, proposal_id: str) -> RoleChange:
    found = rows.role_change(session, proposal_id)
    if found is None:
        raise StoreError(_not_found("proposal_id", "role_change"))
    return found


def _proposal(row: RoleChange) -> Proposal:
    return Proposal(**{name: getattr(row, name) for name in Proposal.__dataclass_fields__})


def _not_found(field: str, entity: str) -> Problem:
    return Problem("not_found", field, f"找不到该记录：{entity}", f"there is no such {entity}")


def _already_decided(proposal: RoleChange) -> Problem:
    zh = {"accepted": "已采纳", "rejected": "已驳回"}[proposal.status]
    return Problem(
        "already_decided",
        "status",
        f"该建议{zh}（{proposal.decided_by}），不能再改；请直接编辑联系人",
        f"this proposal was {proposal.status} by {proposal.decided_by}: edit the contact instead",
    )


def _contact_needed(person: str) -> Problem:
    return Problem(
        "contact_needed",
        "contact_id",
        f"无法确定“{person}”是哪位联系人，请指定联系人后再采纳",
        f"which contact {person} is cannot be told: name the contact, then accept",
    )


def _other_account() -> Problem:
    return Problem(
        "other_account", "contact_id", "该联系人不属于此客户", "the contact does not belong to this account"
    )
