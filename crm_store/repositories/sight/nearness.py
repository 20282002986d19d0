"""How near a row is to a viewer, told twice and alike: as a condition of a query, and of values in hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    TableClause,
    and_,
    false,
    or_,
    select,
    table,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from crm_store.domain.policy import BELONGING, SCORED, WIDTH, Belonging, Relation, Rows, Viewer, rows_for
from crm_store.models import (
    ApiKey,
    Base,
    ChangeLog,
    ConnectorState,
    CurrentScore,
    Definition,
    DuplicatePair,
    ImportJob,
    MergeLog,
    Rep,
    ScoreLog,
    Submission,
    Team,
    Territory,
    WebhookEndpoint,
)
from crm_store.repositories.fields import FACTS, RECORDS

RESOURCE_OF: dict[type[Any], str] = {model: name for name, model in (RECORDS | FACTS).items()} | {
    CurrentScore: "score",
    ScoreLog: "score",
    ChangeLog: "change_log",
    DuplicatePair: "duplicate_pair",
    MergeLog: "merge_log",
    Submission: "submission",
    ImportJob: "import_job",
    Definition: "definition",
    ApiKey: "api_key",
    WebhookEndpoint: "webhook_endpoint",
    ConnectorState: "connector",
}
"""Table → the resource of the policy that its rows are. Rows of any other table are nobody's to see."""

# Parameters in one statement: SQLite allows 32,766 and PostgreSQL 65,535.
_IDS_PER_QUERY = 10_000


@dataclass(frozen=True)
class Asked:
    """What a statement asks for, as far as it decides how its rows are found fastest; never which they are.

    ``living``: no deleted rows, hence none that was merged into another. ``in_order``: the first rows in the
    order of an index, so that few are looked at.
    """

    living: bool = False
    in_order: bool = False


ANYTHING = Asked()


@dataclass(frozen=True)
class Reach:
    """Whose rows and which places are near a viewer, as of when it was read, in which kind of store."""

    store: str
    own: frozenset[str] = frozenset()
    team: frozenset[str] = frozenset()
    region: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    def owners(self, rows: Rows) -> frozenset[str]:
        """Return the salespeople whose rows are within ``rows``."""
        width = WIDTH[rows]
        found = self.own if width >= WIDTH["own"] else frozenset()
        found |= self.team if width >= WIDTH["team"] else frozenset()
        return found | (self.region if width >= WIDTH["region"] else frozenset())

    def nearest(self, owner: str | None, place: str | None) -> Relation:
        """Return how near a row of this owner, in this place, is by itself."""
        if owner in self.own:
            return "own"
        if owner in self.team:
            return "team"
        return "region" if owner in self.region or place in self.places else "all"


def reach_of(session: Session, viewer: Viewer) -> Reach:
    """Return the reach of a viewer. A region's places are itself and the territories of its teams."""
    store = session.get_bind().dialect.name
    own = frozenset() if viewer.rep_id is None else frozenset({viewer.rep_id})
    team: frozenset[str] = frozenset()
    region: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    if viewer.team_id is not None:
        team = frozenset(session.scalars(select(Rep.id).where(Rep.team_id == viewer.team_id)))
    if viewer.region is not None:
        of_region = select(Rep.id).outerjoin(Team, Team.id == Rep.team_id)
        of_region = of_region.where((Rep.region == viewer.region) | (Team.region == viewer.region))
        region = frozenset(session.scalars(of_region))
        ground = select(Territory.region).join(Team, Team.id == Territory.team_id)
        ground = ground.where(Team.region == viewer.region, Territory.region.is_not(None))
        places = frozenset({viewer.region, *filter(None, session.scalars(ground))})
    return Reach(store, own, team, region, places)


