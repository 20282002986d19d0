"""A customer's decision chain: who has a say, who sways whom, and what that adds up to. Pure.

The customer-influence score (product B2), as published:

1. A contact's own say is w = weight / 100, and 0 without a weight. Who has left has none and sways nobody.
2. Swaying others adds to it. With d = damping and s = strength / 100 of the edge to j, the influence is

       r = 1 − (1 − w) · Π (1 − d · s · r_j)

   over everyone j whom the contact sways: the chance that at least one of so many independent voices
   decides (a noisy-or). ``influence`` edges sway their ``to``; ``technical`` edges say that ``from`` relies
   on ``to``, so ``to`` sways ``from``. ``reports_to`` adds nothing: rank is what the weight states.
3. The customer's score is 100 · (1 − exp(−Σ r / S)), where S = ``full_chain``: a sum of S gives 63 of 100.

Solved by repeating step 2 from r = w, O(edges) a round. Each round is monotone and bounded by 1, so that
cycles settle at the least solution, raising a weight never lowers a value, and no edge can either. Ids and
order do not matter: products are summed exactly in logarithms.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

RelationKind = Literal["influence", "technical", "reports_to"]

# Far below what a score of one decimal shows; with damping below 1 it is reached in some thirty rounds.
_SETTLED = 1e-9
_MOST_ROUNDS = 200
# A sentence names the strongest voices; more would be a list, not a reason.
_NAMED = 2


@dataclass(frozen=True)
class Person:
    """A contact in the chain. ``weight`` 0–100; ``status`` active, left or do_not_contact."""

    id: str
    name: str
    role: str | None = None
    department: str | None = None
    weight: int | None = None
    status: str = "active"
    title: str | None = None


@dataclass(frozen=True)
class Edge:
    """``from_id`` influences, relies technically on, or reports to ``to_id``. ``strength`` 0–100."""

    id: str
    from_id: str
    to_id: str
    kind: RelationKind
    strength: int | None = None


@dataclass(frozen=True)
class InfluenceSettings:
    """The constants of the formula above; ``coverage_days`` is how far back speaking with someone counts."""

    damping: float = 0.5
    default_strength: int = 50
    full_chain: float = 2.0
    coverage_days: int = 90

    def __post_init__(self) -> None:
        """Raise ValueError for a constant with which the formula means nothing."""
        if not 0 <= self.damping < 1:
            raise ValueError("damping must lie in [0, 1)")
        if not 0 <= self.default_strength <= 100:
            raise ValueError("default_strength must lie in 0–100")
        if not (self.full_chain > 0 and math.isfinite(self.full_chain)):
            raise ValueError("full_chain must be above 0")
        if self.coverage_days < 1:
            raise ValueError("coverage_days must be at least 1")


@dataclass(frozen=True)
class ContactInfluence:
    """One contact's influence, 0–100, the part of it that others give, and why in words (zh, en)."""

    contact_id: str
    name: str
    own: float
    influence: float
    from_others: float
    spoken_to: bool
    reason: tuple[str, str]


@dataclass(frozen=True)
class CustomerInfluence:
    """The customer's score 0–100, contacts by influence, and how much of it was spoken to lately.

    ``coverage`` is a share 0–1, None when nobody has any influence. ``silent`` are the ids of those with
    influence whom nobody has spoken to, the most influential first.
    """

    score: float
    contacts: tuple[ContactInfluence, ...]
    coverage: float | None
    silent: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]


def customer_influence(
    people: Sequence[Person],
    edges: Sequence[Edge],
    spoken_to: Iterable[str],
    settings: InfluenceSettings,
) -> CustomerInfluence:
    """Return the score of a chain; ``spoken_to`` holds the ids of contacts met within the coverage days."""
    heard = set(spoken_to)
    own = {person.id: _say(person) for person in people}
    swayed = _swayed(edges, {person.id for person in people if person.status != "left"}, settings)
    reached = _settled(own, swayed, settings.damping)
    names = {person.id: person.name for person in people}
    contacts = [
        ContactInfluence(
            contact_id=person.id,
            name=person.name,
            own=round(100 * own[person.id], 1),
            influence=round(100 * reached[person.id], 1),
            from_others=round(100 * (reached[person.id] - own[person.id]), 1),
            spoken_to=person.id in heard,
            reason=_reason(person, own, reached, swayed[person.id], names),
        )
        for person in people
    ]
    contacts.sort(key=lambda contact: (-contact.influence, contact.name, contact.contact_id))
    total = math.fsum(reached.values())
    coverage = math.fsum(reached[one] for one in reached if one in heard) / total if total > 0 else None
    silent = tuple(c.contact_id for c in contacts if c.influence > 0 and not c.spoken_to)
    score = round(100 * -math.expm1(-total / settings.full_chain), 1)
    reasons = _summary(total, score, coverage, contacts, settings)
    return CustomerInfluence(score, tuple(contacts), coverage, silent, reasons)


