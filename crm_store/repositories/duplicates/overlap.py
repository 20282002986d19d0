"""How many customers are followed up by several reps of different regions (reference case: 22% → 0.7%)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm_store.models import Account, Activity, DuplicatePair, Lead, Rep, Team

Node = tuple[str, str]
"""A kind and an id: ("lead", …) or ("account", …)."""
Link = tuple[Node, Node]

_MODELS: dict[str, Any] = {"lead": Lead, "account": Account}
_PORTION = 5_000


@dataclass(frozen=True)
class Overlap:
    """Customers followed up in a window, and those of them by reps of different regions."""

    customers: int
    overlapping: int

    @property
    def share(self) -> float:
        """The part of the customers that reps of different regions followed up, 0 to 1."""
        return self.overlapping / self.customers if self.customers else 0.0


def overlap(session: Session, *, since: datetime, until: datetime, least_score: float = 0.0) -> Overlap:
    """Count the customers with a follow-up in [since, until), and those that several reps share.

    A follow-up is an outgoing activity of a rep. One customer are a lead and its account, what was merged,
    and open or merged pairs of duplicates from ``least_score`` on; so work on two records of one customer
    shows before they are merged as well as after. The region is the rep's, else the team's; a rep without one
    is left out. Memory grows with the follow-ups' records and with the links between records.
    """
    follow_ups = list(_follow_ups(session, since, until))
    links = list(_links(session, least_score))
    seen = {subject for subject, _, _ in follow_ups}.union(*links)
    one_customer = _Groups()
    for one, other in [*links, *_accounts_of(session, [name for kind, name in seen if kind == "lead"])]:
        one_customer.join(one, other)
    reps: dict[Node, set[str]] = defaultdict(set)
    regions: dict[Node, set[str]] = defaultdict(set)
    for subject, rep_id, region in follow_ups:
        customer = one_customer.of(subject)
        reps[customer].add(rep_id)
        regions[customer].add(region)
    overlapping = sum(len(reps[one]) > 1 and len(regions[one]) > 1 for one in reps)
    return Overlap(len(reps), overlapping)


class _Groups:
    """Records that are one customer (a union-find over the links between them)."""

    def __init__(self) -> None:
        self._above: dict[Node, Node] = {}

    def of(self, node: Node) -> Node:
        top = node
        while (above := self._above.get(top, top)) != top:
            top = above
        while node != top:
            node, self._above[node] = self._above[node], top
        return top

    def join(self, one: Node, other: Node) -> None:
        top, below = sorted((self.of(one), self.of(other)))
        if top != below:
            self._above[below] = top


def _follow_ups(session: Session, since: datetime, until: datetime) -> Iterator[tuple[Node, str, str]]:
    region = func.coalesce(Rep.region, Team.region)
    query = (
        select(Activity.lead_id, Activity.account_id, Rep.id, region)
        .join(Rep, Rep.id == Activity.rep_id)
        .outerjoin(Team, Team.id == Rep.team_id)
        .where(Activity.occurred_at >= since, Activity.occurred_at < until)
        .where(Activity.direction == "out", region.is_not(None))
        .distinct()
    )
    for lead_id, account_id, rep_id, where in session.execute(query):
        yield ("lead", lead_id) if lead_id else ("account", account_id or ""), rep_id, where


def _links(session: Session, least_score: float) -> Iterator[Link]:
    """Yield what was merged, and what may be one customer."""
    for kind, model in _MODELS.items():
        merged = select(model.id, model.merged_into).where(model.merged_into.is_not(None))
        for one, other in session.execute(merged):
            yield (kind, one), (kind, other)
    pairs = select(DuplicatePair.entity, DuplicatePair.left_id, DuplicatePair.right_id)
    alike = pairs.where(DuplicatePair.status == "open", DuplicatePair.score >= least_score)
    for kind, left, right in session.execute(alike):
        yield (kind, left), (kind, right)


def _accounts_of(session: Session, lead_ids: Sequence[str]) -> Iterator[Link]:
    query = select(Lead.id, Lead.account_id)
    for start in range(0, len(lead_ids), _PORTION):
        some = lead_ids[start : start + _PORTION]
        for lead_id, account_id in session.execute(query.where(Lead.id.in_(some))):
            if account_id:
                yield ("lead", lead_id), ("account", account_id)
