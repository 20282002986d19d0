"""The decision chain of an account, the influence it adds up to, and role changes found in text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final, Literal

from pydantic import Field

from crm_store.domain.decision_chain import CustomerInfluence
from crm_store.repositories import listing
from crm_store.repositories.sight.sight import relations_of, shown
from crm_store.services import decision_chain, role_changes
from serving.crm import params
from serving.crm.contract import OUT, Strict, page_model
from serving.crm.forms import parsed, told_as
from serving.crm.operation import Call, Operation, Policy, Reply
from serving.crm.resources import RESOURCES
from serving.crm.samples import row_sample, sample_id

_TAG: Final = "decision chain 决策链"
_ACCOUNT: Final = RESOURCES["account"].path
_CHANGES: Final = RESOURCES["role_change"]
RelationKind = Literal["influence", "technical", "reports_to"]


class PersonOut(Strict):
    """A contact in the chain."""

    id: str
    name: str | None = None
    title: str | None = None
    role: str | None = None
    department: str | None = None
    weight: int | None = None
    status: str | None = None


class EdgeOut(Strict):
    """One relation of the chain."""

    id: str
    from_id: str
    to_id: str
    kind: RelationKind
    strength: int | None = None


class ChainOut(Strict):
    """Who decides at a customer, and how they relate."""

    account_id: str
    as_of: str | None
    nodes: list[PersonOut]
    edges: list[EdgeOut]


class RelationIn(Strict):
    """A relation to draw."""

    from_id: str = Field(max_length=40)
    to_id: str = Field(max_length=40)
    kind: RelationKind
    strength: int | None = Field(None, ge=0, le=100)
    reason: str | None = Field(None, max_length=200)


class RelationKindIn(Strict):
    """What kind a relation becomes."""

    kind: RelationKind
    reason: str | None = Field(None, max_length=200)


class RelationOut(Strict):
    """The relation that now stands."""

    id: str


class TextIn(Strict):
    """Meeting notes, a chat or a call in words; ``activity_id`` says where they come from."""

    text: str = Field(min_length=1, max_length=100_000)
    activity_id: str | None = Field(None, max_length=40)


class AcceptIn(Strict):
    """What the text left open: which contact, and which role."""

    contact_id: str | None = Field(None, max_length=40)
    new_role: str | None = Field(None, max_length=80)


INFLUENCE: Final = told_as("CustomerInfluence", CustomerInfluence)
PROPOSALS: Final = page_model("RoleChangeProposals", "角色变动建议", OUT["role_change"])


def chain_operations() -> Iterator[Operation]:
    """Yield the operations on decision chains and role changes."""
    yield from (_chain(), _influence(), _add(), _change(), _remove())
    yield from (_propose(), _decide("accept", True), _decide("reject", False))


def _chain() -> Operation:
    def handle(call: Call) -> Reply:
        found = decision_chain.chain(call.sight, call.path["id"], call.query.get("as_of"))
        people = [asdict(person) for person in found.nodes]
        content = {
            "account_id": found.account_id,
            "as_of": found.as_of,
            "nodes": _as_seen(call, "contact", people),
            "edges": [asdict(edge) for edge in found.edges],
        }
        return Reply(content)

    return Operation(
        "GET",
        f"{_ACCOUNT}/{{id}}/decision-chain",
        "crm_decision_chain",
        "The decision chain, now or as it was 决策链",
        _TAG,
        Policy("contact_relation", "read"),
        handle,
        params=(params.record_id(), params.moment("as_of", "as it was at this moment 截至时刻")),
        answers={200: ChainOut},
        errors=("not_found",),
        example=_CHAIN,
    )


def _influence() -> Operation:
    def handle(call: Call) -> Reply:
        people = decision_chain.chain(call.sight, call.path["id"]).nodes
        found = asdict(decision_chain.influence(call.sight, call.path["id"], call.now))
        return Reply(_renamed(found, _shown_names(call, [asdict(person) for person in people])))

    return Operation(
        "GET",
        f"{_ACCOUNT}/{{id}}/influence",
        "crm_influence",
        "The customer-influence score, with reasons 客户影响力",
        _TAG,
        Policy("contact_relation", "read"),
        handle,
        params=(params.record_id(),),
        answers={200: INFLUENCE},
        errors=("not_found",),
    )


def _add() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, RelationIn)
        added = decision_chain.add_relation(
            call.sight,
            call.path["id"],
            given.from_id,
            given.to_id,
            given.kind,
            strength=given.strength,
            actor=call.viewer.actor,
            now=call.now,
            reason=given.reason,
        )
        return Reply({"id": added}, 201)

    return Operation(
        "POST",
        f"{_ACCOUNT}/{{id}}/decision-chain/relations",
        "crm_add_relation",
        "Draw a relation 画一条关系",
        _TAG,
        Policy("contact_relation", "create"),
        handle,
        params=(params.record_id(),),
        body=RelationIn,
        body_kind="json",
        answers={201: RelationOut},
        errors=("not_found", "same_person", "other_account", "reporting_circle", "forbidden"),
        example={"id": sample_id("contact_relation")},
        body_example={"from_id": sample_id("contact"), "to_id": "con_2", "kind": "reports_to"},
        writes=True,
    )


def _change() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, RelationKindIn)
        stands = decision_chain.change_kind(
            call.sight,
            call.path["id"],
            given.kind,
            actor=call.viewer.actor,
            now=call.now,
            reason=given.reason,
        )
        return Reply({"id": stands})

    return Operation(
        "POST",
        "/crm/v1/contact-relations/{id}/kind",
        "crm_change_relation_kind",
        "Make a relation one of another kind 改变关系类型",
        _TAG,
        Policy("contact_relation", "update"),
        handle,
        params=(params.record_id(),),
        body=RelationKindIn,
        body_kind="json",
        answers={200: RelationOut},
        errors=("not_found", "reporting_circle", "forbidden"),
        example={"id": sample_id("contact_relation")},
        body_example={"kind": "influence"},
        writes=True,
    )


def _remove() -> Operation:
    def handle(call: Call) -> Reply:
        relation_id = call.path["relation_id"]
        decision_chain.remove_relation(call.sight, relation_id, actor=call.viewer.actor, now=call.now)
        return Reply(status=204)

    return Operation(
        "DELETE",
        f"{_ACCOUNT}/{{id}}/decision-chain/relations/{{relation_id}}",
        "crm_remove_relation",
        "Take a relation away 删除关系",
        _TAG,
        Policy("contact_relation", "delete"),
        handle,
        params=(params.record_id(), params.record_id("relation_id", about="id of the relation 关系编号")),
        answers={204: None},
        errors=("not_found", "forbidden"),
        writes=True,
    )


def _propose() -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, TextIn)
        found = role_changes.propose_from_text(
            call.sight, call.path["id"], given.text, given.activity_id, call.now, call.viewer.actor
        )
        rows = listing.by_ids(call.sight, "role_change", [one.id for one in found])
        return Reply({"items": _as_seen(call, "role_change", rows), "next_cursor": None})

    return Operation(
        "POST",
        f"{_ACCOUNT}/{{id}}/role-changes",
        "crm_propose_role_changes",
        "Find role changes in a text, and propose them 从文字中发现角色变动",
        _TAG,
        Policy("role_change", "create"),
        handle,
        params=(params.record_id(),),
        body=TextIn,
        body_kind="json",
        answers={200: PROPOSALS},
        errors=("not_found", "forbidden"),
        example={"items": [row_sample(_CHANGES)], "next_cursor": None},
        body_example={"text": "王主任下月退休，设备科由李副主任接手。"},
        writes=True,
    )


def _decide(name: str, accept: bool) -> Operation:
    def handle(call: Call) -> Reply:
        given = parsed(call, AcceptIn) if accept else AcceptIn()
        decided = role_changes.decide(
            call.sight,
            call.path["id"],
            accept,
            call.viewer.actor,
            call.now,
            contact_id=given.contact_id,
            new_role=given.new_role,
        )
        rows = listing.by_ids(call.sight, "role_change", [decided.id])
        return Reply(_as_seen(call, "role_change", rows)[0])

    zh = "采纳" if accept else "驳回"
    return Operation(
        "POST",
        f"{_CHANGES.path}/{{id}}/{name}",
        f"crm_{name}_role_change",
        f"{name.capitalize()} a proposed role change {zh}角色变动",
        _TAG,
        Policy("role_change", "update"),
        handle,
        params=(params.record_id(),),
        body=AcceptIn if accept else None,
        body_kind="json" if accept else "none",
        body_optional=accept,
        answers={200: OUT["role_change"]},
        errors=("not_found", "already_decided", "contact_needed", "other_account", "forbidden"),
        example=row_sample(_CHANGES),
        body_example={"contact_id": sample_id("contact")} if accept else None,
        writes=True,
    )


def _shown_names(call: Call, people: list[dict[str, Any]]) -> dict[str, str]:
    """Return name → name as the viewer may see it, for names that are masked for them."""
    seen = _as_seen(call, "contact", people)
    return {
        person["name"]: str(told.get("name"))
        for person, told in zip(people, seen, strict=True)
        if person["name"] and told.get("name") != person["name"]
    }


def _renamed(told: Any, names: Mapping[str, str]) -> Any:
    """Return an answer with people's names as the viewer may see them, in its sentences too."""
    if isinstance(told, str):
        for name in sorted(names, key=len, reverse=True):
            told = told.replace(name, names[name])
        return told
    if isinstance(told, Mapping):
        return {key: _renamed(value, names) for key, value in told.items()}
    return [_renamed(part, names) for part in told] if isinstance(told, (list, tuple)) else told


def _as_seen(call: Call, entity: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows, or parts of them, as far as the viewer may see the records that they are of."""
    whole = {row["id"]: row for row in listing.by_ids(call.sight, entity, [row["id"] for row in rows])}
    known: list[Mapping[str, Any]] = [whole.get(row["id"], row) for row in rows]
    near = relations_of(call.sight, entity, known)
    return [shown(call.viewer, entity, row, relation) for row, relation in zip(rows, near, strict=True)]


_CHAIN: Final = {
    "account_id": sample_id("account"),
    "as_of": None,
    "nodes": [{"id": sample_id("contact"), "name": "王主任", "weight": 80, "status": "active"}],
    "edges": [
        {
            "id": sample_id("contact_relation"),
            "from_id": sample_id("contact"),
            "to_id": "con_000000000000000000000002",
            "kind": "reports_to",
            "strength": None,
        }
    ],
}