def reports_in_a_circle(edges: Iterable[Edge], from_id: str, to_id: str) -> bool:
    """Tell whether ``from_id`` reporting to ``to_id`` would make somebody their own superior."""
    superiors: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if edge.kind == "reports_to":
            superiors[edge.from_id].append(edge.to_id)
    waiting, seen = [to_id], set[str]()
    while waiting:
        one = waiting.pop()
        if one == from_id:
            return True
        if one not in seen:
            seen.add(one)
            waiting += superiors[one]
    return False


def _say(person: Person) -> float:
    return 0.0 if person.status == "left" else (person.weight or 0) / 100


def _swayed(
    edges: Iterable[Edge], present: set[str], settings: InfluenceSettings
) -> Mapping[str, list[tuple[str, float]]]:
    """Return contact → those they sway and how strongly, 0–1."""
    swayed: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for edge in edges:
        if edge.kind == "reports_to" or not {edge.from_id, edge.to_id} <= present:
            continue
        by, whom = (edge.from_id, edge.to_id) if edge.kind == "influence" else (edge.to_id, edge.from_id)
        strength = settings.default_strength if edge.strength is None else edge.strength
        swayed[by].append((whom, strength / 100))
    return swayed


def _settled(
    own: Mapping[str, float], swayed: Mapping[str, list[tuple[str, float]]], damping: float
) -> dict[str, float]:
    reached = dict(own)
    for _ in range(_MOST_ROUNDS):
        following = {
            one: _either(say, [damping * strength * reached[whom] for whom, strength in swayed[one]])
            for one, say in own.items()
        }
        moved = max((following[one] - reached[one] for one in own), default=0.0)
        reached = following
        if moved < _SETTLED:
            break
    return reached


def _either(say: float, voices: Sequence[float]) -> float:
    """Return 1 − (1 − say) · Π (1 − voice), the same for any order of the voices."""
    return 1 - (1 - say) * math.exp(math.fsum(math.log1p(-voice) for voice in voices))


def _reason(
    person: Person,
    own: Mapping[str, float],
    reached: Mapping[str, float],
    swayed: Sequence[tuple[str, float]],
    names: Mapping[str, str],
) -> tuple[str, str]:
    if person.status == "left":
        return f"{person.name}已离开，不再计入", f"{person.name} has left and no longer counts"
    say, total = round(100 * own[person.id]), round(100 * reached[person.id])
    strongest = sorted(swayed, key=lambda edge: (-edge[1] * reached[edge[0]], names[edge[0]], edge[0]))[
        :_NAMED
    ]
    if not strongest:
        return f"决策权重 {say}，暂未影响他人", f"decision weight {say}, sways nobody yet"
    listed_zh = "、".join(names[whom] for whom, _ in strongest)
    listed_en = ", ".join(names[whom] for whom, _ in strongest)
    return (
        f"决策权重 {say}，能影响{listed_zh}等 {len(swayed)} 人，影响力 {total}",
        f"decision weight {say}, sways {len(swayed)} incl. {listed_en}: influence {total}",
    )


def _summary(
    total: float,
    score: float,
    coverage: float | None,
    contacts: Sequence[ContactInfluence],
    settings: InfluenceSettings,
) -> tuple[tuple[str, str], ...]:
    if coverage is None:
        return (("尚无带决策权重的联系人", "no contact has a decision weight yet"),)
    days = settings.coverage_days
    silent = [contact.name for contact in contacts if contact.influence > 0 and not contact.spoken_to]
    reasons = [
        (
            f"决策链影响力合计 {total:.2f}，折算 {score:g} 分",
            f"influence in the chain adds up to {total:.2f}, which gives {score:g}",
        ),
        (
            f"近 {days} 天沟通覆盖了 {coverage:.0%} 的影响力",
            f"{coverage:.0%} of it was spoken to in {days} days",
        ),
    ]
    if silent:
        shown = silent[:_NAMED]
        reasons.append(
            (
                f"近 {days} 天无人联系：{'、'.join(shown)}等 {len(silent)} 人",
                f"not spoken to in {days} days: {', '.join(shown)} ({len(silent)} in all)",
            )
        )
    return tuple(reasons)