def condition(
    viewer: Viewer, reach: Reach, resource: str, columns: Any, asked: Asked = ANYTHING
) -> ColumnElement[bool]:
    """Return what rows must meet for the viewer to read them; ``columns`` is the table's, or its class.

    Deny by default: the condition of a resource that the policy does not know is false.
    """
    rows = rows_for(viewer, resource, "read")
    if rows == "none":
        return false()
    if resource in BELONGING:
        return _belonging(reach, resource, rows, columns, asked)
    if resource == "score":
        return _about(viewer, reach, SCORED.items(), columns.model, columns.entity_id)
    if resource == "change_log":
        kinds = [(name, name) for name in RECORDS]
        return _about(viewer, reach, kinds, columns.entity, columns.entity_id)
    if resource == "duplicate_pair":
        return _both(viewer, reach, columns, columns.left_id, columns.right_id)
    if resource == "merge_log":
        return _both(viewer, reach, columns, columns.survivor_id, columns.merged_id)
    return true() if rows == "all" else false()


def within(session: Session, reach: Reach, resource: str, ids: Iterable[str], rows: Rows) -> set[str]:
    """Return those of ``ids`` that exist and lie within ``rows``; ``session`` sees the whole store."""
    listed, found = list(ids), set[str]()
    for start in range(0, len(listed), _IDS_PER_QUERY):
        some = _ids(reach, resource, rows)
        column = some.selected_columns
        found |= set(session.scalars(some.where(column.id.in_(listed[start : start + _IDS_PER_QUERY]))))
    return found


def relations(
    session: Session,
    reach: Reach,
    resource: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    alone: bool = False,
) -> list[Relation]:
    """Return how near each row is, by its own values and by the records it is about (not if ``alone``)."""
    belonging = BELONGING[resource]
    found = [_alone(reach, belonging, row) for row in rows]
    for column, parent in ({} if alone else belonging.parents).items():
        ids = {row[column] for row in rows if row.get(column) is not None}
        near = _parents(session, reach, parent, ids, alone=parent == resource)
        found = [
            min(relation, near.get(row.get(column) or "", "all"), key=WIDTH.__getitem__)
            for relation, row in zip(found, rows, strict=True)
        ]
    return found


def values_of(record: Any) -> dict[str, Any]:
    """Return a record's columns by name; a mapping is taken as it is."""
    if isinstance(record, Mapping):
        return dict(record)
    return {column.name: getattr(record, column.name) for column in record.__table__.columns}


def _alone(reach: Reach, belonging: Belonging, row: Mapping[str, Any]) -> Relation:
    owner = None if belonging.owner is None else row.get(belonging.owner)
    return reach.nearest(owner, None if belonging.place is None else row.get(belonging.place))


def _parents(
    session: Session, reach: Reach, resource: str, ids: set[str], *, alone: bool
) -> dict[str, Relation]:
    if not ids:
        return {}
    belonging, source = BELONGING[resource], _table(resource, reach.store)
    names = dict.fromkeys(
        name for name in ("id", belonging.owner, belonging.place, *belonging.parents) if name
    )
    query = select(*(source.c[name] for name in names)).where(source.c.id.in_(ids))
    rows = [dict(row) for row in session.execute(query).mappings()]
    near = relations(session, reach, resource, rows, alone=alone)
    return {row["id"]: relation for row, relation in zip(rows, near, strict=True)}


def _belonging(
    reach: Reach, resource: str, rows: Rows, columns: Any, asked: Asked = ANYTHING, *, alone: bool = False
) -> ColumnElement[bool]:
    if rows == "all":
        return true()
    parents = {
        column: parent
        for column, parent in BELONGING[resource].parents.items()
        if not (parent == resource and (alone or asked.living))
    }
    if alone or not parents:
        return or_(false(), *_by_itself(reach, resource, rows, columns))
    if reach.store == "postgresql" and (rows == "own" or not asked.in_order):
        return _among(reach, resource, rows, columns, parents)
    ways = _by_itself(reach, resource, rows, columns)
    for column, parent in parents.items():
        theirs = _ids(reach, parent, rows, alone=parent == resource)
        ways.append(_refers_to(reach, rows, getattr(columns, column), theirs))
    return or_(false(), *ways)


