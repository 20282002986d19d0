"""The policy itself: role × resource × rows × operations, the sensitive fields, and whose a row is.

Data only, to be read aloud in a review. What no line allows is not allowed; ``policy`` answers by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Rows = Literal["none", "own", "team", "region", "all"]
"""Which rows, from none to all; each includes those before it."""
Relation = Literal["own", "team", "region", "all"]
"""How near a row is to a viewer: their own, their team's, their region's, or anybody's."""
Operation = Literal["read", "score", "create", "update", "delete", "merge", "export"]
Shown = Literal["clear", "masked", "hidden"]


@dataclass(frozen=True)
class Grant:
    """One line of the policy: these roles may do this to these rows of these resources, because …"""

    roles: tuple[str, ...]
    resources: tuple[str, ...]
    rows: Rows
    operations: tuple[Operation, ...]
    because: str


PEOPLE = ("rep", "lead", "manager", "operations", "scientist", "admin")
EVERYONE = (*PEOPLE, "service")

CUSTOMERS = ("lead", "account", "contact", "opportunity", "ticket", "contract", "delivery", "device")
PAPERS = ("contact_relation", "role_change", "evidence", "document", "task")
FACTS = ("activity", "order_snapshot")
BUSINESS = (*CUSTOMERS, *PAPERS, *FACTS)
TRACES = ("change_log", "score", "duplicate_pair", "merge_log")
SETUP = ("product", "campaign", "territory", "team", "rep")

LOOK: tuple[Operation, ...] = ("read", "score")
WORK: tuple[Operation, ...] = ("read", "score", "create", "update")
RUN: tuple[Operation, ...] = (*WORK, "delete", "merge", "export")
KEEP: tuple[Operation, ...] = ("read", "create", "update", "delete", "export")

