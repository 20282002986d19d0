"""How the columns of somebody's file become fields of ours. A mapping is data, saved and sent as JSON."""

from collections.abc import Sequence
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from crm_store.repositories.fields import FACTS, FIELDS, Kind
from crm_store.repositories.fields import Field as StoreField
from crm_store.repositories.problems import StoreError, missing_column

EntityName = Literal[
    "lead",
    "account",
    "contact",
    "opportunity",
    "ticket",
    "contract",
    "rep",
    "team",
    "activity",
    "order_snapshot",
]
RECORDED_AT = StoreField("recorded_at", "moment", False, None, None, None, None, None)


class ColumnRule(BaseModel):
    """One column and the field that it fills; ``join`` names further columns of a composite outside id.

    ``values`` translates cells first ({"电话": "call"}). Moments outside [``not_before``, ``before``) are
    rejected. ``reference_source`` is the outside system whose ids the cells of a reference hold. An empty
    cell leaves a field as it is, unless ``clear_empty``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: Annotated[str, Field(min_length=1, max_length=200)]
    field: Annotated[str, Field(min_length=1, max_length=40)]
    join: tuple[str, ...] = ()
    values: dict[str, str] | None = None
    not_before: AwareDatetime | None = None
    before: AwareDatetime | None = None
    reference_source: str | None = None
    clear_empty: bool = False


class ColumnMapping(BaseModel):
    """A whole mapping for one kind of record or fact.

    ``source`` names the outside system; with the ``external_id`` column it gives every row its stable id.
    ``timezone`` is that of moments written without one. ``constants`` fill fields that no column holds.
    A moment known as ``recorded_at`` is when the source knew the row: without such a column it is a fact's
    ``occurred_at``, and for records the time of the import.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(max_length=40)] = "csv"
    entity: EntityName
    source: Annotated[str, Field(min_length=1, max_length=40)]
    columns: tuple[ColumnRule, ...]
    constants: dict[str, str | float | int] = {}
    timezone: str = "UTC"
    encoding: Literal["utf-8", "gb18030", "gbk"] | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","

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

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no such time zone: {name}") from error
        return name

    @model_validator(mode="after")
    def _fits_the_store(self) -> "ColumnMapping":
        named = [rule.field for rule in self.columns] + list(self.constants)
        known = FIELDS[self.entity].keys() | {"recorded_at"}
        for name in named:
            if name not in known or name == "source":
                raise ValueError(f"{self.entity} has no field {name} to fill")
            if named.count(name) > 1:
                raise ValueError(f"field {name} is filled twice")
        for name, value in self.constants.items():
            try:
                self.store_field(name).check(value)
            except StoreError as error:
                raise ValueError(str(error)) from error
        if "external_id" not in [rule.field for rule in self.columns]:
            raise ValueError("one column must hold external_id")
        return self
