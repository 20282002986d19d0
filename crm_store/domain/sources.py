"""The tables that features are computed from: what each row says, when it happened and when it was known.

The record store writes them (``repositories.event_log``) and the feature engines read them; both take
names and types from here. Every row carries ``record_id`` (the raw record behind it), ``occurred_at`` and
``recorded_at``; at a moment t only rows with ``recorded_at <= t`` exist, and of those that carry
``known_until`` only the ones with ``t < known_until``: a corrected entry, an order's earlier state, or a row
that came by a merge which was undone.
"""

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["string", "float", "moment"]

KNOWN_UNTIL = "known_until"

_COMMON: dict[str, ColumnType] = {"record_id": "string", "occurred_at": "moment", "recorded_at": "moment"}


@dataclass(frozen=True)
class SourceTable:
    """One table: ``keys`` are the columns an entity can be found by. Numbers are floats, flags 0.0 or 1.0."""

    name: str
    keys: tuple[str, ...]
    values: dict[str, ColumnType]

    @property
    def columns(self) -> dict[str, ColumnType]:
        """Every column and its type, the common ones first."""
        return _COMMON | dict.fromkeys(self.keys, "string") | self.values


# States: one row for every version of a record, all fields as they stood after that write.
# occurred_at equals recorded_at; ``version`` counts from 1 and orders ties.
LEAD_STATES = SourceTable(
    "lead_states",
    ("lead_id",),
    {
        "version": "float",
        "status": "string",
        "owner_id": "string",
        "account_id": "string",
        "channel": "string",
        "campaign": "string",
        "industry": "string",
        "region": "string",
        "city": "string",
        "need": "string",
        "title": "string",
        "expected_volume": "float",
        "has_company": "float",
        "has_phone": "float",
        "has_contact_name": "float",
        "created_at": "moment",
        "closed_at": "moment",
    },
)
ACCOUNT_STATES = SourceTable(
    "account_states",
    ("account_id",),
    {
        "version": "float",
        "owner_id": "string",
        "industry": "string",
        "region": "string",
        "city": "string",
        "tier": "string",
        "employees": "float",
        "annual_amount": "float",
        "created_at": "moment",
    },
)
# Facts: one row each.
ACTIVITIES = SourceTable(
    "activities",
    ("lead_id", "account_id", "rep_id"),
    {
        "channel": "string",
        "direction": "string",
        "duration_s": "float",
        "text": "string",
        KNOWN_UNTIL: "moment",
    },
)
ORDERS = SourceTable(
    "orders",
    ("account_id",),
    {"amount": "float", "quantity": "float", "freight": "float", "product": "string", KNOWN_UNTIL: "moment"},
)
# Events read off record histories. event: opened | answered | resolved | rated; the hours and the
# satisfaction stand on the event that made them known: ``answered`` carries response_h, ``rated`` carries
# satisfaction.
TICKET_EVENTS = SourceTable(
    "ticket_events",
    ("account_id",),
    {
        "ticket_id": "string",
        "event": "string",
        "category": "string",
        "response_h": "float",
        "satisfaction": "float",
        KNOWN_UNTIL: "moment",
    },
)
# event: signed | renewed | lapsed
CONTRACT_EVENTS = SourceTable(
    "contract_events",
    ("account_id",),
    {
        "contract_id": "string",
        "event": "string",
        "product_line": "string",
        "amount": "float",
        "start_at": "moment",
        "end_at": "moment",
        KNOWN_UNTIL: "moment",
    },
)
# The flow of leads by campaign, by channel and over all (market is always "all").
# event: arrived | won; days_to_win stands on ``won``.
LEAD_FLOW = SourceTable(
    "lead_flow",
    ("campaign", "channel", "market"),
    {"lead_id": "string", "event": "string", "days_to_win": "float"},
)

REP_STATES = SourceTable(
    "rep_states",
    ("rep_id",),
    {
        "version": "float",
        "team_id": "string",
        "region": "string",
        "hired_at": "moment",
        "created_at": "moment",
    },
)
# What became of the leads in a rep's hands. A stint is one lead with one owner, from ``assigned`` until the
# first of ``released`` | ``won`` | ``lost``; ``contacted`` carries the hours since the assignment.
REP_EVENTS = SourceTable(
    "rep_events",
    ("rep_id",),
    {
        "lead_id": "string",
        "stint_id": "string",
        "event": "string",
        "hours": "float",
        KNOWN_UNTIL: "moment",
    },
)
# The same by a rep and one value of the lead's, as it stood when the stint began: fit_id is
# ``rep|field|value``. event: assigned | won, and for the lead itself and its account contacted.
FIT_EVENTS = SourceTable(
    "fit_events", ("fit_id",), {"lead_id": "string", "event": "string", KNOWN_UNTIL: "moment"}
)
# Absence as it was planned at the time: a booking is ``cancelled`` when it is moved or withdrawn.
LEAVE_EVENTS = SourceTable(
    "leave_events",
    ("rep_id",),
    {
        "leave_id": "string",
        "booking_id": "string",
        "event": "string",
        "start_at": "moment",
        "end_at": "moment",
        KNOWN_UNTIL: "moment",
    },
)

SOURCES: dict[str, SourceTable] = {
    table.name: table
    for table in (
        LEAD_STATES,
        ACCOUNT_STATES,
        ACTIVITIES,
        ORDERS,
        TICKET_EVENTS,
        CONTRACT_EVENTS,
        LEAD_FLOW,
        REP_STATES,
        REP_EVENTS,
        FIT_EVENTS,
        LEAVE_EVENTS,
    )
}