POLICY: tuple[Grant, ...] = (
    # A salesperson.
    Grant(("rep",), CUSTOMERS, "own", WORK, "They work their own customers; a list that leaves is a theft."),
    Grant(("rep",), PAPERS, "own", (*WORK, "delete"), "Working papers of their customers are theirs."),
    Grant(("rep",), ("activity",), "own", ("read", "create"), "They enter what happened; nobody edits it."),
    Grant(("rep",), ("order_snapshot",), "own", ("read",), "Orders come from the ERP."),
    Grant(("rep",), TRACES, "own", ("read",), "Scores, history and duplicates of what they may see."),
    Grant(("rep",), ("leave",), "own", KEEP, "They enter their own absence."),
    Grant(("rep",), ("report",), "own", ("read",), "How complete and how prompt their own entries are."),
    # The lead of a team.
    Grant(("lead",), CUSTOMERS, "team", RUN, "They answer for the team's customers and hand them over."),
    Grant(("lead",), PAPERS, "team", RUN, "The same, for the papers."),
    Grant(("lead",), ("activity",), "team", ("read", "create", "export"), "Facts are added, never changed."),
    Grant(("lead",), ("order_snapshot",), "team", ("read", "export"), "Orders come from the ERP."),
    Grant(("lead",), TRACES, "team", ("read", "export"), "To see why a score or a record changed."),
    Grant(("lead",), ("duplicate_pair", "merge_log"), "team", ("update", "merge"), "They settle duplicates."),
    Grant(("lead",), ("leave",), "team", KEEP, "They approve the team's absences."),
    Grant(("lead",), ("report",), "team", ("read", "export"), "The team's data discipline."),
    # A sales manager.
    Grant(("manager",), CUSTOMERS, "region", RUN, "They answer for a region, or for all of it."),
    Grant(("manager",), PAPERS, "region", RUN, "The same, for the papers."),
    Grant(("manager",), ("activity",), "region", ("read", "create", "export"), "Facts are only added."),
    Grant(("manager",), ("order_snapshot",), "region", ("read", "export"), "Orders come from the ERP."),
    Grant(("manager",), TRACES, "region", ("read", "export"), "To see why a score or a record changed."),
    Grant(("manager",), ("duplicate_pair", "merge_log"), "region", ("update", "merge"), "As team leads do."),
    Grant(("manager",), ("leave",), "region", KEEP, "They approve absences."),
    Grant(("manager",), ("report",), "region", ("read", "export"), "The weekly brief and the heat map."),
    Grant(("manager",), SETUP, "all", KEEP, "They arrange teams, ground, products and campaigns."),
    # Sales operations.
    Grant(("operations",), CUSTOMERS, "all", RUN, "They keep the records in order for everybody."),
    Grant(("operations",), PAPERS, "all", RUN, "The same, for the papers."),
    Grant(("operations",), ("activity",), "all", ("read", "create", "export"), "Facts are only added."),
    Grant(("operations",), ("order_snapshot",), "all", ("read", "create", "export"), "They run connectors."),
    Grant(("operations",), TRACES, "all", ("read", "export"), "The audit trail is checked by them."),
    Grant(("operations",), ("duplicate_pair", "merge_log"), "all", ("update", "merge"), "The cleaning."),
    Grant(("operations",), (*SETUP, "leave"), "all", KEEP, "They maintain the setup."),
    Grant(
        ("operations",),
        ("submission",),
        "all",
        ("read", "create", "update"),
        "Bad submissions wait for them.",
    ),
    Grant(
        ("operations",),
        ("import_job", "definition", "connector"),
        "all",
        KEEP,
        "Imports and rules are theirs.",
    ),
    Grant(("operations",), ("report",), "all", ("read", "export"), "Data health of the house."),
    # A data scientist: everything, nothing in the clear, no pen.
    Grant(("scientist",), (*BUSINESS, *TRACES), "all", ("read", "score", "export"), "Models need all rows."),
    Grant(("scientist",), ("leave", "report"), "all", ("read", "export"), "Capacity is a feature."),
    # A program of the house, each operation by its scope.
    Grant(("service",), (*CUSTOMERS, *PAPERS), "all", RUN, "The CRM keeps itself in step."),
    Grant(("service",), FACTS, "all", ("read", "create", "export"), "Facts are only added."),
    Grant(("service",), TRACES, "all", ("read", "update", "merge", "export"), "Feeds and cleaning jobs."),
    Grant(("service",), (*SETUP, "leave"), "all", KEEP, "HR and ERP keep the setup in step."),
    Grant(("service",), ("submission",), "all", ("read", "create", "update"), "Forms and webhooks."),
    Grant(("service",), ("import_job", "connector"), "all", KEEP, "Scheduled imports."),
    Grant(
        ("service",), ("definition", "report"), "all", ("read", "export"), "To map fields by their meaning."
    ),
    # An administrator: everything, and who comes in.
    Grant(("admin",), (*CUSTOMERS, *PAPERS), "all", RUN, "Somebody must be able to repair anything."),
    Grant(("admin",), FACTS, "all", ("read", "create", "export"), "Not even they change a fact."),
    Grant(("admin",), TRACES, "all", ("read", "update", "merge", "export"), "The audit trail."),
    Grant(
        ("admin",), (*SETUP, "leave", "import_job", "definition", "connector"), "all", KEEP, "As operations."
    ),
    Grant(("admin",), ("submission",), "all", ("read", "create", "update"), "As operations."),
    Grant(("admin",), ("report",), "all", ("read", "export"), "As operations."),
    Grant(("admin", "service"), ("user", "api_key", "webhook_endpoint"), "all", KEEP, "Who comes in."),
    # What every colleague may know.
    Grant(
        PEOPLE, (*SETUP, "leave", "definition"), "all", ("read",), "Nobody can plan around a secret setup."
    ),
    Grant(PEOPLE, ("user",), "all", ("read",), "Names and roles of colleagues; the rest is hidden below."),
)


