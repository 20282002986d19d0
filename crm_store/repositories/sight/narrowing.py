"""A session that shows a viewer their rows and no others, whatever query runs in it. It only reads.

Every table in a statement is shadowed: ``WITH lead AS (SELECT … FROM lead WHERE <theirs>)`` stands before it,
and the database itself resolves each mention of the name, in joins, aliases and subqueries, to those rows.
So no query can forget. What such a name cannot reach (SQL text, a connection, a write) is refused, and so is
a masked field anywhere but in plain sight: sorted, filtered or counted by, it would tell what its mask hides.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NoReturn

from sqlalchemy import CTE, Alias, Column, CompoundSelect, Select, Table, event, select
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnClause, Label, TextClause
from sqlalchemy.sql.selectable import TableClause, TextualSelect

from crm_store.domain.policy import BELONGING, Viewer, clear_fields
from crm_store.repositories.sight.nearness import (
    ANYTHING,
    RESOURCE_OF,
    Asked,
    Reach,
    condition,
    reach_of,
    real_table,
)

Selected = Select[Any] | CompoundSelect[Any]
ASKED = "asked"
"""Execution option: what a statement asks for (``Asked``), if that is known."""

_RESOURCE_OF_TABLE = {model.__tablename__: resource for model, resource in RESOURCE_OF.items()}


class NotSeenThrough(RuntimeError):
    """A query that a viewer's sight cannot narrow. It is a mistake of the program, never of the viewer."""


class SightSession(Session):
    """A session in the eyes of ``viewer``, within the transaction of ``whole``, which sees every row."""

    def __init__(self, viewer: Viewer, whole: Session) -> None:
        super().__init__(bind=whole.connection(), autoflush=False, expire_on_commit=False)
        self.viewer = viewer
        self.whole = whole
        self._shadows: dict[tuple[str, Asked], CTE] = {}
        self._clear: dict[str, frozenset[str]] = {}

    @cached_property
    def reach(self) -> Reach:
        """Whose rows are near, as of this transaction."""
        return reach_of(self.whole, self.viewer)

    def connection(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: what runs below the session is not narrowed."""
        raise NotSeenThrough("a connection shows every row; use the session, or its whole")

    def shadow_of(self, name: str, asked: Asked = ANYTHING) -> CTE:
        """Return what stands for a table: its rows that the viewer may see, under its name."""
        if (name, asked) not in self._shadows:
            real = real_table(name, self.reach.store)
            theirs = condition(self.viewer, self.reach, _RESOURCE_OF_TABLE.get(name, ""), real.c, asked)
            # Left to themselves, both stores would copy the rows of a name that is mentioned twice.
            shadow = select(*real.c).where(theirs).cte(name).prefix_with("NOT MATERIALIZED")
            self._shadows[name, asked] = shadow
        return self._shadows[name, asked]

    def may_use(self, name: str, field: str) -> bool:
        """Tell whether queries may sort, filter and count by a field of a table."""
        resource = _RESOURCE_OF_TABLE.get(name, "")
        if resource not in BELONGING:
            return True
        if resource not in self._clear:
            self._clear[resource] = clear_fields(self.viewer, resource)
        return field in self._clear[resource]


@event.listens_for(SightSession, "do_orm_execute")
def _narrow(state: ORMExecuteState) -> None:
    session, statement = state.session, state.statement
    assert isinstance(session, SightSession)  # noqa: S101 - listened to for this class
    if not isinstance(statement, Select | CompoundSelect):
        raise NotSeenThrough("only selects can be narrowed")
    names = _tables(statement)
    for column in _used(statement):
        name = _table_of(column).name
        if not session.may_use(name, column.key):
            raise NotSeenThrough(f"{name}.{column.key} is masked: a query must not depend on it")
    asked = state.execution_options.get(ASKED, ANYTHING)
    state.statement = statement.add_cte(*(session.shadow_of(name, asked) for name in sorted(names)))


@event.listens_for(SightSession, "before_flush")
def _refuse(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    if session.new or session.deleted or any(session.is_modified(changed) for changed in session.dirty):
        raise NotSeenThrough("a viewer's session only reads; write through its whole, after can_write")


def _tables(statement: Selected) -> set[str]:
    """Return the name of every table in a statement. Raises NotSeenThrough where names may hide."""
    found: set[str] = set()
    for part in visitors.iterate(statement):
        if isinstance(part, Table):
            found.add(part.name)
        elif isinstance(part, Column):
            source = _table_of(part)
            found |= {source.name} if isinstance(source, Table) else set()
        elif isinstance(part, ColumnClause):
            if part.is_literal and part.name != "*":
                raise NotSeenThrough("literal SQL cannot be narrowed")
        elif isinstance(part, TextClause | TextualSelect | TableClause):
            raise NotSeenThrough("text cannot be narrowed; use the mapped classes")
    return found


def _used(statement: Selected) -> Iterator[Any]:
    """Yield the columns that a statement depends on, in another way than showing them as they are."""
    shown = [] if isinstance(statement, CompoundSelect) else list(statement._raw_columns)
    for part in statement.get_children():
        at = next((at for at, column in enumerate(shown) if column is part), None)
        column = None if at is None else shown.pop(at)  # what it is sorted by may be the same object
        plain = column.element if isinstance(column, Label) else column
        if not isinstance(plain, ColumnClause | Table | Alias):
            yield from _columns_in(part)


def _columns_in(element: Any) -> Iterator[Any]:
    for part in visitors.iterate(element):
        if isinstance(part, Column) and isinstance(_table_of(part), Table):
            yield part


def _table_of(column: Any) -> Any:
    """Return the table behind a column, also behind that of an alias."""
    source = column.table
    while isinstance(source, Alias):
        source = source.element
    return source
