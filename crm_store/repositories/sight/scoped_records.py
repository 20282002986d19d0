"""Records as completeness sees them: whose they are, which fields are filled, which industry holds.

For the queries of ``discipline``, which choose among these columns and conditions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Select, and_, case, false, func, not_, null, or_, select

from crm_store.domain.stages import LOST, ORDER
from crm_store.models import Account, ChangeLog, Opportunity, Rep, Team
from crm_store.repositories.fields import FIELDS, RECORDS

GroupBy = Literal["all", "rep", "team", "region"]
GROUPS: tuple[str, ...] = get_args(GroupBy)

JUDGED = 4
"""Where in a row of ``ScopedRecords.rows`` the columns begin that its completeness follows from."""

# Nobody works on these any more: completeness of open work leaves them out.
_CLOSED = {"lead": ("status", ("won", "lost")), "opportunity": ("stage", ("won", "lost"))}
# Who passes the stage gates; whatever else sets a stage has not.
_GATED_WAYS = ("user:", "api:", "form:")


@dataclass(frozen=True)
class Scope:
    """Whose records: of these salespeople, of these teams, and of this region; None is everybody's.

    A record is of a region when it lies there itself, or when its owner or the owner's team does.
    """

    rep_ids: tuple[str, ...] | None = None
    team_ids: tuple[str, ...] | None = None
    region: str | None = None
    open_only: bool = False


class ScopedRecords:
    """A kind of records as completeness sees them: with the owner's team, and an industry and a region."""

    def __init__(self, entity: str) -> None:
        self.entity = entity
        self.model: Any = RECORDS[entity]
        place: Any = self.model if "industry" in FIELDS[entity] else Account
        self._place = place
        tables: tuple[Any, ...] = (self.model, Account, Rep, Team, ChangeLog)
        self.tables = sorted({table.__tablename__ for table in tables})
        self.region, self.industry, self.industry_code = place.region, place.industry, place.industry_code

    def group(self, by: GroupBy) -> Any:
        """Return what the records are grouped by."""
        groups = {"all": null(), "rep": self.model.owner_id, "team": Rep.team_id, "region": self.region}
        return groups[by]

    def rows(self, names: Sequence[str], scope: Scope, group: Any = None) -> Select[Any]:
        """Return the records in scope: their group and industry, and 1 or 0 for each key field."""
        flags = [case((self._filled(name), 1), else_=0).label(flag_of(name)) for name in names]
        ungated = case((_ungated() if self.entity == "opportunity" else false(), 1), else_=0)
        found = select(
            self.model.id.label("id"),
            self.model.owner_id.label("owner_id"),
            self.region.label("region"),
            ungated.label("ungated"),
            self.industry.label("industry"),
            self.industry_code.label("industry_code"),
            *flags,
        )
        return self.within(found if group is None else found.add_columns(group.label("group_key")), scope)

    def within(self, query: Select[Any], scope: Scope) -> Select[Any]:
        """Join the owner, their team and the account, and keep the living records in scope."""
        query = query.select_from(self.model)
        if self._place is not self.model:
            query = query.outerjoin(Account, Account.id == self.model.account_id)
        query = query.outerjoin(Rep, Rep.id == self.model.owner_id).outerjoin(Team, Team.id == Rep.team_id)
        return query.where(*self._conditions(scope))

    def logged(self, query: Select[Any], scope: Scope) -> Select[Any]:
        """Do as ``within``, and join the log entries of each record."""
        of_record = (ChangeLog.entity == self.entity) & (ChangeLog.entity_id == self.model.id)
        return self.within(query, scope).join(ChangeLog, of_record)

    def _conditions(self, scope: Scope) -> list[ColumnElement[bool]]:
        found = [self.model.deleted_at.is_(None)]
        if "merged_into" in FIELDS[self.entity]:
            found.append(self.model.merged_into.is_(None))
        if scope.open_only and self.entity in _CLOSED:
            field, closed = _CLOSED[self.entity]
            found.append(getattr(self.model, field).not_in(closed))
        if scope.rep_ids is not None:
            found.append(self.model.owner_id.in_(scope.rep_ids))
        if scope.team_ids is not None:
            found.append(Rep.team_id.in_(scope.team_ids))
        if scope.region is not None:
            places = (self.region, Rep.region, Team.region)
            found.append(or_(*(place == scope.region for place in places)))
        return found

    def _filled(self, name: str) -> ColumnElement[bool]:
        column = getattr(self.model, name)
        if FIELDS[self.entity][name].kind == "string":
            return and_(column.is_not(None), func.trim(column) != "")
        filled: ColumnElement[bool] = column.is_not(None)
        return filled


def flag_of(name: str) -> str:
    """Return the column that tells whether a field is filled."""
    return f"has_{name}"


def _ungated() -> ColumnElement[bool]:
    """Return whether a deal stands in a stage that was set past its gate: by an import, mostly."""
    setter = (
        select(ChangeLog.actor)
        .where(
            ChangeLog.entity == "opportunity",
            ChangeLog.entity_id == Opportunity.id,
            ChangeLog.changes[("stage", 1)].as_string().is_not(None),
        )
        .order_by(ChangeLog.version.desc())
        .limit(1)
        .correlate(Opportunity)
        .scalar_subquery()
    )
    gated = or_(*(setter.startswith(way) for way in _GATED_WAYS))
    return and_(Opportunity.stage.not_in((ORDER[0], LOST)), not_(gated))
