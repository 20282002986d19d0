"""Which fields each kind of record has, what they hold, and how a value is checked and logged.

Derived from the models, so that a column added there is known here. ``id``, ``version`` and ``updated_at``
are the store's own bookkeeping and no fields.
"""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Boolean, Float, Integer, String
from sqlalchemy.orm import DeclarativeBase

from crm_store.models import (
    Account,
    Activity,
    Campaign,
    Contact,
    ContactRelation,
    Contract,
    Delivery,
    Device,
    Document,
    Evidence,
    Lead,
    Leave,
    Opportunity,
    OrderSnapshot,
    Product,
    Rep,
    RoleChange,
    Task,
    Team,
    Territory,
    Ticket,
    User,
    choices,
)
from crm_store.models.base import RecordMixin, UtcMoment, from_micros, to_micros
from crm_store.repositories import problems
from crm_store.repositories.problems import Problem, StoreError

Kind = Literal["string", "float", "integer", "boolean", "moment"]
Value = str | float | int | bool | datetime | None

RECORDS: dict[str, type[RecordMixin]] = {
    "lead": Lead,
    "account": Account,
    "contact": Contact,
    "contact_relation": ContactRelation,
    "role_change": RoleChange,
    "opportunity": Opportunity,
    "evidence": Evidence,
    "campaign": Campaign,
    "product": Product,
    "task": Task,
    "ticket": Ticket,
    "contract": Contract,
    "delivery": Delivery,
    "document": Document,
    "device": Device,
    "team": Team,
    "rep": Rep,
    "territory": Territory,
    "leave": Leave,
    "user": User,
}
FACTS: dict[str, type[Activity] | type[OrderSnapshot]] = {
    "activity": Activity,
    "order_snapshot": OrderSnapshot,
}
REFERENCES = {
    "owner_id": "rep",
    "rep_id": "rep",
    "account_id": "account",
    "parent_id": "account",
    "lead_id": "lead",
    "team_id": "team",
    "contact_id": "contact",
    "from_id": "contact",
    "to_id": "contact",
    "decision_maker_id": "contact",
    "opportunity_id": "opportunity",
    "contract_id": "contract",
    "product_id": "product",
    "device_id": "device",
    "document_id": "document",
    "activity_id": "activity",
    "corrects_id": "activity",
}
"""Field → the kind of record that it points to."""

_BOOKKEEPING = frozenset({"id", "version", "updated_at", "txid"})
_ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("lead", "status"): choices.LEAD_STATUSES,
    ("lead", "intake_state"): choices.INTAKE_STATES,
    ("account", "tier"): choices.TIERS,
    ("contact", "status"): choices.CONTACT_STATUSES,
    ("contact_relation", "kind"): choices.RELATION_KINDS,
    ("role_change", "status"): choices.ROLE_CHANGE_STATUSES,
    ("opportunity", "stage"): choices.OPPORTUNITY_STAGES,
    ("evidence", "kind"): choices.EVIDENCE_KINDS,
    ("campaign", "status"): choices.CAMPAIGN_STATUSES,
    ("task", "status"): choices.TASK_STATUSES,
    ("ticket", "status"): choices.TICKET_STATUSES,
    ("ticket", "priority"): choices.PRIORITIES,
    ("contract", "status"): choices.CONTRACT_STATUSES,
    ("delivery", "state"): choices.DELIVERY_STATES,
    ("document", "status"): choices.DOCUMENT_STATUSES,
    ("leave", "kind"): choices.LEAVE_KINDS,
    ("leave", "status"): choices.LEAVE_STATUSES,
    ("user", "role"): choices.ROLES,
    ("activity", "channel"): choices.CHANNELS,
    ("activity", "direction"): choices.DIRECTIONS,
    ("activity", "scene"): choices.SCENES,
}
_BOUNDS: dict[tuple[str, str], tuple[int, int]] = {
    ("contact", "weight"): (0, 100),
    ("contact_relation", "strength"): (0, 100),
    ("role_change", "confidence"): (0, 1),
    ("document", "revision"): (1, 10_000),
    ("device", "battery_health"): (0, 100),
    ("ticket", "satisfaction"): (1, 5),
}
# Terms: kinds of records that have a start and an end, which must come later.
_TERMS = frozenset({"contract", "leave"})


# What clocks in China can show: further on, a date without an end would break whatever shows it.
_EARLIEST, _LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, 16, tzinfo=UTC)


@dataclass(frozen=True)
class Field:
    """A field. ``max_length`` counts characters, ``bounds`` are inclusive, ``default`` is for new records."""

    name: str
    kind: Kind
    required: bool
    max_length: int | None
    allowed: tuple[str, ...] | None
    bounds: tuple[int, int] | None
    reference: str | None
    default: Value

    def check(self, value: Any) -> Value:
        """Return ``value`` as the field holds it. Raises StoreError when it cannot."""
        if value is None:
            return None
        plain: Value = _PLAIN[self.kind](value)
        if plain is None:
            raise StoreError(problems.wrong_type(self.name, self.kind))
        problem = self._limits(plain)
        if problem is not None:
            raise StoreError(problem)
        return plain

    def _limits(self, value: Value) -> Problem | None:
        if isinstance(value, str):
            if self.allowed is not None and value not in self.allowed:
                return problems.not_allowed(self.name, self.allowed)
            if self.max_length is not None and len(value) > self.max_length:
                return problems.too_long(self.name, self.max_length)
            if "\x00" in value or not (value.isascii() or _encodes(value)):
                return problems.bad_character(self.name)
        elif self.bounds is not None and isinstance(value, (int, float)):
            low, high = self.bounds
            if not low <= value <= high:
                return problems.out_of_range(self.name, low, high)
        elif isinstance(value, datetime) and not _EARLIEST <= value < _LATEST:
            return problems.beyond_the_calendar(self.name)
        return None


