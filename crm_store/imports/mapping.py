"""How the columns of somebody's file become fields of ours. A mapping is data, saved and sent as JSON."""

from collections.abc import Sequence
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from crm_store.repositories.fields import FACTS, FIELDS, RECORDS, Kind
from crm_store.repositories.fields import Field as StoreField
from crm_store.repositories.problems import StoreError, missing_column

# People get their sign-in from an administrator, not from a file.
_NOT_IMPORTED = frozenset({"user"})
# Who entered a fact is who imports it; what was merged into what is found out, not said.
HIDDEN = frozenset({"source", "entered_by", "merged_into"})
"""Fields that no column fills."""

MAX_COLUMN_NAME = 200
KINDS = tuple(kind for kind in FIELDS if kind not in _NOT_IMPORTED)
"""The kinds of records and facts that a file may hold."""

RECORDED_AT = StoreField(
    name="recorded_at",
    kind="moment",
    required=False,
    max_length=None,
    allowed=None,
    bounds=None,
    reference=None,
    default=None,
)


def _known_kind(entity: str) -> str:
    if entity not in KINDS:
        raise ValueError(f"no such kind of record: {entity}")
    return entity


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no such time zone: {name}") from error
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]


class ColumnRule(BaseModel):
    """One column and the field that it fills; ``join`` names further columns whose cells follow the first's.

    Joined cells make a composite outside id, with hyphens, and an empty one makes it no id; with
    ``separator`` they make a text (姓 and 名), of those that are not empty. ``values`` translates cells first
    ({"电话": "call"}). Moments outside [``not_before``, ``before``) are rejected. A reference holds the other
    record's outside id in ``reference_source``, or, with ``by_name``, its name, which must be one record's
    alone. An empty cell leaves a field as it is, unless ``clear_empty``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: Annotated[str, Field(min_length=1, max_length=MAX_COLUMN_NAME)]
    field: Annotated[str, Field(min_length=1, max_length=40)]
    join: tuple[str, ...] = ()
    separator: Annotated[str, Field(max_length=5)] | None = None
    values: dict[str, str] | None = None
    not_before: AwareDatetime | None = None
    before: AwareDatetime | None = None
    reference_source: str | None = None
    by_name: bool = False
    clear_empty: bool = False


class ColumnMapping(BaseModel):
    """A whole mapping for one kind of record or fact.

    ``source`` names the outside system; with the ``external_id`` column it gives every row its stable id.
    ``timezone`` is that of moments written without one. ``constants`` fill fields that no column holds.
    ``date_order`` is that of dates like 3/5/2026, which are no dates without it.
    ``delimiter`` and ``encoding`` are of CSV files (None: found out), ``sheet`` is of workbooks (None: the
    first).
    A moment known as ``recorded_at`` is when the source knew the row: without such a column it is a fact's
    ``occurred_at``, and for records the time of the import.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=40)] = "csv"
    entity: Annotated[str, AfterValidator(_known_kind)]
    source: Annotated[str, Field(min_length=1, max_length=40)]
    columns: tuple[ColumnRule, ...]
    constants: dict[str, bool | int | float | str] = {}
    timezone: ZoneName = "UTC"
    date_order: Literal["ymd", "mdy", "dmy"] = "ymd"
    encoding: Literal["utf-8", "gb18030", "gbk"] | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    sheet: Annotated[str, Field(max_length=31)] | None = None

    @property
    def is_fact(self) -> bool:
        """Whether rows are facts (added once, never changed) rather than records."""
        return self.entity in FACTS

    def store_field(self, name: str) -> StoreField:
        """Return what the store says of a field."""
        return RECORDED_AT if name == "recorded_at" else FIELDS[self.entity][name]

    def kind(self, rule: ColumnRule) -> Kind:
        """Return what the column's cells hold."""
        return self.store_field(rule.field).kind

    def places(self, header: Sequence[str]) -> list[list[int]]:
        """Return, for each rule, where its columns stand. Raises StoreError when one is missing."""
        for name in (name for rule in self.columns for name in (rule.column, *rule.join)):
            if name not in header:
                raise StoreError(missing_column(name))
        return [[header.index(name) for name in (rule.column, *rule.join)] for rule in self.columns]

    @model_validator(mode="after")
    def _fits_the_store(self) -> "ColumnMapping":
        named = [rule.field for rule in self.columns] + list(self.constants)
        known = FIELDS[self.entity].keys() | {"recorded_at"}
        for name in named:
            if name not in known or name in HIDDEN:
                raise ValueError(f"{self.entity} has no field {name} to fill")
            if named.count(name) > 1:
                raise ValueError(f"field {name} is filled twice")
        for rule in self.columns:
            reference = self.store_field(rule.field).reference
            if rule.by_name and (reference not in RECORDS or "name" not in FIELDS[reference]):
                raise ValueError(f"{rule.field} cannot be looked up by name")
        for name, value in self.constants.items():
            try:
                self.store_field(name).check(value)
            except StoreError as error:
                raise ValueError(str(error)) from error
        if "external_id" not in [rule.field for rule in self.columns]:
            raise ValueError("one column must hold external_id")
        return self