@dataclass(frozen=True)
class Sensitive:
    """Who sees a class of fields in the clear, on rows up to how far away; the rest get ``otherwise``."""

    clear: Mapping[str, Relation]
    otherwise: Shown
    because: str


_REACH: Mapping[str, Relation] = {"rep": "own", "lead": "own", "manager": "own", "service": "all"}
_REACHING = "Only who works with a person needs to reach them; anybody else sees enough to recognise."
_KNOWING: Mapping[str, Relation] = dict.fromkeys(
    ("rep", "lead", "manager", "operations", "service", "admin"), "all"
)

SENSITIVE: Mapping[str, Sensitive] = {
    "phone": Sensitive(_REACH, "masked", _REACHING),
    "email": Sensitive(_REACH, "masked", _REACHING),
    "wechat": Sensitive(_REACH, "masked", _REACHING),
    "address": Sensitive(_REACH, "masked", _REACHING),
    "text": Sensitive(_REACH, "masked", "People write phones and addresses into texts: those are starred."),
    "told": Sensitive(_REACH, "masked", "Reasons repeat values of fields: the same stars."),
    "name": Sensitive(_KNOWING, "masked", "Models need no names of people."),
    "budget": Sensitive(
        {"rep": "own", "lead": "team", "manager": "all", "operations": "all", "service": "all"},
        "masked",
        "What a customer can spend is for who sells to them and who answers for it.",
    ),
    "absence": Sensitive(
        {
            "rep": "own",
            "lead": "team",
            "manager": "all",
            "operations": "all",
            "service": "all",
            "admin": "all",
        },
        "hidden",
        "That somebody is away is for all to know; why, for who approves it.",
    ),
    "account": Sensitive({"admin": "all", "service": "all"}, "hidden", "Accounts are an administrator's."),
    "raw": Sensitive(
        {"operations": "all", "service": "all"}, "hidden", "To correct what was sent, one must read it."
    ),
}


@dataclass(frozen=True)
class Belonging:
    """How a row comes to be somebody's: its owner, the place it lies in, the records that it is about."""

    owner: str | None = "owner_id"
    place: str | None = None
    parents: Mapping[str, str] = field(default_factory=dict)


_OF_ACCOUNT = Belonging(parents={"account_id": "account"})

BELONGING: Mapping[str, Belonging] = {
    "lead": Belonging(place="region", parents={"merged_into": "lead"}),
    "account": Belonging(place="region", parents={"merged_into": "account"}),
    "contact": _OF_ACCOUNT,
    "contact_relation": _OF_ACCOUNT,
    "role_change": _OF_ACCOUNT,
    "opportunity": Belonging(parents={"account_id": "account", "lead_id": "lead"}),
    "evidence": Belonging(parents={"opportunity_id": "opportunity"}),
    "task": Belonging(parents={"account_id": "account", "lead_id": "lead", "opportunity_id": "opportunity"}),
    "ticket": _OF_ACCOUNT,
    "contract": _OF_ACCOUNT,
    "delivery": _OF_ACCOUNT,
    "document": _OF_ACCOUNT,
    "device": _OF_ACCOUNT,
    "activity": Belonging(owner="rep_id", parents={"account_id": "account", "lead_id": "lead"}),
    "order_snapshot": Belonging(owner=None, parents={"account_id": "account"}),
    "leave": Belonging(owner="rep_id"),
    "campaign": Belonging(),
    "product": Belonging(),
    "territory": Belonging(place="region"),
    "team": Belonging(place="region"),
    "rep": Belonging(owner="id", place="region"),
    "user": Belonging(owner="rep_id"),
}
"""A row that none of these makes somebody's is seen only by who sees all. What was merged into another record
belongs with it, one step deep."""
SCORED: Mapping[str, str] = {"lead_health": "lead", "account_churn": "account"}
"""Model → the kind of record that its scores are of. Scores of other models are shown to nobody."""
