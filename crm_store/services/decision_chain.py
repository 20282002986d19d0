"""A customer's decision chain: drawn now or as it was, edited within its rules, and scored (product B2)."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from importlib.resources import files
from typing import Any

from sqlalchemy.orm import Session

from crm_store.domain.decision_chain import (
    CustomerInfluence,
    Edge,
    InfluenceSettings,
    Person,
    customer_influence,
    reports_in_a_circle,
)
from crm_store.domain.ids import stable_id
from crm_store.models.choices import RELATION_KINDS
from crm_store.repositories import decision_chain as rows
from crm_store.repositories import definitions, problems
from crm_store.repositories.problems import Problem, StoreError
from crm_store.services.writing import write

INFLUENCE = "influence"
"""The kind, and the one name, under which edited constants of the formula are kept."""

_SOURCE = "decision_chain"


@dataclass(frozen=True)
class Chain:
    """An account's chain as a page draws it; where things stand on the page is the page's business."""

    account_id: str
    as_of: datetime | None
    nodes: tuple[Person, ...]
    edges: tuple[Edge, ...]


def chain(session: Session, account_id: str, as_of: datetime | None = None) -> Chain:
    """Return the chain as it stands, or as the business knew it at ``as_of``.

    Raises StoreError ``not_found`` for an account that is not there.
    """
    _check_account(session, account_id)
    found = (
        rows.rows_now(session, account_id) if as_of is None else rows.rows_as_of(session, account_id, as_of)
    )
    return Chain(
        account_id,
        as_of,
        tuple(Person(**contact) for contact in found.contacts),
        tuple(Edge(**relation) for relation in found.relations),
    )


def influence(session: Session, account_id: str, now: datetime) -> CustomerInfluence:
    """Return the customer-influence score with its reasons, and who has not been spoken to lately.

    Raises StoreError ``not_found``.
    """
    found = chain(session, account_id)
    settings = influence_settings(session)
    ids = [person.id for person in found.nodes]
    heard = rows.spoken_to(session, account_id, ids, now, settings.coverage_days)
    return customer_influence(found.nodes, found.edges, heard, settings)


def influence_settings(session: Session) -> InfluenceSettings:
    """Return the constants in force: those somebody saved, else the shipped ones."""
    stored = definitions.latest(session, INFLUENCE, INFLUENCE)
    return _shipped() if stored is None else InfluenceSettings(**stored.content)


def save_influence_settings(
    session: Session, settings: dict[str, Any], *, actor: str, reason: str | None, now: datetime
) -> int:
    """Put edited constants in force and return their version; what is not given stays as shipped.

    Raises StoreError: ``unknown_field``, or ``bad_setting`` for a value the formula has no meaning for.
    """
    known = {field.name for field in fields(InfluenceSettings)}
    for name in settings:
        if name not in known:
            raise StoreError(problems.unknown_field(name, INFLUENCE))
    try:
        whole = InfluenceSettings(**(asdict(_shipped()) | settings))
    except (TypeError, ValueError) as error:
        raise StoreError(_bad_setting(str(error))) from None
    return definitions.put(session, INFLUENCE, INFLUENCE, asdict(whole), actor=actor, reason=reason, now=now)


def add_relation(
    session: Session,
    account_id: str,
    from_id: str,
    to_id: str,
    kind: str,
    *,
    strength: int | None = None,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> str:
    """Draw an edge and return its id; an edge that is there already gets the strength, and no second one.

    Raises StoreError: ``not_found`` (account), ``not_allowed`` (kind), ``same_person``, ``other_account``
    (a contact of another account, or none), ``reporting_circle``.
    """
    _lock(session, account_id)
    _check_relation(session, account_id, from_id, to_id, kind)
    existing = rows.relation_between(session, from_id, to_id, kind)
    external_id = stable_id("contact_relation", _SOURCE, f"{from_id}:{to_id}:{kind}")
    relation_id = external_id if existing is None else existing.id
    values: dict[str, Any] = {"account_id": account_id, "strength": strength, "deleted_at": None}
    if existing is None:
        values |= {"source": _SOURCE, "external_id": external_id}
        values |= {"from_id": from_id, "to_id": to_id, "kind": kind}
    write(session, "contact_relation", relation_id, values, actor=actor, reason=reason, now=now)
    return relation_id


def remove_relation(
    session: Session, relation_id: str, *, actor: str, now: datetime, reason: str | None = None
) -> None:
    """Take an edge away; one that is gone already stays so. Raises StoreError ``not_found``."""
    relation = rows.relation(session, relation_id)
    if relation is None:
        raise StoreError(_not_found("relation_id", "contact_relation"))
    if relation.deleted_at is None:
        values = {"deleted_at": now}
        write(session, "contact_relation", relation_id, values, actor=actor, reason=reason, now=now)


def change_kind(
    session: Session, relation_id: str, kind: str, *, actor: str, now: datetime, reason: str | None = None
) -> str:
    """Make an edge one of another kind, strength kept, and return the id of the edge that now stands.

    Raises StoreError as ``add_relation`` and ``remove_relation`` do; nothing is changed then.
    """
    relation = rows.relation(session, relation_id)
    if relation is None or relation.deleted_at is not None:
        raise StoreError(_not_found("relation_id", "contact_relation"))
    if relation.kind == kind:
        return relation_id
    new_id = add_relation(
        session,
        relation.account_id,
        relation.from_id,
        relation.to_id,
        kind,
        strength=relation.strength,
        actor=actor,
        now=now,
        reason=reason,
    )
    remove_relation(session, relation_id, actor=actor, now=now, reason=reason)
    return new_id


def set_weight(
    session: Session,
    contact_id: str,
    weight: int | None,
    *,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Set a contact's decision weight, 0–100 or None for unknown.

    Raises StoreError: ``not_found``, ``out_of_range`` or ``wrong_type``.
    """
    if rows.contact_of(session, contact_id) is None:
        raise StoreError(_not_found("contact_id", "contact"))
    write(session, "contact", contact_id, {"weight": weight}, actor=actor, reason=reason, now=now)


