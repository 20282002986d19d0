"""What was found: one change per person, how sure it is, and whether it is news at all."""

from dataclasses import dataclass, replace

from crm_store.intake.role_changes import vocabulary as v
from crm_store.intake.role_changes.circle import KnownContact
from crm_store.intake.role_changes.grammar import Kind, Reading
from crm_store.intake.role_changes.tokens import Token
from crm_store.intake.role_changes.vocabulary import vocabulary

_MOVES: frozenset[Kind] = frozenset({"promotion", "transfer", "taking_over"})


@dataclass(frozen=True)
class RoleChangeFound:
    """One change. ``text[start:end]`` is the sentence; for a merged department, ``person`` is its name.

    ``confidence`` is an ordering from 0 to 1 by published factors, no probability.
    """

    kind: Kind
    person: str
    contact_id: str | None
    old_role: str | None
    new_role: str | None
    sentence: str
    start: int
    end: int
    confidence: float


def confidence_of(factor: float, token: Token, new_role: str | None, unknown: bool) -> float:
    """Return the product of the factors that apply; ``unknown``: no contact on record fits the person."""
    table = vocabulary().confidence
    value = factor * table["new_role_named" if new_role else "change_alone"]
    if token.start == token.end:
        value *= table["subject_from_clause_before"]
    return round(value * (table["ambiguous_person"] if unknown else 1.0), 3)


def is_news(change: RoleChangeFound, reading: Reading, token: Token, contact: KnownContact | None) -> bool:
    """Tell a change from what the record says already, from a role nobody on record holds, and from 小赵."""
    if contact is None and (token.tag == v.ROLE or change.person.startswith("小")):
        return False
    if reading.verb.tag in "nv" and change.new_role is None:
        return False
    if reading.verb.tag == "#" and not _is_a_post(change.new_role):
        return False
    if contact is None:
        return True
    if change.kind in ("leaving", "retirement"):
        return contact.status != "left"
    return change.new_role is None or change.new_role != contact.role


def one_per_person(changes: list[RoleChangeFound]) -> list[RoleChangeFound]:
    """Keep the telling that says most of each person: where to, rather than only that."""
    best: dict[str, RoleChangeFound] = {}
    for change in changes:
        key = change.contact_id or change.person
        known = best.get(key)
        if known is not None and _goes_on(known, change):
            best[key] = replace(known, new_role=change.new_role)
        elif known is None or _says(change) > _says(known):
            best[key] = change
    return sorted(best.values(), key=lambda change: change.start)


def _goes_on(known: RoleChangeFound, change: RoleChangeFound) -> bool:
    """Tell whether a change only completes another: 高升了，去当副院长."""
    if known.kind not in _MOVES or change.kind not in _MOVES or change.new_role is None:
        return False
    return known.new_role is None or change.new_role.startswith(known.new_role)


def _says(change: RoleChangeFound) -> tuple[bool, bool, bool, float]:
    gone = change.kind in ("leaving", "retirement")
    return gone, change.kind != "replaced", change.new_role is not None, change.confidence


def _is_a_post(role: str | None) -> bool:
    """Tell 设备科主任 and 院长 from 组长: a bare title after a plain 任 may be that of any committee."""
    return role is not None and role not in vocabulary().lists["titles_of_a_department"]
