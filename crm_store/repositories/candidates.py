"""Who could be given a lead: every rep with team, open leads and present leave, and whose ground it is."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm_store.models import Lead, Leave, Rep, Territory
from crm_store.repositories.claims import CLOSED_STATUSES


@dataclass(frozen=True)
class Standing:
    """A rep now; ``away_until`` is when their present leave ends, None for one who is at work."""

    rep_id: str
    name: str
    team_id: str | None
    open_leads: int
    away_until: datetime | None


@dataclass(frozen=True)
class Field:
    """The reps by id order, each lead's region, and the teams whose ground a region is."""

    reps: tuple[Standing, ...]
    regions: dict[str, str | None]
    teams: dict[str, frozenset[str]]

    def routed(self, lead_id: str) -> frozenset[str] | None:
        """Return the teams that a lead is routed to, None where nothing says so: then it may be anybody's."""
        region = self.regions.get(lead_id)
        return None if region is None else self.teams.get(region)


def field_of(session: Session, lead_ids: Collection[str], now: datetime) -> Field:
    """Return everyone who could be given these leads; leads that are not there or closed have no region."""
    opened = (Lead.deleted_at.is_(None), Lead.merged_into.is_(None), Lead.status.not_in(CLOSED_STATUSES))
    loads = select(Lead.owner_id, func.count()).where(*opened, Lead.owner_id.is_not(None))
    load = {row[0]: row[1] for row in session.execute(loads.group_by(Lead.owner_id))}
    away = select(Leave.rep_id, func.max(Leave.end_at)).where(
        Leave.deleted_at.is_(None), Leave.status == "approved", Leave.start_at <= now, Leave.end_at > now
    )
    absent = {row[0]: row[1] for row in session.execute(away.group_by(Leave.rep_id))}
    reps = select(Rep.id, Rep.name, Rep.team_id).where(Rep.deleted_at.is_(None)).order_by(Rep.id)
    ground: dict[str, set[str]] = defaultdict(set)
    covered = select(Territory.region, Territory.team_id).where(Territory.deleted_at.is_(None))
    for region, team_id in session.execute(covered):
        if region is not None and team_id is not None:
            ground[region].add(team_id)
    regions = select(Lead.id, Lead.region).where(Lead.id.in_(lead_ids), Lead.deleted_at.is_(None))
    return Field(
        tuple(
            Standing(rep_id, name, team_id, load.get(rep_id, 0), absent.get(rep_id))
            for rep_id, name, team_id in session.execute(reps)
        ),
        {row.id: row.region for row in session.execute(regions)},
        {region: frozenset(teams) for region, teams in ground.items()},
    )