def _by_itself(reach: Reach, resource: str, rows: Rows, columns: Any) -> list[ColumnElement[bool]]:
    """Return the ways in which a row is within ``rows`` by its own values."""
    belonging, owners = BELONGING[resource], reach.owners(rows)
    ways: list[ColumnElement[bool]] = []
    if belonging.owner is not None and owners:
        ways.append(_one_of(getattr(columns, belonging.owner), owners))
    if belonging.place is not None and rows == "region":
        ways.append(_one_of(getattr(columns, belonging.place), reach.places))
    return ways


def _among(
    reach: Reach, resource: str, rows: Rows, columns: Any, parents: Mapping[str, str]
) -> ColumnElement[bool]:
    """Return the condition that a row is among those found one way or another, each by its own index.

    PostgreSQL has no index for "by this, or by one of those": it would ask each row of the table, and each by
    reading a list from its start once that outgrows its memory.
    """
    source = _table(resource, reach.store).alias()
    ways = _by_itself(reach, resource, rows, source.c)
    for column, parent in parents.items():
        ways.append(source.c[column].in_(_ids(reach, parent, rows, alone=parent == resource)))
    ids = (select(source.c.id).where(way).correlate(None) for way in ways)
    return columns.id.in_(union_all(*ids))  # type: ignore[no-any-return]


def _refers_to(reach: Reach, rows: Rows, column: Any, theirs: Select[Any]) -> ColumnElement[bool]:
    """Return the condition that a row refers to one of ``theirs``.

    A narrow set is listed, so that an index leads to its few rows. A wide one is better asked row by row: a
    page needs few answers, and listing thousands of ids takes longer.
    """
    on_sqlite = reach.store == "sqlite"
    if on_sqlite and rows != "region":
        return column.in_(theirs)  # type: ignore[no-any-return]
    source = theirs.get_final_froms()[0]
    one = theirs.where(theirs.selected_columns.id == column).correlate_except(source)
    # PostgreSQL makes a list of EXISTS, and never of a value.
    return one.exists() if on_sqlite else one.with_only_columns(true()).scalar_subquery()


def _one_of(column: Any, values: frozenset[str]) -> ColumnElement[bool]:
    # Equality lets the store walk an index in order, which a list of one does not always.
    condition: ColumnElement[bool] = (
        column == next(iter(values)) if len(values) == 1 else column.in_(sorted(values))
    )
    return condition


def _about(
    viewer: Viewer, reach: Reach, kinds: Iterable[tuple[str, str]], kind: Any, record_id: Any
) -> ColumnElement[bool]:
    """Return the condition that a row is about a record that the viewer may read."""
    whole: list[str] = []
    ways: list[ColumnElement[bool]] = []
    for value, resource in kinds:
        rows = rows_for(viewer, resource, "read")
        if rows == "all":
            whole.append(value)
        elif rows != "none":
            ways.append(and_(kind == value, record_id.in_(_ids(reach, resource, rows))))
    return or_(kind.in_(whole) if whole else false(), *ways)


def _both(viewer: Viewer, reach: Reach, columns: Any, *sides: Any) -> ColumnElement[bool]:
    """Return the condition that the viewer may read both of two records."""
    kinds = [(name, name) for name in RECORDS]
    return and_(*(_about(viewer, reach, kinds, columns.entity, side) for side in sides))


def _ids(reach: Reach, resource: str, rows: Rows, *, alone: bool = False) -> Select[Any]:
    """Return the query of the ids within ``rows``."""
    # Under a name of its own, as the query around it may be about the same table.
    source = _table(resource, reach.store).alias()
    belonging = _belonging(reach, resource, rows, source.c, alone=alone)
    return select(source.c.id).where(belonging).correlate(None)


@cache
def real_table(name: str, store: str) -> TableClause:
    """Return a table by the one name that nothing shadows; ``store`` is the dialect's name."""
    columns = (Column(column.name, column.type) for column in Base.metadata.tables[name].columns)
    return table(name, *columns, schema="main" if store == "sqlite" else None)


def _table(resource: str, store: str) -> TableClause:
    model: Any = (RECORDS | FACTS)[resource]
    return real_table(model.__tablename__, store)