def to_log(value: Value) -> Any:
    """Return a value as the change log keeps it: moments as ISO 8601 text in UTC, the rest as JSON has it."""
    return value.isoformat() if isinstance(value, datetime) else value


def from_log(field: Field, value: Any) -> Value:
    """Return a logged value as the field holds it."""
    if field.kind == "moment" and value is not None:
        return datetime.fromisoformat(value)
    return value  # type: ignore[no-any-return]


def check_changes(entity: str, values: Mapping[str, Any]) -> dict[str, Value]:
    """Check every value of a write. Raises StoreError for an unknown field or a value that does not fit."""
    fields = FIELDS[entity]
    checked = {}
    for name, value in values.items():
        if name not in fields:
            raise StoreError(problems.unknown_field(name, entity))
        checked[name] = fields[name].check(value)
    return checked


def complete_new(entity: str, values: dict[str, Value]) -> dict[str, Value]:
    """Fill a new record's defaults. Raises StoreError when a required field has no value."""
    filled = DEFAULTS[entity] | values
    for name in REQUIRED[entity]:
        if filled.get(name) is None:
            raise StoreError(problems.required(name))
    return filled


def check_still_complete(entity: str, changes: Mapping[str, Value]) -> None:
    """Refuse a change that empties a required field (StoreError)."""
    for name in REQUIRED[entity]:
        if name in changes and changes[name] is None:
            raise StoreError(problems.required(name))


def check_whole(entity: str, state: Mapping[str, Value]) -> None:
    """Refuse a record whose fields fit one by one but not together (StoreError)."""
    if entity not in _TERMS:
        return
    start, end = state.get("start_at"), state.get("end_at")
    if isinstance(start, datetime) and isinstance(end, datetime) and end <= start:
        raise StoreError(problems.bad_term())


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain_string(value: Any) -> str | None:
    return str(value) if isinstance(value, str) else None


def _plain_float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _plain_integer(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        return None
    return int(value)


def _plain_boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _plain_moment(value: Any) -> datetime | None:
    """Normalise also the moments of pandas, which are datetimes with nanoseconds, or not a time at all."""
    if not isinstance(value, datetime) or value.tzinfo is None or value != value:
        return None
    return value if type(value) is datetime and value.tzinfo is UTC else from_micros(to_micros(value))


_PLAIN: dict[Kind, Any] = {
    "string": _plain_string,
    "float": _plain_float,
    "integer": _plain_integer,
    "boolean": _plain_boolean,
    "moment": _plain_moment,
}


def _kind(column_type: Any) -> Kind:
    if isinstance(column_type, UtcMoment):
        return "moment"
    if isinstance(column_type, Float):
        return "float"
    if isinstance(column_type, Boolean):
        return "boolean"
    if isinstance(column_type, Integer):
        return "integer"
    return "string"


def _fields_of(name: str, model: type[DeclarativeBase]) -> dict[str, Field]:
    found = {}
    for column in model.__table__.columns:
        if column.name in _BOOKKEEPING or column.info.get("secret"):
            continue
        kind = _kind(column.type)
        default = column.default.arg if column.default is not None and column.default.is_scalar else None
        found[column.name] = Field(
            name=column.name,
            kind=kind,
            required=not column.nullable,
            max_length=column.type.length if isinstance(column.type, String) else None,
            allowed=_ALLOWED.get((name, column.name)),
            bounds=_BOUNDS.get((name, column.name)),
            reference=name if column.name == "merged_into" else REFERENCES.get(column.name),
            default=default,
        )
    return found


def _of_kind(kind: Kind) -> dict[str, frozenset[str]]:
    return {
        entity: frozenset(name for name, field in fields.items() if field.kind == kind)
        for entity, fields in FIELDS.items()
    }


FIELDS: dict[str, dict[str, Field]] = {
    name: _fields_of(name, model)  # type: ignore[arg-type]
    for name, model in (RECORDS | FACTS).items()
}
DEFAULTS: dict[str, dict[str, Value]] = {
    entity: {name: field.default for name, field in fields.items() if field.default is not None}
    for entity, fields in FIELDS.items()
}
EMPTY: dict[str, Mapping[str, Value]] = {entity: dict.fromkeys(fields) for entity, fields in FIELDS.items()}
"""The state of a record that does not exist yet."""
FLOATS = _of_kind("float")
MOMENTS = _of_kind("moment")
REQUIRED: dict[str, tuple[str, ...]] = {
    entity: tuple(name for name, field in fields.items() if field.required)
    for entity, fields in FIELDS.items()
}