def _shipped() -> InfluenceSettings:
    raw = json.loads((files("crm_store") / "data" / "influence.json").read_text("utf-8"))
    raw.pop("about")
    return InfluenceSettings(**raw)


def _check_account(session: Session, account_id: str) -> None:
    if rows.account_name(session, account_id) is None:
        raise StoreError(_not_found("account_id", "account"))


def _lock(session: Session, account_id: str) -> None:
    if not rows.lock_account(session, account_id):
        raise StoreError(_not_found("account_id", "account"))


def _check_relation(session: Session, account_id: str, from_id: str, to_id: str, kind: str) -> None:
    if kind not in RELATION_KINDS:
        raise StoreError(problems.not_allowed("kind", RELATION_KINDS))
    if from_id == to_id:
        raise StoreError(_same_person())
    drawn = chain(session, account_id)
    here = {person.id for person in drawn.nodes}
    for field, one in (("from_id", from_id), ("to_id", to_id)):
        if one not in here:
            raise StoreError(_other_account(field))
    if kind == "reports_to" and reports_in_a_circle(drawn.edges, from_id, to_id):
        raise StoreError(_reporting_circle())


def _not_found(field: str, entity: str) -> Problem:
    return Problem("not_found", field, f"找不到该记录：{entity}", f"there is no such {entity}")


def _same_person() -> Problem:
    return Problem(
        "same_person", "to_id", "关系的两端不能是同一个人", "a relation needs two different people"
    )


def _other_account(field: str) -> Problem:
    return Problem(
        "other_account",
        field,
        "关系两端必须是该客户的联系人；请先把联系人归到该客户",
        "both ends must be contacts of this account: move the contact to it first",
    )


def _reporting_circle() -> Problem:
    return Problem(
        "reporting_circle",
        "to_id",
        "汇报关系会形成环：此人已是对方的直接或间接上级",
        "that would make a circle: this person is a superior of the other already",
    )


def _bad_setting(en: str) -> Problem:
    return Problem("bad_setting", None, f"影响力公式的参数无效：{en}", f"not a setting of the formula: {en}")
