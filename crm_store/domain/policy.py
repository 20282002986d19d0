"""Who sees what and who may do what: answers by the table in ``policy_table``. Pure; repositories enforce it.

Nothing is allowed that no line of the table allows: an unknown role, resource, field or operation gets
nothing. A key narrows what its role may do to its scopes, and never widens it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from crm_store.domain.field_classes import CLASSES, PLAIN
from crm_store.domain.policy_table import (
    BELONGING,
    EVERYONE,
    POLICY,
    SCORED,
    SENSITIVE,
    Belonging,
    Grant,
    Operation,
    Relation,
    Rows,
    Shown,
)

__all__ = [
    "BELONGING",
    "CLASSES",
    "EVERY_SCOPE",
    "POLICY",
    "RESOURCES",
    "SCOPES",
    "SCORED",
    "SENSITIVE",
    "WIDTH",
    "Belonging",
    "Operation",
    "Relation",
    "Rows",
    "Shown",
    "Viewer",
    "clear_fields",
    "field_rule",
    "rows_for",
    "scope_for",
]

WIDTH: Mapping[str, int] = {rows: width for width, rows in enumerate(get_args(Rows))}
SCOPES = ("score", "read", "write", "intake", "pii", "admin")
EVERY_SCOPE = frozenset(SCOPES)
_ACTOR_LENGTH = 80


@dataclass(frozen=True)
class Viewer:
    """Who looks: a person at the workbench, a person's key, or a program's key (no ``user_id``).

    ``team_id`` is the team of the salesperson they are; ``region`` narrows a manager, None is everywhere.
    """

    user_id: str | None
    name: str
    role: str
    rep_id: str | None = None
    team_id: str | None = None
    region: str | None = None
    scopes: frozenset[str] = field(default=EVERY_SCOPE)
    way: Literal["user", "api"] = "user"

    @property
    def actor(self) -> str:
        """How the change log names them."""
        return f"{self.way}:{self.name}"[:_ACTOR_LENGTH]

    def holds(self, scope: str) -> bool:
        """Tell whether they hold a scope. ``admin`` includes the others, but personal data must be named."""
        return scope in self.scopes or ("admin" in self.scopes and scope != "pii")


_SCOPE_OF: Mapping[Operation, str] = {
    "read": "read",
    "score": "score",
    "export": "read",
    "create": "write",
    "update": "write",
    "delete": "write",
    "merge": "write",
}
# Resources whose every operation needs another scope than the table above says.
_ADMINISTERED = ("user", "api_key", "webhook_endpoint")


# Of these a key sees nothing in the clear unless its scopes name personal data.
_PERSONAL = frozenset(SENSITIVE) - {"name", "absence", "account"}


def rows_for(viewer: Viewer, resource: str, operation: str) -> Rows:
    """Return which rows of a resource a viewer may do this to; ``none`` unless the table says more."""
    if operation not in _SCOPE_OF or not viewer.holds(scope_for(resource, operation)):
        return "none"
    if viewer.role == "service" and resource in _ADMINISTERED and "admin" not in viewer.scopes:
        return "none"
    granted = _GRANTED.get((viewer.role, resource, operation), "none")
    return _within_reach(viewer, granted)


def scope_for(resource: str, operation: Operation | str) -> str:
    """Return the scope that a key needs for this."""
    if resource in _ADMINISTERED and operation != "read":
        return "admin"
    if resource == "submission" and operation == "create":
        return "intake"
    return _SCOPE_OF[operation]  # type: ignore[index]


def field_rule(viewer: Viewer, resource: str, field: str, row_relation: Relation) -> Shown:
    """Return how a viewer sees a field of a row that is this near to them."""
    kind = CLASSES.get(resource, {}).get(field)
    if kind == PLAIN and viewer.role in EVERYONE:
        return "clear"
    rule = SENSITIVE.get(kind or "")
    if rule is None or viewer.role not in EVERYONE:
        return "hidden"
    far = rule.clear.get(viewer.role)
    personal = kind in _PERSONAL and "pii" not in viewer.scopes
    if far is not None and not personal and WIDTH[row_relation] <= WIDTH[far]:
        return "clear"
    return rule.otherwise


def clear_fields(viewer: Viewer, resource: str) -> frozenset[str]:
    """Return the fields a viewer sees in the clear on every row they may read: to sort and filter by.

    Any other field would tell by its order, or by what a filter finds, what its mask hides.
    """
    widest = rows_for(viewer, resource, "read")
    if widest == "none":
        return frozenset()
    return frozenset(
        name for name in CLASSES.get(resource, {}) if field_rule(viewer, resource, name, widest) == "clear"
    )


def _within_reach(viewer: Viewer, granted: Rows) -> Rows:
    """Narrow a grant to what can be said of this viewer: no region is everywhere, no team only themselves."""
    if granted == "region":
        return "all" if viewer.region is None else "region"
    if granted == "team" and viewer.team_id is None:
        granted = "own"
    if granted == "own" and viewer.rep_id is None:
        return "none"
    return granted


def _widest(grants: Iterable[Grant]) -> dict[tuple[str, str, str], Rows]:
    found: dict[tuple[str, str, str], Rows] = {}
    for grant in grants:
        for role in grant.roles:
            for resource in grant.resources:
                for operation in grant.operations:
                    key = (role, resource, operation)
                    if WIDTH[grant.rows] > WIDTH[found.get(key, "none")]:
                        found[key] = grant.rows
    return found


_GRANTED = _widest(POLICY)
RESOURCES = frozenset(resource for grant in POLICY for resource in grant.resources)
